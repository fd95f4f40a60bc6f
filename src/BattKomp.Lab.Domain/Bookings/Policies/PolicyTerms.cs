using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Policies;

/// <summary>What one layer of policy asks of the bookings within its scope. What is null or empty says nothing.</summary>
public sealed record PolicyTerms
{
    /// <summary>Codes of the list "activity-class" that it speaks of; empty = all.</summary>
    public IReadOnlyList<string> ActivityClasses { get; init; } = [];

    /// <summary>Shortest booking.</summary>
    public Duration? MinLength { get; init; }

    /// <summary>Longest booking.</summary>
    public Duration? MaxLength { get; init; }

    /// <summary>How far ahead a booking may end.</summary>
    public Duration? Horizon { get; init; }

    /// <summary>Time between the asking for a booking and its start.</summary>
    public Duration? CreateNotice { get; init; }

    /// <summary>Time between a change and the start, the old one and the new one.</summary>
    public Duration? ChangeNotice { get; init; }

    /// <summary>Time between a cancellation by the holder and the start.</summary>
    public Duration? CancelNotice { get; init; }

    /// <summary>Time that stays free between neighbours on a channel.</summary>
    public Duration? Buffer { get; init; }

    /// <summary>A booking begins and ends on one day of the lab's own calendar.</summary>
    public bool NoCrossDay { get; init; }

    /// <summary>The lab is closed on the public holidays of its country.</summary>
    public bool ClosedOnPublicHolidays { get; init; }

    /// <summary>Lesson periods in wall-clock time; bookings with people on site begin and end with one.</summary>
    public IReadOnlyList<LessonPeriod> LessonPeriods { get; init; } = [];

    /// <summary>How much one person, course or organisation may take.</summary>
    public IReadOnlyList<QuotaTerm> Quotas { get; init; } = [];

    /// <summary>What the bookings of the scope share.</summary>
    public IReadOnlyList<PoolTerm> Pools { get; init; } = [];
}

/// <summary>One layer of policy in force.</summary>
/// <param name="Scope">"nation", organisations/…, labs/… or rigs/…</param>
/// <param name="Cites">Where it stands written; empty = nowhere.</param>
/// <param name="Terms">What it asks.</param>
public sealed record PolicyLayer(string Scope, string Cites, PolicyTerms Terms);

/// <summary>One lesson, in minutes of wall-clock time from local midnight, half-open.</summary>
public sealed record LessonPeriod(int OpensMinute, int ClosesMinute);

/// <summary>Whose bookings a quota adds up.</summary>
public enum QuotaSubject
{
    /// <summary>The holder's.</summary>
    Person = 1,

    /// <summary>The cohort's.</summary>
    Course = 2,

    /// <summary>The organisation's under whose affiliation the time is used.</summary>
    Organisation = 3,
}

/// <summary>The stretch of time over which a quota adds up, on the calendar of the lab.</summary>
public enum QuotaPeriod
{
    /// <summary>From midnight to midnight.</summary>
    Day = 1,

    /// <summary>Seven days from <see cref="QuotaTerm.WeekStart"/>.</summary>
    Week = 2,

    /// <summary>From the first of a month.</summary>
    Month = 3,

    /// <summary>From 1 January.</summary>
    Year = 4,

    /// <summary>Everything that has not ended.</summary>
    Future = 5,
}

/// <summary>A quota: at most so many bookings, or so much time, of a subject in a period.</summary>
public sealed record QuotaTerm(QuotaSubject Subject, QuotaPeriod Period)
{
    /// <summary>Bookings at most, each in the period in which it starts; null = any number.</summary>
    public int? MaxCount { get; init; }

    /// <summary>Time at most, split where a booking reaches over the end of a period; null = any.</summary>
    public Duration? MaxTime { get; init; }

    /// <summary>The hours that count, by weekday; empty = all. What lies outside is free.</summary>
    public IReadOnlyList<OpenStretch> Counted { get; init; } = [];

    /// <summary>Where a week begins.</summary>
    public IsoDayOfWeek WeekStart { get; init; } = IsoDayOfWeek.Monday;
}

/// <summary>What a pool is a pool of.</summary>
public enum PoolKind
{
    /// <summary>Places for people on site.</summary>
    Seats = 1,

    /// <summary>Power that the channels of a booking may draw together, W.</summary>
    Watts = 2,

    /// <summary>Energy of the largest test objects that the booked rigs may hold together, Wh.</summary>
    WattHours = 3,
}

/// <summary>A capacity that the bookings of a scope share at every moment.</summary>
/// <param name="Kind">Of what.</param>
/// <param name="Capacity">In the unit of the kind.</param>
public sealed record PoolTerm(PoolKind Kind, double Capacity);
