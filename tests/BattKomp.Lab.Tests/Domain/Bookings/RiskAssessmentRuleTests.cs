using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Rules;
using BattKomp.Lab.Domain.Qualifications;
using BattKomp.Lab.Domain.Time;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings;

/// <summary>What is done on a rig that asks for it is assessed for the whole of the time; scenario numbers are those of the booking study, §4.</summary>
public sealed class RiskAssessmentRuleTests
{
    private const string Cell = "testObjects/a", Other = "testObjects/b", Program = "procedures/a/versions/1";
    private static readonly Instant Now = Instant.FromUtc(2026, 11, 23, 8, 0);
    private static readonly RiskAssessmentRule Rule = new();

    private static readonly Gen<RiskAssessment> Any = Gen.Select(Gen.Int[0, 5], Gen.Int[0, 5], Gen.Int[0, 9], Gen.Int[-20, 20], Gen.Int[1, 40]).Select((cell, program, rig, from, days) =>
        new RiskAssessment(rig == 0 ? "rigs/other" : "rigs/r", cell switch { < 3 => Cell, 3 => Other, _ => "" }, program switch { < 3 => Program, 3 => "procedures/a/versions/2", _ => "" }, Day(from), Day(from + days)));

    [Fact]
    public void It_accepts_exactly_when_every_day_of_the_window_is_assessed_for_this_cell_and_procedure() =>
        Gen.Select(Any.Array[0, 5], Gen.Int[0, 20], Gen.Int[1, 30], Gen.Bool, Gen.Bool).Sample((known, start, days, withCell, withProgram) =>
        {
            var (cell, program) = (withCell ? Cell : "", withProgram ? Program : "");
            var fit = known.Where(a => a.Rig == "rigs/r" && (a.TestObject == "" || a.TestObject == cell) && (a.Procedure == "" || a.Procedure == program)).ToList();
            var covered = Enumerable.Range(start, days).All(d => fit.Any(a => a.ValidFrom <= Day(d) && Day(d) < a.ValidUntil));
            var facts = Facts(new RiskFacts(cell, program, known));
            var violations = Rule.Evaluate(Now, Request(start, days), facts).ToList();
            Assert.Equal(covered, violations.Count == 0);
            if (violations.SingleOrDefault()?.Nearest is { } nearest) Assert.Empty(Rule.Evaluate(Now, new BookingRequest(["rigs/r/channels/1"], nearest), facts));
        });

    [Fact]
    public void One_that_names_a_cell_speaks_of_no_other_and_the_sentence_names_none()
    {
        var known = new RiskAssessment("rigs/r", Cell, "", Day(0), Day(90));
        Assert.Empty(Rule.Evaluate(Now, Request(1, 5), Facts(new RiskFacts(Cell, Program, [known]))));
        foreach (var cell in new[] { Other, "" })
        {
            var violation = Rule.Evaluate(Now, Request(1, 5), Facts(new RiskFacts(cell, Program, [known]))).Single();
            Assert.Equal(("RISK_ASSESSMENT_MISSING", "not assessed", "rigs/r"), (violation.Reason, violation.Actual, violation.Resource));
            Assert.DoesNotContain("testObjects/", violation.Message, StringComparison.Ordinal);
        }
        Assert.Equal(new TimeWindow(Day(85), Day(90)), Rule.Evaluate(Now, Request(87, 5), Facts(new RiskFacts(Cell, "", [known]))).Single().Nearest);
    }

    // An account that is over never gets this far (the gate refuses it), and projects come with allocations: what is left of the study's list, and one more.
    [Fact]
    public void Scenario_11_each_thing_that_is_missing_is_a_reason_of_its_own_and_mending_one_removes_exactly_that_one()
    {
        RigFacts Rig(string name, string kind, bool assessed = false) => new("rigs/" + name, "labs/a", "h3", 0, false, 0, false)
        {
            RigKind = kind,
            Needs = assessed ? null : new QualificationNeed(QualificationLevel.Independent, 2),
            RiskAssessed = assessed,
        };
        Qualification Held(string kind) => new("qualifications/" + kind, "persons/a", kind, "h3", "", QualificationLevel.Independent, Day(-1)) { SupervisedRuns = 2 };

        var rigs = new[] { Rig("untrained", "potentiostat"), Rig("lapsing", "cell-cycler"), Rig("green", "module-cycler"), Rig("r", "abuse", assessed: true) };
        var request = new BookingRequest([.. rigs.Select(r => r.Name + "/channels/1")], new TimeWindow(Day(1), Day(5)));
        var facts = new BookingFacts
        {
            Limits = new BookingLimits { MaxLength = Duration.FromDays(60) },
            RigOfChannel = rigs.ToDictionary(r => r.Name + "/channels/1"),
            HazardOrder = ["h0", "h1", "h2", "h3"],
            Qualifications = [Held("cell-cycler") with { ValidUntil = Day(3) }, Held("module-cycler") with { SupervisedRuns = 1 }],
        };
        string[] all = ["SUPERVISED_RUNS_TOO_FEW", "QUALIFICATION_EXPIRES", "QUALIFICATION_MISSING", "RISK_ASSESSMENT_MISSING"];
        Assert.Equal(all, Reasons(facts));
        Assert.Equal(all, BookingRules.EvaluateAtStart(Now, request, facts).Select(v => v.Reason));
        foreach (var (kind, mended) in new[] { ("potentiostat", "QUALIFICATION_MISSING"), ("cell-cycler", "QUALIFICATION_EXPIRES"), ("module-cycler", "SUPERVISED_RUNS_TOO_FEW") })
            Assert.Equal(all.Where(r => r != mended), Reasons(facts with { Qualifications = [.. facts.Qualifications, Held(kind)] }));
        var assessed = facts with { Risks = new RiskFacts("", "", [new RiskAssessment("rigs/r", "", "", Day(0), Day(9))]) };
        Assert.Equal(all.Where(r => r != "RISK_ASSESSMENT_MISSING"), Reasons(assessed));
        Assert.Empty(Reasons(assessed with { Qualifications = [Held("potentiostat"), Held("cell-cycler"), Held("module-cycler")] }));

        IEnumerable<string> Reasons(BookingFacts with) => BookingRules.Evaluate(Now, request, with).Select(v => v.Reason);
    }

    private static BookingRequest Request(int start, int days) => new(["rigs/r/channels/1"], new TimeWindow(Day(start), Day(start + days)));

    private static BookingFacts Facts(RiskFacts risks) => new()
    {
        RigOfChannel = new Dictionary<string, RigFacts> { ["rigs/r/channels/1"] = new RigFacts("rigs/r", "labs/a", "h3", 0, false, 0, false) { RiskAssessed = true } },
        Risks = risks,
    };

    private static Instant Day(int day) => Now + Duration.FromDays(day);
}
