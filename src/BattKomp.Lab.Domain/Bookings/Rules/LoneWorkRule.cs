using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>
/// Where a lab says so, nobody is alone on site with a rig of high hazard class while no staff is there. Staffed time is judged on the lab's wall clock, closures
/// and holidays included.
/// </summary>
public sealed class LoneWorkRule : IBookingRule
{
    private static readonly Duration Before = Duration.FromDays(14);
    private static readonly Duration After = Duration.FromDays(35);

    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (request.Presence != Presence.OnSite || request.Headcount > 1) yield break;
        foreach (var lab in facts.LabsOf(request).Where(l => l.LoneWorkFrom.Length > 0))
        {
            var from = facts.HazardRank(lab.LoneWorkFrom);
            // A class that nobody knows, on either side, is taken for the worse.
            var rig = facts.RigsOf(request).Where(r => r.Lab == lab.Name).FirstOrDefault(r => from == int.MaxValue || facts.HazardRank(facts.HazardAt(r)) >= from);
            if (rig is null) continue;
            var staffed = lab.Staffed.Count > 0 ? lab with { Hours = lab.Staffed } : lab;
            if (OpeningTimes.CoversAll(staffed, request.Window)) continue;
            var around = new TimeWindow(request.Window.Start - Before, request.Window.End + After);
            yield return Alone(lab, rig, request.Window, NearestWindow.Within(request.Window, OpeningTimes.In(staffed, around), now));
        }
    }

    private static Violation Alone(LabFacts lab, RigFacts rig, TimeWindow window, TimeWindow? nearest) => new("LONE_WORK", "lone-work",
        $"{lab.Name} lets nobody work alone with {rig.Name} (hazard class {lab.LoneWorkFrom} or worse) while no staff is there. Come two, or in the staffed hours." + (nearest is { } n ? $" Nearest: {Sentences.Of(n)}." : ""))
    {
        Limit = "2 persons outside the staffed hours",
        Actual = $"1 person, {window.Start.InZone(lab.Zone).LocalDateTime:uuuu-MM-dd HH:mm} to {window.End.InZone(lab.Zone).LocalDateTime:uuuu-MM-dd HH:mm} {lab.Zone.Id}",
        OverridableBy = Roles.LabManager,
        Nearest = nearest,
        Resource = rig.Name,
    };
}
