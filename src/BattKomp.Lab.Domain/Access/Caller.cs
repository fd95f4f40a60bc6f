namespace BattKomp.Lab.Domain.Access;

/// <summary>Roles a person can hold at an organisation or a lab; the codes stand in affiliations and tokens.</summary>
public static class Roles
{
    /// <summary>Has a seat in a cohort.</summary>
    public const string Learner = "learner";

    /// <summary>Teaches learners.</summary>
    public const string Teacher = "teacher";

    /// <summary>Does research; doctoral students included.</summary>
    public const string Researcher = "researcher";

    /// <summary>Answers for a course and its modules.</summary>
    public const string CourseOwner = "course-owner";

    /// <summary>Runs a lab: outages, releases, overrides, agents.</summary>
    public const string LabManager = "lab-manager";

    /// <summary>Works in a company.</summary>
    public const string Industry = "industry";

    /// <summary>Sees the country's capacity and its use, not what is confidential in it.</summary>
    public const string Coordinator = "coordinator";

    /// <summary>Every role; a code that is not here is refused in seeds and affiliations.</summary>
    public static IReadOnlyList<string> All { get; } =
        [Learner, Teacher, Researcher, CourseOwner, LabManager, Industry, Coordinator];
}

/// <summary>One role of a person at one organisation, optionally bound to one lab.</summary>
/// <param name="Name">affiliations/{affiliation}</param>
/// <param name="Organisation">organisations/{organisation}</param>
/// <param name="Role">One of <see cref="Roles.All"/>.</param>
/// <param name="Lab">labs/{lab} in which the role holds; empty when it is bound to none.</param>
public sealed record Affiliation(string Name, string Organisation, string Role, string Lab);

/// <summary>Who makes a call: a person with affiliations, or an agent. There is no anonymous caller.</summary>
public abstract record Caller
{
    /// <summary>persons/… or agents/…</summary>
    public abstract string Subject { get; }
}

/// <summary>A signed-in person.</summary>
/// <param name="Name">persons/{person}; opaque.</param>
/// <param name="Affiliations">In force now.</param>
public sealed record PersonCaller(string Name, IReadOnlyList<Affiliation> Affiliations) : Caller
{
    /// <inheritdoc/>
    public override string Subject => Name;

    /// <summary>True when the person holds the role anywhere.</summary>
    public bool Has(string role) => Affiliations.Any(a => a.Role == role);

    /// <summary>True when the person holds any role bound to the lab (its staff).</summary>
    public bool IsStaffOf(string lab) => lab.Length > 0 && Affiliations.Any(a => a.Lab == lab);

    /// <summary>True when the person manages the lab.</summary>
    public bool Manages(string lab) => lab.Length > 0 && Affiliations.Any(a => a.Lab == lab && a.Role == Roles.LabManager);

    /// <summary>True when the person belongs to the organisation.</summary>
    public bool BelongsTo(string organisation) => organisation.Length > 0 && Affiliations.Any(a => a.Organisation == organisation);
}

/// <summary>An edge agent with its own credentials.</summary>
/// <param name="Name">agents/{agent}</param>
/// <param name="Lab">labs/{lab} it stands in.</param>
/// <param name="Revoked">No longer trusted: its data goes to quarantine, it gets no lease.</param>
public sealed record AgentCaller(string Name, string Lab, bool Revoked) : Caller
{
    /// <inheritdoc/>
    public override string Subject => Name;
}
