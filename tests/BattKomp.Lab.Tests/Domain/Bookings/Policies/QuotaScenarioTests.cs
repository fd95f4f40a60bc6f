using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Policies;
using BattKomp.Lab.Domain.Bookings.Rules;
using BattKomp.Lab.Domain.Time;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings.Policies;

/// <summary>Quotas, by the scenarios of reference/booking.md §4 and by what must hold for all; times are Europe/Oslo unless said.</summary>
public sealed class QuotaScenarioTests
{
    private static readonly DateTimeZone Oslo = DateTimeZoneProviders.Tzdb["Europe/Oslo"];
    private static readonly Instant Now = At(2026, 11, 23, 8);
    private static readonly IReadOnlyList<OpenStretch> Weekdays = [.. Enumerable.Range(1, 5).Select(d => new OpenStretch((IsoDayOfWeek)d, 0, 1440))];

    [Fact]
    public void Scenario_07_a_second_booking_ahead_is_too_many_and_moving_the_first_is_not()
    {
        var term = new QuotaTerm(QuotaSubject.Person, QuotaPeriod.Future) { MaxCount = 1 };
        var (held, wanted) = (Window(24, 10, 11), Window(25, 10, 11));
        Assert.Equal("2 bookings", Assert.Single(Violations(term, wanted, [held])).Actual);
        // The one that moves is not among the others.
        Assert.Empty(Violations(term, wanted, [], former: held));
    }

    [Fact]
    public void Scenario_08_a_no_show_still_counts_for_its_day()
    {
        var term = new QuotaTerm(QuotaSubject.Person, QuotaPeriod.Day) { MaxCount = 1 };
        Assert.Single(Violations(term, Window(24, 14, 15), [Window(24, 9, 10)]));
        Assert.Empty(Violations(term, Window(25, 14, 15), [Window(24, 9, 10)]));
    }

    [Fact]
    public void Scenario_10_minutes_ahead_add_up()
    {
        var term = new QuotaTerm(QuotaSubject.Person, QuotaPeriod.Future) { MaxTime = Duration.FromMinutes(90) };
        var violation = Assert.Single(Violations(term, Window(25, 10, 11), [Window(24, 10, 11)]));
        Assert.Equal(("90 min", "2 h"), (violation.Limit, violation.Actual));
        Assert.Empty(Violations(term, new TimeWindow(At(2026, 11, 25, 10), At(2026, 11, 25, 10) + Duration.FromMinutes(30)), [Window(24, 10, 11)]));
    }

    [Fact]
    public void Scenario_22_hours_that_are_off_do_not_count()
    {
        var term = new QuotaTerm(QuotaSubject.Person, QuotaPeriod.Year) { MaxTime = Duration.FromHours(1), Counted = Weekdays };
        // Tuesday 06 to the next Tuesday 10, to Saturday 10, and Sunday 06 to Tuesday 06.
        Assert.Equal(Duration.FromHours((7 * 24) + 4 - 48), Counted(term, At(2026, 11, 24, 6), At(2026, 12, 1, 10)));
        Assert.Equal(Duration.FromHours((4 * 24) + 4 - 10), Counted(term, At(2026, 11, 24, 6), At(2026, 11, 28, 10)));
        Assert.Equal(Duration.FromHours(48 - 18), Counted(term, At(2026, 11, 29, 6), At(2026, 12, 1, 6)));
    }

    [Fact]
    public void Scenario_23_an_off_window_is_taken_out_wherever_it_lies_and_a_booking_inside_it_costs_nothing()
    {
        QuotaTerm Without(int from, int to) => new(QuotaSubject.Person, QuotaPeriod.Year)
        {
            MaxTime = Duration.FromHours(1),
            Counted = [.. Enumerable.Range(1, 7).SelectMany(d => new[] { new OpenStretch((IsoDayOfWeek)d, 0, from), new OpenStretch((IsoDayOfWeek)d, to, 1440) })],
        };
        var (start, end) = (At(2026, 11, 24, 6), At(2026, 11, 24, 10));
        Assert.Equal(Duration.FromMinutes(240 - 45), Counted(Without(420, 465), start, end));
        Assert.Equal(Duration.FromMinutes(240 - 15), Counted(Without(315, 375), start, end));
        // 07:00–08:30 of the second day lies inside wholly, 05:00–05:15 does too: 90 and 15 min.
        Assert.Equal(Duration.FromHours(28) - Duration.FromMinutes(180), Counted(Without(420, 510), start, At(2026, 11, 25, 10)));
        Assert.Equal(Duration.Zero, Counted(Without(420, 540), At(2026, 11, 24, 7), At(2026, 11, 24, 8)));
        Assert.Empty(Violations(Without(420, 540) with { MaxTime = Duration.FromMinutes(1) }, Window(24, 7, 8), [Window(24, 10, 20)]));
    }

    [Fact]
    public void Scenario_39_only_the_hours_that_count_use_up_a_quota()
    {
        var early = new QuotaTerm(QuotaSubject.Person, QuotaPeriod.Day)
        {
            MaxTime = Duration.FromMinutes(90),
            Counted = [.. Enumerable.Range(1, 7).Select(d => new OpenStretch((IsoDayOfWeek)d, 0, 30))],
        };
        var midnight = At(2026, 11, 25, 0);
        Assert.Empty(Violations(early, new TimeWindow(midnight + Duration.FromMinutes(30), midnight + Duration.FromMinutes(90)), [new TimeWindow(midnight, midnight + Duration.FromMinutes(31))]));
        var day = early with { MaxTime = Duration.FromHours(4), Counted = [.. Enumerable.Range(1, 7).Select(d => new OpenStretch((IsoDayOfWeek)d, 480, 1200))] };
        Assert.Empty(Violations(day, new TimeWindow(At(2026, 11, 25, 8), At(2026, 11, 25, 12)), [new TimeWindow(At(2026, 11, 24, 21), At(2026, 11, 25, 4))]));
        var full = new QuotaTerm(QuotaSubject.Person, QuotaPeriod.Day) { MaxTime = Duration.FromHours(24) };
        Assert.Empty(Violations(full, new TimeWindow(At(2026, 11, 25, 12), At(2026, 11, 27, 12)), []));
    }

