using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>
/// On a rig that requires it, an assessment covers test object, rig and procedure for the whole window. The sentence names neither: who decides on a booking
/// need not be one who may see what is tested.
/// </summary>
public sealed class RiskAssessmentRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        foreach (var rig in facts.RigsOf(request).Where(r => r.RiskAssessed))
        {
            var covering = facts.Risks.Known.Where(a => a.Covers(rig.Name, facts.Risks.TestObject, facts.Risks.Procedure)).ToList();
            if (Coverage.UncoveredFrom(covering.Select(a => (a.ValidFrom, (Instant?)a.ValidUntil)), request.Left(now)) is { } end) yield return Missing(now, request.Window, rig, covering, end);
        }
    }

    private static Violation Missing(Instant now, TimeWindow window, RigFacts rig, IReadOnlyList<RiskAssessment> covering, Instant end)
    {
        var nearest = Nearest(now, window, covering);
        var has = covering.Count == 0
            ? "covers this test object and procedure on it"
            : $"of this test object and procedure on it holds at {Sentences.Of(end)}";
        return new Violation("RISK_ASSESSMENT_MISSING", "risk-assessment",
            $"{rig.Name} is used only with a risk assessment, and none {has}.{(nearest is { } n ? $" Nearest: {Sentences.Of(n)}." : "")} Ask a manager of {rig.Lab} to make one.")
        {
            Limit = covering.Count == 0 ? "assessed" : Sentences.Of(end),
            Actual = covering.Count == 0 ? "not assessed" : Sentences.Of(window.End),
            Nearest = nearest,
            Resource = rig.Name,
        };
    }

    private static TimeWindow? Nearest(Instant now, TimeWindow window, IReadOnlyList<RiskAssessment> covering) => covering
        .Select(a => (Earliest: Sentences.MinuteFrom(Instant.Max(now, a.ValidFrom)), Latest: a.ValidUntil - window.Length))
        .Where(s => s.Latest >= s.Earliest)
        .Select(s => Instant.Min(s.Latest, Instant.Max(s.Earliest, window.Start)))
        .OrderBy(start => start > window.Start ? start - window.Start : window.Start - start)
        .Select(start => (TimeWindow?)window.StartingAt(start)).FirstOrDefault();
}
