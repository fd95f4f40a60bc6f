using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Qualifications;

/// <summary>How much a person may do with a rig; each level may do what those before it may.</summary>
public enum QualificationLevel
{
    /// <summary>Uses it while somebody qualified stands by.</summary>
    Supervised = 1,

    /// <summary>Uses it alone.</summary>
    Independent = 2,

    /// <summary>Uses it, and stands by for others.</summary>
    Instructor = 3,
}

/// <summary>What a rig asks of those who book it.</summary>
/// <param name="Level">At least this one.</param>
/// <param name="SupervisedRuns">Runs under supervision behind the qualification, at least; 0 = none.</param>
public sealed record QualificationNeed(QualificationLevel Level, int SupervisedRuns = 0);

/// <summary>What a person has shown to be able to do, where, and how long that holds.</summary>
/// <param name="Name">qualifications/{qualification}</param>
/// <param name="Person">persons/{person}</param>
/// <param name="RigKind">Code of the list "rig-kind".</param>
/// <param name="HazardClass">Code of the list "hazard-class": the worst that it covers.</param>
/// <param name="Lab">labs/{lab} in which it holds; empty = in every lab of the nation.</param>
/// <param name="Level">What it lets its holder do.</param>
/// <param name="ValidFrom">First instant.</param>
public sealed record Qualification(string Name, string Person, string RigKind, string HazardClass, string Lab, QualificationLevel Level, Instant ValidFrom)
{
    /// <summary>Runs under supervision in its evidence.</summary>
    public int SupervisedRuns { get; init; }

    /// <summary>First instant after its date; null = it has no date.</summary>
    public Instant? ValidUntil { get; init; }

    /// <summary>How long it holds without use; null = disuse does not end it.</summary>
    public Duration? Unused { get; init; }

    /// <summary>How long it holds until it is used for the first time; null = as <see cref="Unused"/>.</summary>
    public Duration? NeverUsed { get; init; }

    /// <summary>The last use that counted; null = none.</summary>
    public Instant? LastUse { get; init; }

    /// <summary>When it was revoked, or was found to have lapsed; null = neither.</summary>
    public Instant? Ended { get; init; }

    /// <summary>When disuse ends it if it is not used again; null = never.</summary>
    public Instant? LapsesByDisuse => LastUse is { } used ? used + Unused : ValidFrom + (NeverUsed ?? Unused);

    /// <summary>When it ends if nothing more happens; null = never.</summary>
    public Instant? Lapses => Earliest(Ended, Earliest(ValidUntil, LapsesByDisuse));

    /// <summary>True when it holds at the instant.</summary>
    public bool HoldsAt(Instant now) => ValidFrom <= now && !(Lapses <= now);

    /// <summary>
    /// The qualification with its holder's uses told in order. A use counts while the qualification holds; one before it began or after it lapsed
    /// changes nothing: what has lapsed is granted anew, not used back to life.
    /// </summary>
    public Qualification Used(IEnumerable<Instant> inOrder)
    {
        var known = this;
        foreach (var use in inOrder)
            if (known.HoldsAt(use) && !(use <= known.LastUse)) known = known with { LastUse = use };
        return known;
    }

    /// <summary>
    /// The part of the future in which it serves a booking: from its first instant to the one returned, null = without end. A booking that begins
    /// before disuse would end the qualification is itself the use that keeps it, so that only its date binds the rest of the window.
    /// </summary>
    public Instant? ServesUntil(TimeWindow window) => LapsesByDisuse is { } idle && idle <= window.Start
        ? Lapses
        : Earliest(Ended, ValidUntil);

    /// <summary>True when it speaks of such a rig, in such a place, for such hazard, whenever it holds.</summary>
    /// <param name="rigKind">Code of the rig's kind.</param>
    /// <param name="lab">The rig's lab.</param>
    /// <param name="hazardClass">What it must cover; empty = not stated, covered by any.</param>
    /// <param name="hazardOrder">Hazard classes from the mildest to the worst.</param>
    public bool Covers(string rigKind, string lab, string hazardClass, IReadOnlyList<string> hazardOrder)
    {
        if (RigKind != rigKind || (Lab.Length > 0 && Lab != lab)) return false;
        if (hazardClass.Length == 0) return true;
        var (mine, asked) = (Rank(hazardOrder, HazardClass), Rank(hazardOrder, hazardClass));
        // A class that the list does not know is covered by nothing and covers nothing.
        return asked >= 0 && mine >= asked;
    }

    private static int Rank(IReadOnlyList<string> order, string code)
    {
        for (var i = 0; i < order.Count; i++)
            if (order[i] == code) return i;
        return -1;
    }

    private static Instant? Earliest(Instant? a, Instant? b) => a is null ? b : b is null || a <= b ? a : b;
}
