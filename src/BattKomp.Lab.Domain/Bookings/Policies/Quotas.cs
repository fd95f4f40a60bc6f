using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Policies;

/// <summary>A quota that binds a request, with what its subject has besides it.</summary>
/// <param name="Term">The quota.</param>
/// <param name="Scope">Whose word it is.</param>
/// <param name="Subject">persons/…, organisations/… or a cohort.</param>
/// <param name="Zone">The zone in which its periods lie.</param>
/// <param name="Others">The subject's other bookings in the scope that count: all that took time or should have.</param>
public sealed record QuotaUse(QuotaTerm Term, string Scope, string Subject, DateTimeZone Zone, IReadOnlyList<TimeWindow> Others);

/// <summary>The arithmetic of quotas: periods on the lab's own calendar, time split at their ends, only the hours that count.</summary>
public static class Quotas
{
    /// <summary>The periods that a window touches, in order; a period is as long as its wall clock says, 23 or 25 hours included.</summary>
    public static IReadOnlyList<TimeWindow> PeriodsOf(QuotaTerm term, DateTimeZone zone, TimeWindow window, Instant now)
    {
        if (term.Period == QuotaPeriod.Future) return [new TimeWindow(now, Instant.Max(window.End, now) + Duration.FromDays(36_500))];
        var periods = new List<TimeWindow>();
        var last = (window.End - Duration.Epsilon).InZone(zone).Date;
        for (var day = StartOf(term, window.Start.InZone(zone).Date); day <= last; day = Next(term, day))
            periods.Add(new TimeWindow(zone.AtStartOfDay(day).ToInstant(), zone.AtStartOfDay(Next(term, day)).ToInstant()));
        return periods;
    }

    /// <summary>The time of a window that counts within a period.</summary>
    public static Duration Counted(QuotaTerm term, DateTimeZone zone, TimeWindow window, TimeWindow period)
    {
        var (start, end) = (Instant.Max(window.Start, period.Start), Instant.Min(window.End, period.End));
        if (start >= end) return Duration.Zero;
        if (term.Counted.Count == 0) return end - start;
        var hours = new LabFacts("", zone, term.Counted, []);
        return OpeningTimes.In(hours, new TimeWindow(start, end)).Aggregate(Duration.Zero, (sum, stretch) => sum + stretch.Length);
    }

    /// <summary>What the request would make of the quota, for every period in which it would be too much.</summary>
    public static IEnumerable<(TimeWindow Period, string Limit, string Actual)> Exceeded(QuotaUse use, TimeWindow wanted, Instant now)
    {
        foreach (var period in PeriodsOf(use.Term, use.Zone, wanted, now))
        {
            var future = use.Term.Period == QuotaPeriod.Future;
            if (use.Term.MaxCount is { } most && (future || Starts(period, wanted)))
            {
                var count = 1 + use.Others.Count(o => future ? o.End > now : Starts(period, o));
                if (count > most) yield return (period, $"{most} bookings", $"{count} bookings");
            }
            if (use.Term.MaxTime is not { } longest) continue;
            var own = Counted(use.Term, use.Zone, wanted, period);
            var all = use.Others.Aggregate(own, (sum, other) => sum + Counted(use.Term, use.Zone, other, period));
            // What adds nothing cannot be too much.
            if (own > Duration.Zero && all > longest) yield return (period, Sentences.Of(longest), Sentences.Of(all));
        }
    }

    /// <summary>"at most 10 h a week of each person".</summary>
    public static string Text(QuotaTerm term)
    {
        var limits = new[] { term.MaxCount is { } n ? $"{n} bookings" : "", term.MaxTime is { } t ? Sentences.Of(t) : "" }.Where(l => l.Length > 0);
        var period = term.Period == QuotaPeriod.Future ? "ahead" : $"a {term.Period.ToString().ToLowerInvariant()}";
        return $"at most {string.Join(" and ", limits)} {period} of each {term.Subject.ToString().ToLowerInvariant()}{(term.Counted.Count > 0 ? ", in the hours that count" : "")}";
    }

    private static bool Starts(TimeWindow period, TimeWindow window) => window.Start >= period.Start && window.Start < period.End;

    private static LocalDate StartOf(QuotaTerm term, LocalDate day) => term.Period switch
    {
        QuotaPeriod.Day => day,
        QuotaPeriod.Week => day.DayOfWeek == term.WeekStart ? day : day.Previous(term.WeekStart),
        QuotaPeriod.Month => new LocalDate(day.Year, day.Month, 1),
        _ => new LocalDate(day.Year, 1, 1),
    };

    private static LocalDate Next(QuotaTerm term, LocalDate first) => term.Period switch
    {
        QuotaPeriod.Day => first.PlusDays(1),
        QuotaPeriod.Week => first.PlusDays(7),
        QuotaPeriod.Month => first.PlusMonths(1),
        _ => first.PlusYears(1),
    };
}
