using BattKomp.Lab.Domain.Bookings.Recurrence;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings;

/// <summary>Each part of the supported subset of RFC 5545, and each refusal by its name.</summary>
public sealed class RecurrenceSubsetTests
{
    private static readonly DateTimeZone Oslo = DateTimeZoneProviders.Tzdb["Europe/Oslo"];

    [Fact]
    public void The_week_start_decides_which_weeks_every_second_one_is()
    {
        // RFC 5545, the example of WKST.
        Assert.Equal([5, 10, 19, 24], Expand("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08-05T09:00", 60, year: 2025).Select(o => o.Start.Day));
        Assert.Equal([5, 17, 19, 31], Expand("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08-05T09:00", 60, year: 2025).Select(o => o.Start.Day));
    }

    [Fact]
    public void Last_days_last_mondays_and_leap_days()
    {
        Assert.Equal([31, 28, 31, 30], Expand("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4", "2026-01-31T10:00", 60).Select(o => o.Start.Day));
        Assert.Equal([26, 23, 30], Expand("FREQ=MONTHLY;BYDAY=-1MO;COUNT=3", "2026-01-26T10:00", 60).Select(o => o.Start.Day));
        Assert.Equal([2028, 2032, 2036], Expand("FREQ=YEARLY;COUNT=3", "2028-02-29T10:00", 60).Select(o => o.Start.Year));
        Assert.Equal([new LocalDate(2026, 2, 13), new LocalDate(2026, 3, 13), new LocalDate(2026, 11, 13)],
            Expand("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "2026-02-13T10:00", 60).Select(o => o.Start.Date));
    }

    [Theory]
    [InlineData("UNTIL=20260411", 3)]
    [InlineData("UNTIL=20260411T090000", 3)]
    [InlineData("UNTIL=20260411T085959", 2)]
    [InlineData("UNTIL=20260411T070000Z", 3)]
    [InlineData("UNTIL=20260411T065959Z", 2)]
    public void Until_is_included_in_each_of_its_forms(string until, int kept) => Assert.Equal(kept, Expand("FREQ=DAILY;" + until, "2026-04-09T09:00", 60).Count);

    [Theory]
    [InlineData("FREQ=SECONDLY;COUNT=2", "RECURRENCE_PART_UNSUPPORTED", "FREQ=SECONDLY")]
    [InlineData("FREQ=MONTHLY;BYSETPOS=1;COUNT=2", "RECURRENCE_PART_UNSUPPORTED", "'BYSETPOS'")]
    [InlineData("FREQ=YEARLY;BYMONTH=4;COUNT=2", "RECURRENCE_PART_UNSUPPORTED", "'BYMONTH'")]
    [InlineData("FREQ=WEEKLY;BYDAY=1TH;COUNT=2", "RECURRENCE_PART_UNSUPPORTED", "BYDAY with an ordinal")]
    [InlineData("FREQ=WEEKLY;BYMONTHDAY=9;COUNT=2", "RECURRENCE_PART_UNSUPPORTED", "BYMONTHDAY with FREQ=WEEKLY or YEARLY")]
    [InlineData("FREQ=DAILY;COUNT=2\nRDATE:20260410", "RECURRENCE_PART_UNSUPPORTED", "'RDATE'")]
    [InlineData("FREQ=DAILY;COUNT=2\nEXDATE;TZID=Europe/Oslo:20260410T090000", "RECURRENCE_PART_UNSUPPORTED", "'EXDATE;TZID=Europe/Oslo'")]
    [InlineData("FREQ=DAILY", "RECURRENCE_ENDLESS", "COUNT")]
    [InlineData("FREQ=DAILY;COUNT=2;UNTIL=20260501", "RECURRENCE_MALFORMED", "UNTIL")]
    [InlineData("FREQ=DAILY;COUNT=367", "RECURRENCE_MALFORMED", "COUNT")]
    [InlineData("FREQ=DAILY;COUNT=2;COUNT=3", "RECURRENCE_MALFORMED", "COUNT")]
    [InlineData("FREQ=DAILY;INTERVAL=0;COUNT=2", "RECURRENCE_MALFORMED", "INTERVAL")]
    [InlineData("COUNT=2", "RECURRENCE_MALFORMED", "FREQ")]
    [InlineData("FREQ=MONTHLY;BYDAY=6MO;COUNT=2", "RECURRENCE_MALFORMED", "BYDAY")]
    [InlineData("FREQ=MONTHLY;BYMONTHDAY=0;COUNT=2", "RECURRENCE_MALFORMED", "BYMONTHDAY")]
    [InlineData("FREQ=DAILY;UNTIL=20260230", "RECURRENCE_MALFORMED", "UNTIL")]
    [InlineData("FREQ=DAILY;UNTIL=20280101", "RECURRENCE_TOO_MANY", "UNTIL")]
    [InlineData("FREQ=DAILY;UNTIL=20260408", "RECURRENCE_EMPTY", "UNTIL")]
    [InlineData("FREQ=DAILY;INTERVAL=7;BYDAY=MO;COUNT=2", "RECURRENCE_EMPTY", "BYDAY")]
    [InlineData("FREQ=DAILY;COUNT=1\nEXDATE:20260409", "RECURRENCE_EMPTY", "EXDATE")]
    [InlineData("FREQ=DAILY;COUNT=2\nEXDATE:20260509", "RECURRENCE_EXDATE_UNMET", "EXDATE")]
    [InlineData("FREQ=WEEKLY;BYDAY=MO;COUNT=2", "RECURRENCE_START_NOT_IN_RULE", "2026-04-13")]
    [InlineData("FREQ=YEARLY;INTERVAL=999;COUNT=2", "RECURRENCE_MALFORMED", "COUNT")]
    [InlineData("", "RECURRENCE_MALFORMED", "RRULE")]
    public void What_is_not_in_the_subset_is_refused_by_name(string rule, string reason, string named)
    {
        // 9 April 2026 is a Thursday.
        var error = Refused(rule, "2026-04-09T09:00", 60);
        Assert.Equal(reason, error.Reason);
        Assert.Contains(named, error.Part + " " + error.Message);
    }

    [Fact]
    public void A_rule_may_end_with_the_last_year() =>
        Assert.Equal(2, Expand("FREQ=YEARLY;UNTIL=21991231", "2198-05-01T09:00", 60).Count);

    [Fact]
    public void A_weekday_or_day_of_the_month_named_often_counts_once()
    {
        var rule = $"FREQ=DAILY;COUNT=366;BYMONTHDAY={string.Join(',', Enumerable.Repeat("-1", 1000))};BYDAY={string.Join(',', Enumerable.Repeat("WE", 1600))}";
        Assert.True(RecurrenceRule.TryParse(rule, out var read, out var error), error?.Message);
        Assert.Equal(new WeekdayPart(0, IsoDayOfWeek.Wednesday), Assert.Single(read.ByDay));
        Assert.Equal(-1, Assert.Single(read.ByMonthDay));
    }

    private static IReadOnlyList<Occurrence> Expand(string text, string start, int minutes, WhenTwice twice = WhenTwice.Ask, int? year = null)
    {
        Assert.True(RecurrenceRule.TryParse(text, out var rule, out var wrong), wrong?.Message);
        var wall = Wall(start);
        // The example's own year lies before 2000; 2025 has its weekdays.
        if (year is { } other) wall = new LocalDate(other, wall.Month, wall.Day) + wall.TimeOfDay;
        Assert.True(Recurrences.TryExpand(rule, new WallWindow(wall, minutes, Oslo, twice), out var found, out var error), error?.Message);
        return found;
    }

    private static RecurrenceError Refused(string text, string start, int minutes)
    {
        if (!RecurrenceRule.TryParse(text, out var rule, out var error)) return error;
        Assert.False(Recurrences.TryExpand(rule, new WallWindow(Wall(start), minutes, Oslo), out _, out error));
        return error;
    }

    private static LocalDateTime Wall(string text) => NodaTime.Text.LocalDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd'T'HH:mm").Parse(text).Value;
}
