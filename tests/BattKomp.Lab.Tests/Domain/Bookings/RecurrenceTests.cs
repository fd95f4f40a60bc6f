using BattKomp.Lab.Domain.Bookings.Recurrence;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings;

/// <summary>Series of bookings on the lab's wall clock; scenario numbers are those of the booking study, §4.</summary>
public sealed class RecurrenceTests
{
    private static readonly DateTimeZone Oslo = DateTimeZoneProviders.Tzdb["Europe/Oslo"];

    [Fact]
    public void Scenario_19_a_daily_series_across_a_clock_change_keeps_wall_time_and_wall_length()
    {
        var days = Expand("FREQ=DAILY;COUNT=7", At(2026, 3, 26, 10, 0), 120);
        Assert.Equal(7, days.Count);
        Assert.All(days, d => Assert.Equal(new LocalTime(10, 0), d.Window!.Value.Start.InZone(Oslo).TimeOfDay));
        Assert.All(days, d => Assert.Equal(Duration.FromHours(2), d.Window!.Value.Length));
    }

    [Fact]
    public void Scenario_20_weekly_for_a_year_at_seven_stays_on_its_weekday_at_seven()
    {
        var weeks = Expand("FREQ=WEEKLY;COUNT=52", At(2026, 1, 7, 7, 0), 60);
        Assert.Equal(52, weeks.Count);
        Assert.All(weeks, w => Assert.Equal((IsoDayOfWeek.Wednesday, new LocalTime(7, 0)), (w.Start.DayOfWeek, w.Window!.Value.Start.InZone(Oslo).TimeOfDay)));
    }

    [Theory]
    [InlineData("MO,TU,WE,TH,FR", 45)]
    [InlineData("SA,SU", 18)]
    public void Scenario_21_weekdays_or_weekends_over_nine_weeks_are_only_those_days(string days, int expected)
    {
        var first = days.StartsWith("MO", StringComparison.Ordinal) ? At(2026, 3, 2, 9, 0) : At(2026, 3, 7, 9, 0);
        var found = Expand($"FREQ=WEEKLY;BYDAY={days};UNTIL={first.Date.PlusWeeks(9).PlusDays(-1):uuuuMMdd}", first, 60);
        Assert.Equal(expected, found.Count);
        Assert.All(found, f => Assert.Equal(days.StartsWith("SA", StringComparison.Ordinal), f.Start.DayOfWeek is IsoDayOfWeek.Saturday or IsoDayOfWeek.Sunday));
    }

    [Fact]
    public void Scenario_37_a_daily_instance_of_thirty_hours_overlaps_itself_and_is_refused() =>
        Assert.Equal("RECURRENCE_SELF_OVERLAP", Refused("FREQ=DAILY;COUNT=3", At(2026, 4, 1, 8, 0), 30 * 60).Reason);

    [Fact]
    public void Scenario_47_monthly_on_the_31st_skips_short_months_and_first_friday_may_be_the_first()
    {
        Assert.Equal([1, 3, 5, 7, 8, 10, 12], Expand("FREQ=MONTHLY;UNTIL=20261231", At(2026, 1, 31, 9, 0), 60).Select(o => o.Start.Month));
        Assert.Equal([new LocalDate(2026, 5, 1), new LocalDate(2026, 6, 5), new LocalDate(2026, 7, 3)], Expand("FREQ=MONTHLY;BYDAY=1FR;COUNT=3", At(2026, 5, 1, 9, 0), 60).Select(o => o.Start.Date));
        Assert.All(Expand("FREQ=WEEKLY;COUNT=40", At(2026, 3, 17, 9, 0), 60), o => Assert.Equal(new LocalTime(9, 0), o.Window!.Value.Start.InZone(Oslo).TimeOfDay));
    }

    [Fact]
    public void Scenario_57_a_wall_time_that_occurs_twice_is_asked_about_and_one_that_does_not_exist_names_the_next()
    {
        var twice = Assert.IsType<WallTime.Twice>(WallTime.In(Oslo, At(2026, 10, 25, 2, 30), WhenTwice.Ask));
        Assert.Equal((Offset.FromHours(2), Offset.FromHours(1)), (twice.Earlier.Offset, twice.Later.Offset));
        Assert.Equal(Instant.FromUtc(2026, 10, 25, 0, 30), Assert.IsType<WallTime.At>(WallTime.In(Oslo, twice.Wall, WhenTwice.Earlier)).Instant);
        Assert.Equal(Instant.FromUtc(2026, 10, 25, 1, 30), Assert.IsType<WallTime.At>(WallTime.In(Oslo, twice.Wall, WhenTwice.Later)).Instant);
        var skipped = Assert.IsType<WallTime.Skipped>(WallTime.In(Oslo, At(2026, 3, 29, 2, 30), WhenTwice.Ask));
        Assert.Equal((At(2026, 3, 29, 3, 0), Instant.FromUtc(2026, 3, 29, 1, 0)), (skipped.NextValid, skipped.NextInstant));
        Assert.Equal(Duration.FromHours(23), Expand("FREQ=DAILY;COUNT=1", At(2026, 3, 28, 12, 0), 1440)[0].Window!.Value.Length);
        Assert.Equal(Duration.FromHours(25), Expand("FREQ=DAILY;COUNT=1", At(2026, 10, 24, 12, 0), 1440)[0].Window!.Value.Length);
    }

