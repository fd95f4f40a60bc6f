using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Rules;
using BattKomp.Lab.Domain.Qualifications;
using BattKomp.Lab.Domain.Time;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings;

/// <summary>A holder is qualified for the whole of a booking, or is told what is missing.</summary>
public sealed class QualificationRuleTests
{
    private const string Channel = "rigs/a/channels/1";
    private static readonly Instant Now = Instant.FromUtc(2026, 11, 23, 8, 0);
    private static readonly QualificationRule Rule = new();
    private static readonly RigFacts Rig = new("rigs/a", "labs/a", "h3", 0, false, 0, false) { RigKind = "cell-cycler", Needs = new QualificationNeed(QualificationLevel.Independent, 2) };

    private static readonly Gen<Qualification> Any = Gen.Select(Gen.Int[-20, 20], Gen.Int[-10, 40], Gen.Int[0, 12], Gen.Int[1, 3], Gen.Int[0, 4], Gen.Int[0, 9]).Select((from, until, unused, level, runs, other) =>
        Held(from) with
        {
            ValidUntil = until > from ? Day(until) : null,
            Unused = unused == 0 ? null : Duration.FromDays(unused),
            Level = (QualificationLevel)level,
            SupervisedRuns = runs,
            Lab = other == 0 ? "labs/b" : other < 5 ? "" : "labs/a",
            HazardClass = other == 9 ? "h1" : "h3",
        });

    [Fact]
    public void It_accepts_exactly_when_at_every_hour_of_the_window_something_holds() => Gen.Select(Any.Array[0, 5], Gen.Int[0, 20], Gen.Int[1, 30]).Sample((held, start, days) =>
    {
        var window = new TimeWindow(Day(start), Day(start + days));
        var fit = held.Where(q => q.Level >= QualificationLevel.Independent && q.SupervisedRuns >= 2 && q.Lab != "labs/b" && q.HazardClass == "h3").ToList();
        // All ends lie on whole days, so that looking at every day is looking at every instant.
        var covered = Enumerable.Range(start, days).All(d => fit.Any(q => q.ValidFrom <= Day(d) && !(q.ValidUntil <= Day(d)) && !(q.LapsesByDisuse <= window.Start)));
        Assert.Equal(covered, !Violations(window, held).Any());
    });

    [Fact]
    public void What_it_calls_nearest_it_accepts_and_it_lies_ahead() => Gen.Select(Any.Array[1, 4], Gen.Int[0, 20], Gen.Int[1, 30]).Sample((held, start, days) =>
    {
        foreach (var violation in Violations(new TimeWindow(Day(start), Day(start + days)), held))
        {
            Assert.False(string.IsNullOrWhiteSpace(violation.Message));
            if (violation.Nearest is not { } nearest) continue;
            Assert.Equal((Duration.FromDays(days), true), (nearest.Length, nearest.Start >= Now));
            Assert.Empty(Violations(nearest, held));
        }
    });

    [Fact]
    public void Each_way_to_be_unqualified_has_its_own_reason()
    {
        var week = new TimeWindow(Day(1), Day(8));
        Assert.Equal("QUALIFICATION_MISSING", Reason(week));
        Assert.Equal("QUALIFICATION_MISSING", Reason(week, Held(0) with { Level = QualificationLevel.Supervised }));
        Assert.Equal("QUALIFICATION_MISSING", Reason(week, Held(-9) with { ValidUntil = Day(-1) }));
        Assert.Equal("QUALIFICATION_MISSING", Reason(week, Held(-9) with { Ended = Day(0) }));
        Assert.Equal("SUPERVISED_RUNS_TOO_FEW", Reason(week, Held(0) with { SupervisedRuns = 1 }));
        Assert.Equal("QUALIFICATION_EXPIRES", Reason(week, Held(0) with { ValidUntil = Day(7) }));
        Assert.Equal("QUALIFICATION_EXPIRES", Reason(week, Held(2)));
        Assert.Equal("QUALIFICATION_EXPIRES", Reason(week, Held(0) with { Unused = Duration.FromHours(12) }));
        Assert.Null(Reason(week, Held(0) with { ValidUntil = Day(8) }));
        Assert.Null(Reason(week, Held(0) with { ValidUntil = Day(4) }, Held(3)));
        Assert.Contains("until 2026-11-22", Violations(week, [Held(-9) with { ValidUntil = Day(-1) }]).Single().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_test_object_says_what_hazard_must_be_covered_and_without_one_the_rig_does()
    {
        var week = new TimeWindow(Day(1), Day(8));
        var mild = Held(0) with { HazardClass = "h1" };
        Assert.NotEmpty(Violations(week, [mild]));
        Assert.Empty(Rule.Evaluate(Now, new BookingRequest([Channel], week), Facts([mild]) with { TestObject = new TestObjectFacts("testObjects/a", "h1", 0) }));
        Assert.NotEmpty(Rule.Evaluate(Now, new BookingRequest([Channel], week), Facts([mild]) with { TestObject = new TestObjectFacts("testObjects/a", "h2", 0) }));
    }

    [Fact]
    public void What_is_over_of_a_window_needs_no_qualification_any_more()
    {
        var begun = new TimeWindow(Day(-3), Day(5));
        Assert.Empty(Violations(begun, [Held(-1)]));
        Assert.Equal("QUALIFICATION_EXPIRES", Reason(begun, Held(-1) with { ValidUntil = Day(4) }));
        Assert.Equal("QUALIFICATION_EXPIRES", Reason(begun, Held(1)));
    }

    [Fact]
    public void A_rig_that_asks_for_nothing_is_anyones()
    {
        var facts = Facts([]) with { RigOfChannel = new Dictionary<string, RigFacts> { [Channel] = Rig with { Needs = null } } };
        Assert.Empty(Rule.Evaluate(Now, new BookingRequest([Channel], new TimeWindow(Day(1), Day(2))), facts));
    }

    private static string? Reason(TimeWindow window, params Qualification[] held) => Violations(window, held).SingleOrDefault()?.Reason;

    private static List<Violation> Violations(TimeWindow window, IReadOnlyList<Qualification> held) => [.. Rule.Evaluate(Now, new BookingRequest([Channel], window), Facts(held))];

    private static BookingFacts Facts(IReadOnlyList<Qualification> held) => new()
    {
        RigOfChannel = new Dictionary<string, RigFacts> { [Channel] = Rig },
        HazardOrder = ["h0", "h1", "h2", "h3"],
        Qualifications = held,
    };

    private static Qualification Held(int from) => new("qualifications/a", "persons/a", "cell-cycler", "h3", "labs/a", QualificationLevel.Independent, Day(from)) { SupervisedRuns = 2 };

    private static Instant Day(int day) => Now + Duration.FromDays(day);
}
