using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Policies;
using BattKomp.Lab.Domain.Time;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings.Policies;

/// <summary>Layers, notice, days, lessons, pools and holidays, by the scenarios of reference/booking.md §4 and by what must hold for all.</summary>
public sealed class PolicyScenarioTests
{
    private const string Channel = "rigs/a/channels/1";
    private static readonly DateTimeZone Oslo = DateTimeZoneProviders.Tzdb["Europe/Oslo"];
    private static readonly Instant Now = At(2026, 11, 23, 8);
    private static readonly LabFacts AnyTime = new("labs/a", Oslo, [], []);

    [Fact]
    public void Scenario_06_contradicting_lengths_are_both_told_at_once()
    {
        var limits = EffectivePolicy.Over(new BookingLimits(), [Layer("labs/a", new PolicyTerms { MinLength = Duration.FromMinutes(90) }), Layer("rigs/a", new PolicyTerms { MaxLength = Duration.FromMinutes(30) })]);
        var told = BookingRules.Evaluate(Now, Request(At(2026, 11, 24, 10), Duration.FromHours(1)), Facts(limits));
        Assert.Equal([("TOO_SHORT", "labs/a"), ("TOO_LONG", "rigs/a")], told.Select(v => (v.Reason, v.Policy)));
    }

    [Fact]
    public void Scenario_05_the_horizon_is_told_with_its_limit()
    {
        var limits = EffectivePolicy.Over(new BookingLimits(), [Layer("labs/a", new PolicyTerms { Horizon = Duration.FromDays(2) })]);
        var violation = Assert.Single(BookingRules.Evaluate(Now, Request(Now + Duration.FromDays(3), Duration.FromHours(1)), Facts(limits)));
        Assert.Equal(("BEYOND_HORIZON", "2 d", "labs/a"), (violation.Reason, violation.Limit, violation.Policy));
        Assert.Contains("2 d", violation.Message);
    }

    [Fact]
    public void Scenario_09_a_gap_that_is_too_short_is_told_at_the_end_that_is_too_short()
    {
        var facts = Facts(new BookingLimits { Buffer = Duration.FromMinutes(120) }) with { Occupied = [new Occupied(Channel, new TimeWindow(At(2026, 11, 24, 10), At(2026, 11, 24, 11)), OccupancyKind.Booking)] };
        Assert.Equal(["BEGINS_TOO_SOON"], Reasons(At(2026, 11, 24, 11) + Duration.FromMinutes(30), Duration.FromHours(1), facts));
        facts = facts with { Occupied = [.. facts.Occupied, new Occupied(Channel, new TimeWindow(At(2026, 11, 24, 15), At(2026, 11, 24, 16)), OccupancyKind.Booking)] };
        Assert.Equal(["BEGINS_TOO_SOON", "ENDS_TOO_LATE"], Reasons(At(2026, 11, 24, 12), Duration.FromHours(2), facts));
    }

    [Fact]
    public void Scenario_34_a_buffer_holds_against_outages_too()
    {
        var facts = Facts(new BookingLimits { Buffer = Duration.FromMinutes(60) }) with { Occupied = [new Occupied(Channel, new TimeWindow(At(2026, 11, 24, 10), At(2026, 11, 24, 11)), OccupancyKind.Outage)] };
        Assert.Equal(["BEGINS_TOO_SOON"], Reasons(At(2026, 11, 24, 11), Duration.FromHours(1), facts));
        Assert.Empty(Reasons(At(2026, 11, 24, 12), Duration.FromHours(1), facts));
    }

    [Fact]
    public void Scenario_35_and_Scenario_43_what_counts_is_the_peak_and_never_the_sum()
    {
        var wanted = Hours(9, 12);
        // Peak 2 beside the wanted one: the third starts before the first ends and ends as the second starts.
        Assert.Equal(2, Pools.Peak([(Hours(10, 11), 1), (Hours(11, 12), 1), (Half(9.5, 11), 1)], wanted).Most);
        Assert.Equal(3, Pools.Peak([(Hours(9, 11), 1), (Hours(9, 10), 1), (Hours(9, 12), 1)], Half(9, 9.5)).Most);
        Assert.Equal(2, Pools.Peak([(Hours(10, 12), 1), (Hours(10, 11), 1), (Hours(11, 12), 1)], wanted).Most);
        Assert.False(Fits(8, 5, [(Hours(9, 12), 2), (Hours(9, 12), 2)], wanted));
        Assert.True(Fits(5, 4, [(Hours(2, 5), 1), (Hours(5, 6), 1), (Hours(6, 7), 1), (Hours(8, 11), 1)], Hours(4, 10)));
        Assert.False(Fits(4, 5, [], wanted));
    }