    [Fact]
    public void Exceptions_leave_out_what_they_name_and_one_that_names_nothing_is_a_slip()
    {
        Assert.Equal([7, 8, 10], Expand("FREQ=DAILY;COUNT=4\nEXDATE:20260409T090000", At(2026, 4, 7, 9, 0), 60).Select(o => o.Start.Day));
        Assert.Equal("RECURRENCE_EXDATE_UNMET", Refused("FREQ=DAILY;COUNT=4\nEXDATE;VALUE=DATE:20260501", At(2026, 4, 7, 9, 0), 60).Reason);
    }

    [Theory]
    [InlineData("", "RECURRENCE_MALFORMED")]
    [InlineData("FREQ=DAILY", "RECURRENCE_ENDLESS")]
    [InlineData("FREQ=SECONDLY;COUNT=2", "RECURRENCE_PART_UNSUPPORTED")]
    [InlineData("FREQ=DAILY;COUNT=2;BYSETPOS=1", "RECURRENCE_PART_UNSUPPORTED")]
    [InlineData("FREQ=DAILY;COUNT=367", "RECURRENCE_MALFORMED")]
    [InlineData("FREQ=DAILY;COUNT=2;COUNT=3", "RECURRENCE_MALFORMED")]
    [InlineData("FREQ=DAILY;COUNT=2;UNTIL=20270101", "RECURRENCE_MALFORMED")]
    [InlineData("FREQ=DAILY;UNTIL=20290101", "RECURRENCE_TOO_MANY")]
    [InlineData("FREQ=DAILY;UNTIL=20260101", "RECURRENCE_EMPTY")]
    [InlineData("FREQ=WEEKLY;BYDAY=TU;COUNT=2", "RECURRENCE_START_NOT_IN_RULE")]
    [InlineData("FREQ=MONTHLY;BYMONTHDAY=30;BYDAY=6MO;COUNT=2", "RECURRENCE_MALFORMED")]
    public void What_cannot_be_booked_is_refused_by_its_reason(string rule, string reason) => Assert.Equal(reason, Refused(rule, At(2026, 4, 6, 9, 0), 60).Reason);

    [Fact]
    public void No_text_makes_the_parser_throw_or_the_expansion_run_away() =>
        Gen.OneOf(Gen.String, Gen.OneOf(new[] { "FREQ=", "DAILY", "MONTHLY", "YEARLY", ";", "COUNT=", "366", "-1", "BYDAY=", "5FR", ",", "BYMONTHDAY=", "31", "UNTIL=", "21991231", "\nEXDATE:", "INTERVAL=", "999" }.Select(Gen.Const).ToArray()).Array[0, 14].Select(string.Concat))
            .Sample(text =>
            {
                if (RecurrenceRule.TryParse(text, out var rule, out _))
                    Recurrences.TryExpand(rule, new WallWindow(At(2026, 4, 6, 9, 0), 60, Oslo), out _, out _);
            });

    [Fact]
    public void From_2024_to_2035_every_series_keeps_its_wall_time_and_equals_a_walk_over_the_calendar() =>
        Gen.Select(Gen.Int[0, 4017], Gen.Int[0, 95], Gen.Int[1, 6], Gen.Int[1, 60], Gen.Bool).Sample((day, quarter, interval, count, weekly) =>
        {
            var start = new LocalDate(2024, 1, 1).PlusDays(day) + LocalTime.Midnight.PlusMinutes(quarter * 15);
            var found = Expand($"FREQ={(weekly ? "WEEKLY" : "DAILY")};INTERVAL={interval};COUNT={count}", start, 45, WhenTwice.Earlier);
            var oracle = Enumerable.Range(0, count).Select(n => start.PlusDays(n * interval * (weekly ? 7 : 1)));
            Assert.Equal(oracle, found.Select(o => o.Start));
            foreach (var o in found)
                if (o.Window is { } window) Assert.Equal(o.Start, window.Start.InZone(Oslo).LocalDateTime);
                else Assert.True(o.Finding is WallTime.Skipped, "only a time that does not exist has no instant");
            var instants = found.Where(o => o.Window is not null).Select(o => o.Window!.Value).ToList();
            for (var i = 1; i < instants.Count; i++) Assert.True(instants[i - 1].End <= instants[i].Start);
        });

    private static LocalDateTime At(int year, int month, int day, int hour, int minute) => new(year, month, day, hour, minute);

    private static IReadOnlyList<Occurrence> Expand(string text, LocalDateTime start, int minutes, WhenTwice twice = WhenTwice.Ask)
    {
        Assert.True(RecurrenceRule.TryParse(text, out var rule, out var mistake), mistake?.Message);
        Assert.True(Recurrences.TryExpand(rule, new WallWindow(start, minutes, Oslo, twice), out var found, out var error), error?.Message);
        return found;
    }

    private static RecurrenceError Refused(string text, LocalDateTime start, int minutes)
    {
        if (!RecurrenceRule.TryParse(text, out var rule, out var mistake)) return mistake;
        Assert.False(Recurrences.TryExpand(rule, new WallWindow(start, minutes, Oslo), out _, out var error));
        return error!;
    }
}
