using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Recurrence;

/// <summary>The first window of a series, as the clock on the lab's wall shows it.</summary>
/// <param name="Start">Wall time.</param>
/// <param name="WallMinutes">Length on the wall clock, minutes: noon to noon is 1440 even where it lasts 23 or 25 hours.</param>
/// <param name="Zone">The lab's zone.</param>
/// <param name="Twice">Which instant is meant by a wall time that occurs twice.</param>
public sealed record WallWindow(LocalDateTime Start, int WallMinutes, DateTimeZone Zone, WhenTwice Twice = WhenTwice.Ask);

/// <summary>One instance of a series.</summary>
/// <param name="Start">Wall time of its start.</param>
/// <param name="End">Wall time of its end.</param>
/// <param name="Window">Its instants; null when <paramref name="Finding"/> says why there are none.</param>
/// <param name="Finding">A start or end that does not exist or occurs twice; null when all is well.</param>
public sealed record Occurrence(LocalDateTime Start, LocalDateTime End, TimeWindow? Window, WallTime? Finding);

/// <summary>Unrolls rules into windows. Pure: dates are counted on the calendar, and only then put on the line of instants.</summary>
public static class Recurrences
{
    private const int LastYear = 2199;
    private const int FirstYear = 2000;
    private const int MostMinutes = 400 * 24 * 60;

    /// <summary>Every instance in order, exceptions left out: strictly increasing, never overlapping each other. Never throws.</summary>
    public static bool TryExpand(RecurrenceRule rule, WallWindow first, [NotNullWhen(true)] out IReadOnlyList<Occurrence>? occurrences, [NotNullWhen(false)] out RecurrenceError? error)
    {
        occurrences = null;
        var dates = new List<LocalDate>();
        error = Fits(first) ?? Dates(rule, first, dates) ?? Excluded(rule, first, dates);
        if (error is not null) return false;
        var found = dates.Select(d => d + first.Start.TimeOfDay).Where(s => !rule.Exclusions.Any(x => x.Covers(s))).Select(s => Place(s, first)).ToList();
        error = found.Count == 0 ? new RecurrenceError("RECURRENCE_EMPTY", "EXDATE", "EXDATE leaves no instance; leave out fewer.") : SelfOverlap(found);
        if (error is null) occurrences = found;
        return error is null;
    }

    private static RecurrenceError? Fits(WallWindow first) =>
        first.Start.Year is < FirstYear or > LastYear ? RecurrenceError.Malformed("START", $"The first start lies in the year {first.Start.Year}; use {FirstYear} to {LastYear}.")
        : first.WallMinutes is < 1 or > MostMinutes ? RecurrenceError.Malformed("DURATION", $"The length is {first.WallMinutes} min; use 1 to {MostMinutes}.")
        : null;

    /// <summary>Adds the dates on which instances start, those of EXDATE included.</summary>
    private static RecurrenceError? Dates(RecurrenceRule rule, WallWindow first, List<LocalDate> dates)
    {
        foreach (var date in Candidates(rule, first.Start.Date))
        {
            if (date.Year > LastYear && dates.Count == 0) return new RecurrenceError("RECURRENCE_EMPTY", "BYDAY", "No day meets the rule; take one of its parts away.");
            if (dates.Count == 0 && date != first.Start.Date)
                return new RecurrenceError("RECURRENCE_START_NOT_IN_RULE", "START",
                    $"The first window starts on {Text(first.Start.Date)}, which the rule does not hold. Start on {Text(date)}, or change the rule.");
            if (rule.Until is { } until && Past(until, date + first.Start.TimeOfDay, first)) break;
            if (date.Year > LastYear) return RecurrenceError.Malformed("COUNT", $"The series reaches past the year {LastYear}; end it earlier.");
            if (dates.Count == RecurrenceRule.MostInstances)
                return new RecurrenceError("RECURRENCE_TOO_MANY", "UNTIL", $"The rule makes more than {RecurrenceRule.MostInstances} instances; end it earlier.");
            dates.Add(date);
            if (dates.Count == rule.Count) break;
        }
        return dates.Count > 0 ? null : new RecurrenceError("RECURRENCE_EMPTY", "UNTIL", "UNTIL lies before the first start; end the rule later.");
    }

