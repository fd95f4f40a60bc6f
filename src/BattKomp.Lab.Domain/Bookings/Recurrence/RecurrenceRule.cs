using System.Diagnostics.CodeAnalysis;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Recurrence;

/// <summary>How long a period of a rule is.</summary>
public enum Frequency
{
    /// <summary>Days.</summary>
    Daily,

    /// <summary>Weeks, which begin on <see cref="RecurrenceRule.WeekStart"/>.</summary>
    Weekly,

    /// <summary>Calendar months.</summary>
    Monthly,

    /// <summary>Calendar years.</summary>
    Yearly,
}

/// <summary>A weekday of BYDAY.</summary>
/// <param name="Ordinal">0 = every one; 1 = the first of the month, −1 = the last, up to ±5.</param>
/// <param name="Day">The weekday.</param>
public readonly record struct WeekdayPart(int Ordinal, IsoDayOfWeek Day);

/// <summary>
/// The subset of RFC 5545 recurrence rules that a series of bookings needs: FREQ DAILY, WEEKLY, MONTHLY or YEARLY, INTERVAL,
/// COUNT or UNTIL, BYDAY (with ordinals when MONTHLY), BYMONTHDAY (DAILY and MONTHLY), WKST, and lines of EXDATE. Anything
/// else is refused by the name of the part. docs/formats/recurrence.md states it for users.
/// </summary>
public sealed record RecurrenceRule
{
    /// <summary>Instances at most, exceptions included.</summary>
    public const int MostInstances = 366;

    /// <summary>The period.</summary>
    public required Frequency Frequency { get; init; }

    /// <summary>Every how many periods, 1 to 999.</summary>
    public int Interval { get; init; } = 1;

    /// <summary>Instances, those of EXDATE included; null when <see cref="Until"/> ends it.</summary>
    public int? Count { get; init; }

    /// <summary>The last moment at which an instance may start; null when <see cref="Count"/> ends it.</summary>
    public RecurrenceEnd? Until { get; init; }

    /// <summary>BYDAY; empty = not given.</summary>
    public IReadOnlyList<WeekdayPart> ByDay { get; init; } = [];

    /// <summary>BYMONTHDAY, 1 to 31 or −31 to −1 from the month's end; empty = not given.</summary>
    public IReadOnlyList<int> ByMonthDay { get; init; } = [];

    /// <summary>The day on which a week begins.</summary>
    public IsoDayOfWeek WeekStart { get; init; } = IsoDayOfWeek.Monday;

    /// <summary>Instances that are left out.</summary>
    public IReadOnlyList<Exclusion> Exclusions { get; init; } = [];

    /// <summary>Reads a rule: "FREQ=WEEKLY;COUNT=10", with or without "RRULE:", and lines "EXDATE:20260409T090000" after it. Never throws.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out RecurrenceRule? rule, [NotNullWhen(false)] out RecurrenceError? error) =>
        RecurrenceParser.TryParse(text ?? "", out rule, out error);

    /// <summary>True when a day of the month meets BYDAY and BYMONTHDAY (both, when both are given).</summary>
    internal bool Admits(LocalDate date)
    {
        var days = date.Calendar.GetDaysInMonth(date.Year, date.Month);
        return (ByMonthDay.Count == 0 || ByMonthDay.Any(d => d == date.Day || d == date.Day - days - 1))
            && (ByDay.Count == 0 || ByDay.Any(d => d.Day == date.DayOfWeek
                && (d.Ordinal == 0 || d.Ordinal == (date.Day - 1) / 7 + 1 || d.Ordinal == -((days - date.Day) / 7 + 1))));
    }
}

/// <summary>UNTIL: the last moment at which an instance may start, as wall time in the lab's zone or as an instant.</summary>
/// <param name="Wall">Wall time, included; null when <paramref name="Utc"/> is given.</param>
/// <param name="Utc">Instant, included; null when <paramref name="Wall"/> is given.</param>
public readonly record struct RecurrenceEnd(LocalDateTime? Wall, Instant? Utc);

/// <summary>EXDATE: one instance, by its date or by its wall time.</summary>
/// <param name="Date">The day on which it starts.</param>
/// <param name="Time">The wall time at which it starts; null = any.</param>
public readonly record struct Exclusion(LocalDate Date, LocalTime? Time)
{
    internal bool Covers(LocalDateTime start) => start.Date == Date && (Time is null || Time == start.TimeOfDay);
}
