using BattKomp.Lab.Contracts;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using NodaTime;
using Shown = BattKomp.Lab.V1.Qualification;

namespace BattKomp.Lab.Server.Features.Qualifications;

/// <summary>Reads a qualification as somebody wrote it: every malformed field at once, then a clean copy.</summary>
internal static class QualificationFields
{
    private const int MostEvidence = 100, LongestText = 200, MostDays = 3660;

    /// <exception cref="LabException">FIELDS_INVALID.</exception>
    internal static Shown Read(Shown? asked, CatalogueSnapshot catalogue, Instant now)
    {
        var q = (asked ?? new Shown()).Clone();
        q.ValidFrom ??= Timestamps.FromInstant(now);
        var checks = new FieldChecks()
            .Require(ResourceNames.Is(q.Person, "persons"), "qualification.person", "must be persons/<person>.")
            .Require(catalogue.HasCode("rig-kind", q.RigKind), "qualification.rig_kind", $"is '{q.RigKind}'; use one of {catalogue.CodesOf("rig-kind")}.")
            .Require(catalogue.HasCode("hazard-class", q.HazardClass), "qualification.hazard_class", $"is '{q.HazardClass}'; use one of {catalogue.CodesOf("hazard-class")}.")
            .Require(q.Lab.Length == 0 || ResourceNames.Is(q.Lab, "labs"), "qualification.lab", "must be labs/<lab>, or empty for the nation.")
            .Require(System.Enum.IsDefined(q.Level) && q.Level != QualificationLevel.Unspecified, "qualification.level", "is missing; use SUPERVISED_USER, INDEPENDENT_USER or INSTRUCTOR.")
            .Require(q.UnusedDays is >= 0 and <= MostDays, "qualification.unused_days", $"is {q.UnusedDays}; use 1 to {MostDays}, 0 = disuse does not end it.")
            .Require(q.NeverUsedDays is >= 0 and <= MostDays, "qualification.never_used_days", $"is {q.NeverUsedDays}; use 1 to {MostDays}, 0 = as unused_days.");
        Times(checks, q, now);
        Evidence(checks, q, now);
        checks.ThrowIfAny();
        return Clean(q);
    }

    private static void Times(FieldChecks checks, Shown q, Instant now)
    {
        var (from, until) = (IsTime(q.ValidFrom), q.ValidUntil is null || IsTime(q.ValidUntil));
        checks.Require(from, "qualification.valid_from", "is not a time between the years 2000 and 2200.")
            .Require(until, "qualification.valid_until", "is not a time between the years 2000 and 2200.");
        if (!from || !until || q.ValidUntil is null) return;
        var end = BookingTimes.Instant(q.ValidUntil);
        checks.Require(end > BookingTimes.Instant(q.ValidFrom), "qualification.valid_until", "does not lie after valid_from.")
            .Require(end > now, "qualification.valid_until", "is past; grant what still holds.");
    }

    private static void Evidence(FieldChecks checks, Shown q, Instant now)
    {
        checks.Require(q.Evidence.Count is >= 1 and <= MostEvidence, "qualification.evidence", $"holds {q.Evidence.Count} items; say on what it is granted, in 1 to {MostEvidence}.");
        foreach (var (e, at) in q.Evidence.Take(MostEvidence).Select((e, i) => (e, $"qualification.evidence[{i}]")))
        {
            checks.Require(System.Enum.IsDefined(e.Kind) && e.Kind != QualificationEvidence.Types.Kind.Unspecified, at + ".kind", "is missing; use COURSE, CERTIFICATE or SUPERVISED_RUN.")
                .Require(IsLine(e.Reference) && e.Reference.Length > 0, at + ".reference", $"must be one line of 1 to {LongestText} characters.")
                .Require(IsLine(e.IssuedBy), at + ".issued_by", $"must be one line of at most {LongestText} characters.")
                .Require(e.Issued is null || IsDay(e.Issued, now), at + ".issued", "is no day in the calendar, or lies ahead.")
                .Require(e.Sha256.Length == 0 || (e.Sha256.Length == 64 && e.Sha256.All(char.IsAsciiHexDigitLower)), at + ".sha256", "must be 64 lower-case hex digits, or empty.");
            if (e.Kind == QualificationEvidence.Types.Kind.SupervisedRun)
                checks.Require(ResourceNames.Is(e.Reference, "runs"), at + ".reference", "must be runs/<run> for a run under supervision.");
        }
    }

    private static Shown Clean(Shown q)
    {
        q.Name = q.GrantedBy = q.RevokedBy = q.RevokeReason = "";
        q.LastUseTime = q.LapseTime = q.CreateTime = q.EndTime = null;
        q.State = Shown.Types.State.Unspecified;
        q.SupervisedRuns = q.Evidence.Where(e => e.Kind == QualificationEvidence.Types.Kind.SupervisedRun).Select(e => e.Reference).Distinct().Count();
        q.ValidFrom = BookingTimes.Stamp(BookingTimes.Instant(q.ValidFrom));
        if (q.ValidUntil is not null) q.ValidUntil = BookingTimes.Stamp(BookingTimes.Instant(q.ValidUntil));
        return q;
    }

    private static bool IsTime(Timestamp stamp) => stamp is { Seconds: >= 946_684_800 and < 7_258_118_400, Nanos: >= 0 and < 1_000_000_000 };

    private static bool IsLine(string text) => text.Length <= LongestText && !text.Any(char.IsControl);

    // A day that has begun somewhere on earth has come.
    private static bool IsDay(Google.Type.Date day, Instant now) => day.Year is >= 1950 and < 2200 && day.Month is >= 1 and <= 12 && day.Day >= 1
        && day.Day <= CalendarSystem.Iso.GetDaysInMonth(day.Year, day.Month) && new LocalDate(day.Year, day.Month, day.Day) <= now.InUtc().Date.PlusDays(1);
}