    [Fact]
    public void Scenario_40_a_week_begins_where_the_quota_says_and_what_spans_two_periods_is_split()
    {
        QuotaTerm Week(IsoDayOfWeek first) => new(QuotaSubject.Person, QuotaPeriod.Week) { MaxTime = Duration.FromHours(3), WeekStart = first };
        // Wednesday the 25th and Thursday the 26th: one week from a Monday, two from a Thursday.
        Assert.Single(Violations(Week(IsoDayOfWeek.Monday), Window(26, 10, 12), [Window(25, 10, 12)]));
        Assert.Empty(Violations(Week(IsoDayOfWeek.Thursday), Window(26, 10, 12), [Window(25, 10, 12)]));
        var month = new QuotaTerm(QuotaSubject.Person, QuotaPeriod.Month) { MaxTime = Duration.FromHours(5) };
        Assert.Empty(Violations(month, new TimeWindow(At(2026, 11, 30, 19), At(2026, 12, 1, 5)), []));
        var second = Assert.Single(Violations(month, new TimeWindow(At(2026, 11, 30, 19), At(2026, 12, 1, 5)), [new TimeWindow(At(2026, 12, 5, 8), At(2026, 12, 5, 9))]));
        Assert.Contains("2026-12-01", second.Message);
        var year = new QuotaTerm(QuotaSubject.Person, QuotaPeriod.Year) { MaxCount = 1 };
        Assert.Empty(Violations(year, new TimeWindow(At(2027, 1, 1, 8), At(2027, 1, 1, 9)), [Window(24, 8, 9)]));
    }

    [Fact]
    public void Scenario_41_what_keeps_its_times_never_exceeds()
    {
        var term = new QuotaTerm(QuotaSubject.Person, QuotaPeriod.Day) { MaxCount = 1, MaxTime = Duration.FromMinutes(1) };
        Assert.Empty(Violations(term, Window(24, 10, 12), [Window(24, 14, 15)], former: Window(24, 10, 12)));
        Assert.NotEmpty(Violations(term, Window(24, 10, 13), [Window(24, 14, 15)], former: Window(24, 10, 12)));
    }

    [Fact]
    public void Scenario_49_a_day_is_the_day_of_the_lab()
    {
        var delhi = DateTimeZoneProviders.Tzdb["Asia/Kolkata"];
        var term = new QuotaTerm(QuotaSubject.Person, QuotaPeriod.Day) { MaxCount = 1 };
        TimeWindow Utc(int day, int hour) => new(Instant.FromUtc(2026, 11, day, hour, 0), Instant.FromUtc(2026, 11, day, hour + 1, 0));
        // 19:00 UTC is half past midnight of the next day at +05:30.
        Assert.Empty(Violations(term, Utc(24, 10), [Utc(24, 19)], zone: delhi));
        Assert.Single(Violations(term, Utc(25, 10), [Utc(24, 19)], zone: delhi));
    }

    [Fact]
    public void Every_minute_of_a_booking_falls_in_exactly_one_period() => Gen.Select(Gen.Int[0, 4 * 365 * 24], Gen.Int[1, 60 * 24], Gen.Int[1, 4], Gen.Int[1, 7]).Sample((hour, length, period, first) =>
    {
        var term = new QuotaTerm(QuotaSubject.Person, (QuotaPeriod)period) { WeekStart = (IsoDayOfWeek)first };
        var window = new TimeWindow(At(2024, 1, 1, 0) + Duration.FromHours(hour), At(2024, 1, 1, 0) + Duration.FromHours(hour + length));
        var periods = Quotas.PeriodsOf(term, Oslo, window, Now);
        Assert.Equal(window.Length, periods.Aggregate(Duration.Zero, (sum, p) => sum + Quotas.Counted(term, Oslo, window, p)));
        for (var i = 1; i < periods.Count; i++) Assert.Equal(periods[i - 1].End, periods[i].Start);
    });

    private static Duration Counted(QuotaTerm term, Instant start, Instant end) => Quotas.Counted(term, Oslo, new TimeWindow(start, end), new TimeWindow(At(2026, 1, 1, 0), At(2027, 12, 31, 0)));

    private static IReadOnlyList<Violation> Violations(QuotaTerm term, TimeWindow wanted, IReadOnlyList<TimeWindow> others, TimeWindow? former = null, DateTimeZone? zone = null) =>
        [.. new QuotaRule().Evaluate(Now, new BookingRequest(["rigs/a/channels/1"], wanted) { Former = former }, new BookingFacts { Quotas = [new QuotaUse(term, "labs/a", "persons/a", zone ?? Oslo, others)] })];

    private static TimeWindow Window(int day, int from, int to) => new(At(2026, 11, day, from), At(2026, 11, day, to));

    private static Instant At(int year, int month, int day, int hour) => Oslo.AtStrictly(new LocalDateTime(year, month, day, hour, 0)).ToInstant();
}
