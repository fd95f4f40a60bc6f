using BattKomp.Lab.Domain.Qualifications;
using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>
/// The holder is qualified for every booked rig that asks for it, for the whole window. Nobody overrides this: who may judge that somebody is able
/// grants the qualification, and says on what evidence.
/// </summary>
public sealed class QualificationRule : IBookingRule
{
    /// <summary>What its violations name as their rule.</summary>
    public const string Name = "qualification";

    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts) =>
        facts.RigsOf(request).Select(rig => Judge(now, request, facts, rig)).OfType<Violation>();

    private static Violation? Judge(Instant now, BookingRequest request, BookingFacts facts, RigFacts rig)
    {
        if (rig.Needs is not { } need) return null;
        var hazard = facts.HazardAt(rig);
        var covering = facts.Qualifications.Where(q => q.Level >= need.Level && q.Covers(rig.RigKind, rig.Lab, hazard, facts.HazardOrder)).ToList();
        var enough = covering.Where(q => q.SupervisedRuns >= need.SupervisedRuns).ToList();
        if (Coverage.UncoveredFrom(enough.Select(q => (q.ValidFrom, q.ServesUntil(request.Left(now)))), request.Left(now)) is not { } end) return null;
        // What still holds, now or later, is a matter of when; what no longer does is a matter of what.
        if (enough.Any(q => !(q.Lapses <= now))) return Expires(now, request.Window, rig, enough, end);
        var nearly = covering.Where(q => q.SupervisedRuns < need.SupervisedRuns && !(q.Lapses <= now)).ToList();
        return nearly.Count > 0 ? TooFewRuns(rig, need, nearly.Max(q => q.SupervisedRuns)) : Missing(rig, need, hazard, covering);
    }

    private static Violation Expires(Instant now, TimeWindow window, RigFacts rig, IReadOnlyList<Qualification> enough, Instant end)
    {
        var nearest = Nearest(now, window, enough);
        return new Violation("QUALIFICATION_EXPIRES", Name,
            $"The holder's qualification for {rig.Name} does not hold for the whole booking: from {Sentences.Of(end)} none does." +
            (nearest is { } n ? $" Nearest: {Sentences.Of(n)}." : "") + $" Ask {rig.Lab} to renew it, or book with someone who is qualified as the holder.")
        {
            Limit = Sentences.Of(end),
            Actual = Sentences.Of(window.End),
            Nearest = nearest,
            Resource = rig.Name,
        };
    }

    // The same length, as close to the wish as one qualification alone carries it.
    private static TimeWindow? Nearest(Instant now, TimeWindow window, IReadOnlyList<Qualification> enough) => enough
        .Select(q => Start(now, window, q)).OfType<Instant>()
        .OrderBy(start => start > window.Start ? start - window.Start : window.Start - start)
        .Select(start => (TimeWindow?)window.StartingAt(start)).FirstOrDefault();

    private static Instant? Start(Instant now, TimeWindow window, Qualification q)
    {
        var earliest = Sentences.MinuteFrom(Instant.Max(now, q.ValidFrom));
        var latest = Instant.Max(earliest, window.Start);
        if (q.LapsesByDisuse is { } idle) latest = Instant.Min(latest, idle - Duration.FromMinutes(1));
        if (q.ValidUntil is { } until) latest = Instant.Min(latest, until - window.Length);
        return q.Ended is null && latest >= earliest ? latest : null;
    }

    private static Violation TooFewRuns(RigFacts rig, QualificationNeed need, int shown) => new("SUPERVISED_RUNS_TOO_FEW", Name,
        $"{rig.Name} asks for {need.SupervisedRuns} runs under supervision, and the holder's qualification shows {shown}. Run more beside an instructor, and ask {rig.Lab} to grant it with them.")
    {
        Limit = $"{need.SupervisedRuns} runs",
        Actual = $"{shown} runs",
        Resource = rig.Name,
    };

    private static Violation Missing(RigFacts rig, QualificationNeed need, string hazard, IReadOnlyList<Qualification> covering)
    {
        var former = covering.Where(q => q.Lapses is not null).OrderBy(q => q.Lapses).LastOrDefault();
        var had = former is null ? "has none" : $"had one until {Sentences.Of(former.Lapses!.Value)}";
        return new Violation("QUALIFICATION_MISSING", Name,
            $"{rig.Name} asks for the level {Of(need.Level)} for {rig.RigKind}{(hazard.Length > 0 ? $" up to hazard class {hazard}" : "")}; the holder {had}. Ask {rig.Lab} for the training, or book with someone who is qualified as the holder.")
        {
            Limit = Of(need.Level),
            Actual = former is null ? "none" : $"lapsed {Sentences.Of(former.Lapses!.Value)}",
            Resource = rig.Name,
        };
    }

    private static string Of(QualificationLevel level) => level switch
    {
        QualificationLevel.Supervised => "SUPERVISED_USER",
        QualificationLevel.Independent => "INDEPENDENT_USER",
        _ => "INSTRUCTOR",
    };
}