    /// <summary>Dates of the rule from the first start on, in order; ends only a little past the last year.</summary>
    private static IEnumerable<LocalDate> Candidates(RecurrenceRule rule, LocalDate start)
    {
        for (var period = 0; ; period += rule.Interval)
        {
            var (from, days) = PeriodAt(rule, start, period);
            if (from.Year > LastYear)
            {
                yield return from;
                yield break;
            }
            for (var date = from; date < from.PlusDays(days); date = date.PlusDays(1))
                if (date >= start && Holds(rule, start, date)) yield return date;
        }
    }

    private static (LocalDate From, int Days) PeriodAt(RecurrenceRule rule, LocalDate start, int period) => rule.Frequency switch
    {
        Frequency.Daily => (start.PlusDays(period), 1),
        Frequency.Weekly => (start.PlusDays(-(((int)start.DayOfWeek - (int)rule.WeekStart + 7) % 7)).PlusWeeks(period), 7),
        Frequency.Monthly => (new LocalDate(start.Year, start.Month, 1).PlusMonths(period), Month(new LocalDate(start.Year, start.Month, 1).PlusMonths(period))),
        // By the month, not by the day: 29 February of a year without one is no instance.
        _ => (new LocalDate(start.Year, start.Month, 1).PlusYears(period), Month(new LocalDate(start.Year, start.Month, 1).PlusYears(period))),
    };

    // Without BYDAY and BYMONTHDAY the first start says which day it is.
    private static bool Holds(RecurrenceRule rule, LocalDate start, LocalDate date) => rule switch
    {
        { Frequency: Frequency.Weekly, ByDay.Count: 0 } => date.DayOfWeek == start.DayOfWeek,
        { Frequency: Frequency.Monthly, ByDay.Count: 0, ByMonthDay.Count: 0 } or { Frequency: Frequency.Yearly } => date.Day == start.Day,
        _ => rule.Admits(date),
    };

    private static int Month(LocalDate date) => date.Calendar.GetDaysInMonth(date.Year, date.Month);

    private static bool Past(RecurrenceEnd until, LocalDateTime start, WallWindow first) =>
        until.Wall is { } wall ? start > wall : first.Zone.AtLeniently(start).ToInstant() > until.Utc;

    // An exception that meets nothing is a slip, and the instance meant by it would be booked.
    private static RecurrenceError? Excluded(RecurrenceRule rule, WallWindow first, List<LocalDate> dates)
    {
        foreach (var exclusion in rule.Exclusions)
            if (!dates.Any(d => exclusion.Covers(d + first.Start.TimeOfDay)))
                return new RecurrenceError("RECURRENCE_EXDATE_UNMET", "EXDATE", $"EXDATE {Text(exclusion.Date)} meets no instance of the rule; leave it out or correct it.");
        return null;
    }

    private static Occurrence Place(LocalDateTime start, WallWindow first)
    {
        var end = start.PlusMinutes(first.WallMinutes);
        return (WallTime.In(first.Zone, start, first.Twice), WallTime.In(first.Zone, end, first.Twice)) switch
        {
            (WallTime.At a, WallTime.At b) => new Occurrence(start, end, new TimeWindow(a.Instant, b.Instant), null),
            (WallTime.At, var late) => new Occurrence(start, end, null, late),
            (var early, _) => new Occurrence(start, end, null, early),
        };
    }

    // On the wall clock, so that the answer does not hang on the day on which the clocks change.
    private static RecurrenceError? SelfOverlap(List<Occurrence> found)
    {
        for (var i = 1; i < found.Count; i++)
            if (found[i].Start < found[i - 1].End)
                return new RecurrenceError("RECURRENCE_SELF_OVERLAP", "DURATION",
                    $"The instance of {Text(found[i - 1].Start.Date)} lasts until {found[i - 1].End.ToString("uuuu-MM-dd HH:mm", CultureInfo.InvariantCulture)} and overlaps the next one, " +
                    $"of {Text(found[i].Start.Date)}. Make it shorter or repeat less often.");
        return null;
    }

    private static string Text(LocalDate date) => date.ToString("uuuu-MM-dd", CultureInfo.InvariantCulture);
}