    [Fact]
    public void A_peak_is_what_looking_at_every_minute_finds() =>
        Gen.Select(Gen.Int[0, 60], Gen.Int[1, 30], Gen.Int[1, 5]).Array[0, 12].Sample(draws =>
        {
            var window = new TimeWindow(Now + Duration.FromMinutes(20), Now + Duration.FromMinutes(50));
            var all = draws.Select(d => (During: new TimeWindow(Now + Duration.FromMinutes(d.Item1), Now + Duration.FromMinutes(d.Item1 + d.Item2)), Draw: (double)d.Item3)).ToList();
            var naive = Enumerable.Range(20, 30).Max(m => all.Where(d => d.During.Start <= Now + Duration.FromMinutes(m) && Now + Duration.FromMinutes(m) < d.During.End).Sum(d => d.Draw));
            Assert.Equal(naive, Pools.Peak(all, window).Most);
        });

    [Fact]
    public void Scenario_38_an_update_is_judged_by_the_old_start_and_by_the_new_one()
    {
        var facts = Facts(EffectivePolicy.Over(new BookingLimits(), [Layer("labs/a", new PolicyTerms { ChangeNotice = Duration.FromHours(25) })]));
        IEnumerable<string> Change(double from, double to) => BookingRules.Evaluate(Now, Request(Now + Duration.FromHours(to), Duration.FromHours(1)) with
        {
            Former = new TimeWindow(Now + Duration.FromHours(from), Now + Duration.FromHours(from + 1)),
        }, facts).Select(v => v.Reason);
        Assert.Equal(["CHANGE_TOO_LATE"], Change(24, 24));
        Assert.Empty(Change(26, 26));
        Assert.Equal(["CHANGE_TOO_LATE"], Change(48, 24));
        // One that has begun is past such a limit.
        Assert.Empty(Change(-1, -1));
        Assert.Equal("CANCEL_TOO_LATE", Assert.Single(BookingRules.EvaluateCancel(Now, new TimeWindow(Now + Duration.FromHours(3), Now + Duration.FromHours(4)), new BookingLimits { CancelNotice = Duration.FromHours(4) })).Reason);
        Assert.Empty(BookingRules.EvaluateCancel(Now, new TimeWindow(Now + Duration.FromHours(4), Now + Duration.FromHours(5)), new BookingLimits { CancelNotice = Duration.FromHours(4) }));
    }

    [Fact]
    public void Scenario_42_a_day_ends_at_the_lab_and_not_at_the_one_who_books()
    {
        var facts = Facts(EffectivePolicy.Over(new BookingLimits(), [Layer("labs/a", new PolicyTerms { NoCrossDay = true })]));
        // 22:30 to 23:30 UTC is one day there and two in Oslo.
        Assert.Equal(["CROSSES_DAYS"], Reasons(Instant.FromUtc(2026, 11, 24, 22, 30), Duration.FromHours(1), facts));
        Assert.Empty(Reasons(At(2026, 11, 24, 22), Duration.FromHours(2), facts));
    }

    [Fact]
    public void Lessons_are_the_grid_for_people_on_site()
    {
        var facts = Facts(EffectivePolicy.Over(new BookingLimits(), [Layer("labs/a", new PolicyTerms { LessonPeriods = [new(495, 540), new(540, 585), new(600, 645)] })]));
        var lesson = At(2026, 11, 24, 8) + Duration.FromMinutes(15);
        Assert.Empty(Reasons(lesson, Duration.FromMinutes(90), facts));
        Assert.Equal(["OFF_LESSON_GRID"], Reasons(lesson, Duration.FromMinutes(60), facts));
        Assert.Empty(BookingRules.Evaluate(Now, Request(lesson, Duration.FromMinutes(61)) with { Presence = Presence.RemoteView }, facts));
    }

    [Fact]
    public void Deny_wins_whichever_layer_says_it_and_the_explanation_names_both() => Gen.Select(Gen.Int[1, 100], Gen.Int[1, 100], Gen.Int[1, 100]).Sample((nation, lab, rig) =>
    {
        PolicyLayer[] layers = [Layer("nations/NO", Max(nation)), Layer("labs/a", Max(lab)), Layer("rigs/a", Max(rig))];
        var server = new BookingLimits { MaxLength = Duration.FromHours(50) };
        var strictest = Math.Min(Math.Min(nation, lab), Math.Min(rig, 50));
        Assert.Equal(Duration.FromHours(strictest), EffectivePolicy.Over(server, layers).MaxLength);
        var told = EffectivePolicy.Explain(server, layers).Single(e => e.Limit == "max_length");
        Assert.Equal(Sentences.Of(Duration.FromHours(strictest)), told.Value);
        Assert.Equal(told.Scope == "server" ? 3 : 2, told.Overruled.Count);
        Assert.Equal(EffectivePolicy.Over(server, layers).MaxLength, EffectivePolicy.Over(server, [.. layers.Reverse()]).MaxLength);

        static PolicyTerms Max(int hours) => new() { MaxLength = Duration.FromHours(hours) };
    });

