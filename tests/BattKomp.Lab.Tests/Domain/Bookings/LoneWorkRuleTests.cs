using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Rules;
using BattKomp.Lab.Domain.Time;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings;

/// <summary>Nobody is alone with what can burn while the lab is unstaffed.</summary>
public sealed class LoneWorkRuleTests
{
    private static readonly Instant Monday = Instant.FromUtc(2026, 11, 23, 0, 0);
    private static readonly DateTimeZone Oslo = DateTimeZoneProviders.Tzdb["Europe/Oslo"];
    private static readonly LoneWorkRule Rule = new();

    // Staffed 08–16 on weekdays, open at all hours; closed on the Wednesday.
    private static readonly LabFacts Lab = new("labs/a", Oslo, [], [new ClosedDays(new LocalDate(2026, 11, 25), new LocalDate(2026, 11, 25), "Inventory")])
    {
        Staffed = [.. Enumerable.Range(1, 5).Select(d => new OpenStretch((IsoDayOfWeek)d, 480, 960))],
        LoneWorkFrom = "h3",
    };

    [Fact]
    public void It_refuses_exactly_one_person_on_site_at_a_hazard_in_a_minute_without_staff() =>
        Gen.Select(Gen.Int[0, 9 * 96], Gen.Int[1, 60], Gen.Int[1, 2], Gen.Int[0, 2], Gen.Int[0, 4]).Sample((quarter, quarters, heads, presence, hazard) =>
        {
            var window = new TimeWindow(Monday + Duration.FromMinutes(15 * quarter), Monday + Duration.FromMinutes(15 * (quarter + quarters)));
            var staffed = Enumerable.Range(quarter, quarters).All(q => IsStaffed((Monday + Duration.FromMinutes(15 * q)).InZone(Oslo).LocalDateTime));
            var refused = heads == 1 && presence == 0 && hazard >= 3 && !staffed;
            var request = new BookingRequest(["rigs/r/channels/1"], window) { Headcount = heads, Presence = (Presence)presence };
            var violations = Rule.Evaluate(Monday, request, Facts("h" + hazard)).ToList();
            Assert.Equal(refused, violations.Count == 1);
            foreach (var violation in violations)
            {
                Assert.Equal(("LONE_WORK", "lab-manager"), (violation.Reason, violation.OverridableBy));
                if (violation.Nearest is not { } nearest) Assert.True(window.Length > Duration.FromHours(8));
                else Assert.Empty(Rule.Evaluate(Monday, request with { Window = nearest }, Facts("h" + hazard)));
            }
        });

    [Fact]
    public void A_lab_that_says_nothing_has_no_such_rule_and_one_without_staffed_hours_is_staffed_while_open()
    {
        var night = new BookingRequest(["rigs/r/channels/1"], new TimeWindow(Monday + Duration.FromHours(20), Monday + Duration.FromHours(22)));
        Assert.Single(Rule.Evaluate(Monday, night, Facts("h4")));
        Assert.Empty(Rule.Evaluate(Monday, night, Facts("h4", Lab with { LoneWorkFrom = "" })));
        Assert.Empty(Rule.Evaluate(Monday, night, Facts("h4", Lab with { Staffed = [] })));
        Assert.Single(Rule.Evaluate(Monday, night, Facts("h4", Lab with { Staffed = [], Hours = Lab.Staffed })));
    }

    [Fact]
    public void A_class_that_nobody_knows_is_taken_for_the_worse_and_the_test_object_speaks_before_the_rig()
    {
        var night = new BookingRequest(["rigs/r/channels/1"], new TimeWindow(Monday + Duration.FromHours(20), Monday + Duration.FromHours(22)));
        Assert.Single(Rule.Evaluate(Monday, night, Facts("unheard-of")));
        Assert.Single(Rule.Evaluate(Monday, night, Facts("h0", Lab with { LoneWorkFrom = "unheard-of" })));
        Assert.Empty(Rule.Evaluate(Monday, night, Facts("")));
        Assert.Empty(Rule.Evaluate(Monday, night, Facts("h4") with { TestObject = new TestObjectFacts("testObjects/a", "h1", 0) }));
    }

    private static bool IsStaffed(LocalDateTime at) => at.DayOfWeek <= IsoDayOfWeek.Friday && at.Hour is >= 8 and < 16 && at.Date != new LocalDate(2026, 11, 25);

    private static BookingFacts Facts(string hazard, LabFacts? lab = null) => new()
    {
        RigOfChannel = new Dictionary<string, RigFacts> { ["rigs/r/channels/1"] = new RigFacts("rigs/r", "labs/a", hazard, 0, false, 0, false) },
        Labs = new Dictionary<string, LabFacts> { ["labs/a"] = lab ?? Lab },
        HazardOrder = ["h0", "h1", "h2", "h3", "h4"],
    };
}
