using BattKomp.Lab.Domain.Qualifications;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.V1;
using NodaTime;
using Level = BattKomp.Lab.Domain.Qualifications.QualificationLevel;
using Known = BattKomp.Lab.Domain.Qualifications.Qualification;
using Shown = BattKomp.Lab.V1.Qualification;

namespace BattKomp.Lab.Server.Features.Qualifications;

/// <summary>A qualification as stored: as granted, and what has become of it.</summary>
/// <param name="Granted">As granted; never changed.</param>
/// <param name="CreatedUs">When.</param>
/// <param name="LastUseUs">The last use that the sweep has seen; later ones are read from the runs.</param>
/// <param name="DueUs">When the sweep looks next; null = never.</param>
/// <param name="EndedUs">When it was revoked, or lapsed as the sweep found.</param>
/// <param name="RevokedBy">persons/…; empty = not revoked.</param>
/// <param name="RevokeReason">Why; empty = not revoked.</param>
internal sealed record QualificationRow(Shown Granted, long CreatedUs, long? LastUseUs, long? DueUs, long? EndedUs, string RevokedBy, string RevokeReason)
{
    internal string Name => Granted.Name;

    /// <summary>True when its uses decide how long it holds.</summary>
    internal bool LapsesByDisuse => Granted.UnusedDays > 0 || Granted.NeverUsedDays > 0;

    /// <summary>As the rules know it, with the uses that the sweep has seen.</summary>
    internal Known Known => new(Name, Granted.Person, Granted.RigKind, Granted.HazardClass, Granted.Lab, (Level)(int)Granted.Level, BookingTimes.Instant(Granted.ValidFrom))
    {
        SupervisedRuns = Granted.SupervisedRuns,
        ValidUntil = Granted.ValidUntil is { } until ? BookingTimes.Instant(until) : null,
        Unused = Days(Granted.UnusedDays),
        NeverUsed = Days(Granted.NeverUsedDays),
        LastUse = LastUseUs is { } used ? Micros.ToInstant(used) : null,
        Ended = EndedUs is { } ended ? Micros.ToInstant(ended) : null,
    };

    /// <summary>As people see it.</summary>
    /// <param name="now">Machine time.</param>
    /// <param name="known">With all its uses.</param>
    internal Shown Seen(Instant now, Known known)
    {
        var seen = Granted.Clone();
        var lapses = known.Lapses;
        seen.State = RevokedBy.Length > 0 ? Shown.Types.State.Revoked
            : lapses <= now ? Shown.Types.State.Lapsed
            : known.ValidFrom > now ? Shown.Types.State.NotYet : Shown.Types.State.Valid;
        seen.LastUseTime = known.LastUse is { } used ? Timestamps.FromInstant(used) : null;
        (seen.LapseTime, seen.EndTime) = (null, null);
        if (lapses is { } end && end > now) seen.LapseTime = Timestamps.FromInstant(end);
        else if (lapses is { } ended) seen.EndTime = Timestamps.FromInstant(ended);
        (seen.CreateTime, seen.RevokedBy, seen.RevokeReason) = (Timestamps.FromMicros(CreatedUs), RevokedBy, RevokeReason);
        return seen;
    }

    private static Duration? Days(int days) => days > 0 ? Duration.FromDays(days) : null;
}
