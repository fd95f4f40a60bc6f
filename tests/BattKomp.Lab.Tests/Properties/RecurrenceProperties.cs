using BattKomp.Lab.Domain.Bookings.Recurrence;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Properties;

/// <summary>Rules of every supported kind from 2024 to 2035 in Oslo, against an oracle that asks each day by itself.</summary>
public sealed class RecurrenceProperties
{
    private static readonly DateTimeZone Oslo = DateTimeZoneProviders.Tzdb["Europe/Oslo"];
    private static readonly string[] Days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

    private static readonly Gen<Asked> AnyAsked =
        from frequency in Gen.Enum<Frequency>()
        from interval in Gen.Int[1, 5]
        from count in Gen.Int[1, 40]
        from days in Gen.Int[0, 6].HashSet[0, 4]
        from ordinal in Gen.OneOf(Gen.Const(0), Gen.Const(0), Gen.Const(1), Gen.Const(2), Gen.Const(5), Gen.Const(-1), Gen.Const(-2))
        from monthDays in Gen.OneOf(Gen.Int[1, 31], Gen.Int[-31, -1]).HashSet[0, 3]
        from weekStart in Gen.Int[0, 6]
        from day in Gen.Int[0, 2000]
        from minute in Gen.Int[0, 1439]
        from length in Gen.Int[1, 1440]
        select new Asked(frequency, interval, count, [.. days], ordinal, [.. monthDays], weekStart, new LocalDate(2024, 1, 1).PlusDays(day), minute, length);

    [Fact]
    public void Recurrences_keep_wall_time_strictly_increase_and_equal_a_day_by_day_oracle() => AnyAsked.Sample(asked =>
    {
        var a = asked.Sensible();
        var expected = a.Oracle();
        // No day until 2035 meets some rules (the 31st that is a fifth Sunday of every fifth month …).
        if (expected.Count == 0) return;
        // The first window must be an instance: begin where the rule does.
        a = a with { From = expected[0] };
        expected = a.Oracle();
        var start = expected[0] + LocalTime.Midnight.PlusMinutes(a.Minute);
        Assert.True(RecurrenceRule.TryParse(a.Text(expected.Count), out var rule, out var wrong), wrong?.Message);
        Assert.True(Recurrences.TryExpand(rule, new WallWindow(start, a.Length, Oslo, WhenTwice.Earlier), out var found, out var error), error?.Message);
        Assert.Equal(expected, found.Select(o => o.Start.Date));
        Assert.All(found, o => Assert.Equal(start.TimeOfDay, o.Start.TimeOfDay));
        var placed = found.Where(o => o.Window is not null).ToList();
        Assert.All(placed, o => Assert.Equal((o.Start, o.End), (o.Window!.Value.Start.InZone(Oslo).LocalDateTime, o.Window.Value.End.InZone(Oslo).LocalDateTime)));
        Assert.All(found.Except(placed), o => Assert.IsType<WallTime.Skipped>(o.Finding));
        foreach (var (one, next) in placed.Zip(placed.Skip(1))) Assert.True(one.Window!.Value.End <= next.Window!.Value.Start);
    }, iter: 3000);

    [Fact]
    public void No_text_makes_the_reader_or_the_expansion_throw() =>
        Gen.OneOf(Gen.String, Gen.Select(Gen.String[0, 12], AnyAsked, Gen.Int[0, 60], (noise, a, at) => a.Text(5).Insert(Math.Min(at, a.Text(5).Length), noise))).Sample(text =>
        {
            if (!RecurrenceRule.TryParse(text, out var rule, out var error))
            {
                Assert.False(string.IsNullOrWhiteSpace(error.Message));
                return;
            }
            if (!Recurrences.TryExpand(rule, new WallWindow(new LocalDateTime(2026, 3, 29, 2, 30), 90, Oslo), out var found, out error)) Assert.False(string.IsNullOrWhiteSpace(error.Message));
            else Assert.InRange(found.Count, 1, RecurrenceRule.MostInstances);
        }, iter: 3000);

    private sealed record Asked(Frequency Frequency, int Interval, int Count, int[] ByDay, int Ordinal, int[] ByMonthDay, int WeekStart, LocalDate From, int Minute, int Length)
    {
        private static readonly LocalDate Last = new(2035, 12, 31);

        /// <summary>Without the parts that its frequency does not take.</summary>
        public Asked Sensible() => this with
        {
            ByDay = Frequency == Frequency.Yearly ? [] : ByDay,
            Ordinal = Frequency == Frequency.Monthly ? Ordinal : 0,
            ByMonthDay = Frequency is Frequency.Weekly or Frequency.Yearly ? [] : ByMonthDay,
        };

        public string Text(int count) => $"FREQ={Frequency.ToString().ToUpperInvariant()};INTERVAL={Interval};COUNT={count};WKST={Days[WeekStart]}"
            + (ByDay.Length > 0 ? ";BYDAY=" + string.Join(',', ByDay.Select(d => (Ordinal == 0 ? "" : Ordinal.ToString(System.Globalization.CultureInfo.InvariantCulture)) + Days[d])) : "")
            + (ByMonthDay.Length > 0 ? ";BYMONTHDAY=" + string.Join(',', ByMonthDay) : "");

        public List<LocalDate> Oracle()
        {
            var found = new List<LocalDate>();
            for (var day = From; day <= Last && found.Count < Count; day = day.PlusDays(1))
                if (InPeriod(day) && Meets(day)) found.Add(day);
            return found;
        }

        private bool InPeriod(LocalDate day) => Frequency switch
        {
            Frequency.Daily => Period.DaysBetween(From, day) % Interval == 0,
            Frequency.Weekly => Period.DaysBetween(Week(From), Week(day)) / 7 % Interval == 0,
            Frequency.Monthly => ((day.Year - From.Year) * 12 + day.Month - From.Month) % Interval == 0,
            _ => (day.Year - From.Year) % Interval == 0,
        };

        private bool Meets(LocalDate day)
        {
            if (Frequency == Frequency.Yearly) return day.Month == From.Month && day.Day == From.Day;
            if (Frequency == Frequency.Weekly && ByDay.Length == 0) return day.DayOfWeek == From.DayOfWeek;
            if (Frequency == Frequency.Monthly && ByDay.Length == 0 && ByMonthDay.Length == 0) return day.Day == From.Day;
            return (ByDay.Length == 0 || (ByDay.Contains((int)day.DayOfWeek - 1) && (Ordinal == 0 || SameWeekdays(day) is var (rank, fromEnd) && (rank == Ordinal || fromEnd == -Ordinal))))
                && (ByMonthDay.Length == 0 || ByMonthDay.Any(m => m > 0 ? day.Day == m : day.PlusDays(-m).Day == 1 && day.PlusDays(-m).Month != day.Month && day.PlusDays(-m - 1).Month == day.Month));
        }

        // Which of its weekday in the month, counted from the front and from the end.
        private static (int Rank, int FromEnd) SameWeekdays(LocalDate day)
        {
            var (rank, fromEnd) = (1, 1);
            for (var d = day.PlusDays(-7); d.Month == day.Month; d = d.PlusDays(-7)) rank++;
            for (var d = day.PlusDays(7); d.Month == day.Month; d = d.PlusDays(7)) fromEnd++;
            return (rank, fromEnd);
        }

        private LocalDate Week(LocalDate day)
        {
            while ((int)day.DayOfWeek - 1 != WeekStart) day = day.PlusDays(-1);
            return day;
        }
    }
}
