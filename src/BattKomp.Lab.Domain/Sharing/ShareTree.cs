namespace BattKomp.Lab.Domain.Sharing;

/// <summary>One place in the tree that shares a country's rigs: nation, organisation, unit or, as a leaf, a user.</summary>
/// <param name="Name">Unique in the tree.</param>
/// <param name="Shares">Weight against its siblings, 0 or more; 0 = comes last.</param>
/// <param name="Use">Decayed, weighted channel-hours: of a user all that count; of the others what no user below them stands for.</param>
/// <param name="IsUser">A leaf that gets a place.</param>
/// <param name="Children">Empty for a user.</param>
public sealed record ShareNode(string Name, double Shares, double Use, bool IsUser, IReadOnlyList<ShareNode> Children)
{
    /// <summary>A leaf that gets a place; every user of a unit weighs the same.</summary>
    public static ShareNode User(string name, double use, double shares = 1) => new(name, shares, use, IsUser: true, []);

    /// <summary>A unit, organisation or nation.</summary>
    public static ShareNode Group(string name, double shares, params IReadOnlyList<ShareNode> children) => new(name, shares, 0, IsUser: false, children);

    /// <summary>Use of the whole branch.</summary>
    public double TotalUse { get; } = Use + Children.Sum(c => c.TotalUse);
}

/// <summary>One level on the way to a place. Of others it knows how many, never who.</summary>
/// <param name="Name">The user's own branch at this level.</param>
/// <param name="Shares">Its part of what it and its siblings are entitled to, 0 to 1.</param>
/// <param name="Use">Its part of what it and its siblings have used, 0 to 1.</param>
/// <param name="Hours">What it has used itself, decayed and weighted channel-hours.</param>
/// <param name="Factor">Shares ÷ use: above 1 it has used less than its share; infinite when it has used nothing, 0 without shares.</param>
/// <param name="Compared">With how many it was compared, itself included; more than its siblings where branches were tied and merged.</param>
/// <param name="Ahead">How many of these have a greater factor.</param>
/// <param name="Tied">How many others have the same.</param>
public sealed record ShareLevel(string Name, double Shares, double Use, double Hours, double Factor, int Compared, int Ahead, int Tied);

/// <summary>A user's place, and why.</summary>
/// <param name="User">Name of the leaf.</param>
/// <param name="Place">1 = first; the number of users ahead, plus one.</param>
/// <param name="Of">Users in the tree.</param>
/// <param name="Tied">Others on the same place.</param>
/// <param name="Levels">From below the root down to the user.</param>
public sealed record SharePlace(string User, int Place, int Of, int Tied, IReadOnlyList<ShareLevel> Levels);