    [Fact]
    public void A_layer_of_an_activity_class_binds_that_class_alone()
    {
        PolicyLayer[] layers = [Layer("labs/a", new PolicyTerms { ActivityClasses = ["economic"], Horizon = Duration.FromDays(14) }), Layer("labs/a", new PolicyTerms { Horizon = Duration.FromDays(60) })];
        Assert.Equal(Duration.FromDays(14), EffectivePolicy.Over(new BookingLimits(), EffectivePolicy.For(layers, "economic")).Horizon);
        Assert.Equal(Duration.FromDays(60), EffectivePolicy.Over(new BookingLimits(), EffectivePolicy.For(layers, "education")).Horizon);
    }

    [Theory]
    [InlineData("NO", 2026, 12)]
    [InlineData("SE", 2026, 13)]
    [InlineData("DK", 2026, 10)]
    [InlineData("DK", 2023, 11)]
    [InlineData("FI", 2026, 13)]
    [InlineData("IS", 2026, 14)]
    [InlineData("DE", 2026, 0)]
    public void A_country_has_its_holidays(string country, int year, int count) => Assert.Equal(count, Holidays.Of(country, year).Select(h => h.Day).Distinct().Count());

    [Fact]
    public void Easter_and_what_hangs_on_it_fall_where_the_almanac_says()
    {
        // Easter Sundays as every almanac has them.
        foreach (var (year, month, day) in new[] { (2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2028, 4, 16), (2035, 3, 25), (2038, 4, 25), (2049, 4, 18) })
            Assert.Contains((new LocalDate(year, month, day), "Easter Sunday"), Holidays.Of("NO", year));
        var norway = Holidays.Of("NO", 2026).Select(h => h.Day).ToList();
        foreach (var (month, day) in new[] { (1, 1), (4, 2), (4, 3), (4, 6), (5, 1), (5, 14), (5, 17), (5, 24), (5, 25), (12, 25), (12, 26) }) Assert.Contains(new LocalDate(2026, month, day), norway);
        Assert.Contains((new LocalDate(2026, 6, 20), "Midsummer Day"), Holidays.Of("SE", 2026));
        Assert.Contains((new LocalDate(2026, 4, 23), "First Day of Summer"), Holidays.Of("IS", 2026));
    }

    private static bool Fits(double capacity, double draw, IReadOnlyList<(TimeWindow, double)> others, TimeWindow wanted)
    {
        var facts = Facts(new BookingLimits()) with { Pools = [new PoolUse(new PoolTerm(PoolKind.Seats, capacity), "labs/a", draw, others)] };
        var told = BookingRules.Evaluate(Hours(0, 1).Start, new BookingRequest([Channel], wanted), facts);
        Assert.All(told, v => Assert.Equal("POOL_EXHAUSTED", v.Reason));
        return told.Count == 0;
    }

    private static IReadOnlyList<string> Reasons(Instant start, Duration length, BookingFacts facts) => [.. BookingRules.Evaluate(Now, Request(start, length), facts).Select(v => v.Reason)];

    private static BookingRequest Request(Instant start, Duration length) => new([Channel], new TimeWindow(start, start + length));

    private static BookingFacts Facts(BookingLimits limits) => new()
    {
        Limits = limits,
        RigOfChannel = new Dictionary<string, RigFacts> { [Channel] = new("rigs/a", "labs/a", "", 0, false, 0, false) },
        Labs = new Dictionary<string, LabFacts> { ["labs/a"] = AnyTime },
    };

    private static PolicyLayer Layer(string scope, PolicyTerms terms) => new(scope, "", terms);

    private static TimeWindow Hours(int from, int to) => new(At(2026, 11, 24, from), At(2026, 11, 24, to));

    private static TimeWindow Half(double from, double to) => new(At(2026, 11, 24, 0) + Duration.FromMinutes(from * 60), At(2026, 11, 24, 0) + Duration.FromMinutes(to * 60));

    private static Instant At(int year, int month, int day, int hour) => Oslo.AtStrictly(new LocalDateTime(year, month, day, hour, 0)).ToInstant();
}
