namespace BattKomp.Lab.Domain.Sharing;

/// <summary>
/// The Fair Tree order (as in Slurm): at each level the branch that has used least of its share goes first with everyone in it, so that no user can
/// suffer or profit from what happens in another branch. Tied branches are ranked as one; a user tied with a branch stands beside its first. Pure.
/// </summary>
public static class FairTree
{
    /// <summary>Levels below the root at most; a deeper tree is a mistake of whoever built it.</summary>
    public const int MostLevels = 32;

    /// <summary>The place of every user, by name.</summary>
    /// <exception cref="ArgumentException">Names are not unique, shares or use are negative or not finite, or the tree is too deep.</exception>
    public static IReadOnlyDictionary<string, SharePlace> Rank(ShareNode root)
    {
        var ranking = new Ranking(Check(root, 0));
        ranking.Visit(Compare(root, []), besideLast: false);
        return ranking.Places();
    }

    /// <summary>Shares ÷ use, both as parts of what the siblings have together.</summary>
    internal static double Factor(double shares, double use) => shares == 0 ? 0 : use == 0 ? double.PositiveInfinity : shares / use;

    private static List<Branch> Compare(ShareNode parent, IReadOnlyList<ShareLevel> above)
    {
        var (shares, use) = (parent.Children.Sum(c => c.Shares), parent.Children.Sum(c => c.TotalUse));
        return [.. parent.Children.Select(c =>
        {
            var (s, u) = (Part(c.Shares, shares), Part(c.TotalUse, use));
            return new Branch(c, s, u, Factor(s, u), above);
        })];
    }

    private static double Part(double of, double all) => all == 0 ? 0 : of / all;

    // Equal by arithmetic need not be equal in the last bits.
    private static double Key(double factor)
    {
        if (factor == 0 || double.IsInfinity(factor)) return factor;
        var scale = Math.Pow(10, 10 - Math.Ceiling(Math.Log10(factor)));
        return double.IsFinite(scale) ? Math.Round(factor * scale) / scale : factor;
    }

    private static int Check(ShareNode root, int depth)
    {
        var (names, users) = (new HashSet<string>(), 0);
        Walk(root, depth);
        return users;

        void Walk(ShareNode node, int level)
        {
            if (level > MostLevels) throw new ArgumentException($"'{node.Name}' lies more than {MostLevels} levels deep; is a branch its own parent?", nameof(root));
            if (!names.Add(node.Name)) throw new ArgumentException($"'{node.Name}' is in the tree twice.", nameof(root));
            if (!double.IsFinite(node.Shares) || !double.IsFinite(node.Use) || node.Shares < 0 || node.Use < 0) throw new ArgumentException($"'{node.Name}': shares and use are 0 or more.", nameof(root));
            if (node.IsUser && node.Children.Count > 0) throw new ArgumentException($"'{node.Name}' is a user and has children.", nameof(root));
            if (node.IsUser) users++;
            foreach (var child in node.Children) Walk(child, level + 1);
        }
    }

    private sealed record Branch(ShareNode Node, double Shares, double Use, double Factor, IReadOnlyList<ShareLevel> Above);

    private sealed class Ranking(int users)
    {
        private readonly List<(Branch User, IReadOnlyList<ShareLevel> Levels, int Place)> _placed = [];

        internal void Visit(IReadOnlyList<Branch> branches, bool besideLast)
        {
            var ahead = 0;
            foreach (var tied in branches.GroupBy(b => Key(b.Factor)).OrderByDescending(g => g.Key).Select(g => g.ToList()))
            {
                var leaves = tied.Where(b => b.Node.IsUser).ToList();
                var place = besideLast && _placed.Count > 0 ? _placed[^1].Place : _placed.Count + 1;
                foreach (var leaf in leaves) _placed.Add((leaf, Levels(leaf, branches.Count, ahead, tied.Count - 1), place));
                var merged = tied.Where(b => !b.Node.IsUser).SelectMany(b => Compare(b.Node, Levels(b, branches.Count, ahead, tied.Count - 1))).ToList();
                var before = _placed.Count;
                if (merged.Count > 0) Visit(merged, besideLast || leaves.Count > 0);
                // Whoever stood beside the last has had its place only once somebody took one.
                if (leaves.Count > 0 || _placed.Count > before) besideLast = false;
                ahead += tied.Count;
            }
        }

        internal Dictionary<string, SharePlace> Places()
        {
            var on = _placed.CountBy(p => p.Place).ToDictionary();
            return _placed.ToDictionary(p => p.User.Node.Name, p => new SharePlace(p.User.Node.Name, p.Place, users, on[p.Place] - 1, p.Levels));
        }

        private static IReadOnlyList<ShareLevel> Levels(Branch b, int compared, int ahead, int tied) =>
            [.. b.Above, new ShareLevel(b.Node.Name, b.Shares, b.Use, b.Node.TotalUse, b.Factor, compared, ahead, tied)];
    }
}
