using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>
/// People are in the lab only while it is open, judged in the lab's own zone. A booking with people on site, or on a rig
/// that must be attended, lies wholly in open time; one run from afar only has to start in it (somebody connects the
/// cell), because cyclers run through nights and holidays.
/// </summary>
public sealed class OpeningHoursRule : IBookingRule
{
    private static readonly Duration Before = Duration.FromDays(14);
    private static readonly Duration After = Duration.FromDays(35);

    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        var judged = Judged(request, facts);
        var labs = facts.LabsOf(request).ToList();
        var closed = labs.Where(l => !OpeningTimes.CoversAll(l, judged)).ToList();
        if (closed.Count == 0) yield break;
        var nearest = Nearest(now, request.Window, judged, labs);
        foreach (var lab in closed)
            yield return new Violation("OUTSIDE_OPENING_HOURS", "opening-hours",
                $"{lab.Name} is not open {(judged == request.Window ? "throughout" : "at the start of")} {Sentences.Of(request.Window)}{Why(lab, judged)}." +
                Sentences.Remedy(nearest, "Choose a shorter time within the opening hours."))
            {
                Limit = HoursOf(lab, judged.Start),
                Actual = Local(lab, request.Window),
                OverridableBy = Roles.LabManager,
                Nearest = nearest,
                Resource = lab.Name,
            };
    }

    private static TimeWindow Judged(BookingRequest request, BookingFacts facts) =>
        request.Presence == Presence.OnSite || facts.RigsOf(request).Any(r => r.AttendedOnly)
            ? request.Window
            : new TimeWindow(request.Window.Start, request.Window.Start + Duration.FromTicks(10));

    private static TimeWindow? Nearest(Instant now, TimeWindow wanted, TimeWindow judged, List<LabFacts> labs)
    {
        var around = new TimeWindow(judged.Start - Before, judged.End + After);
        var open = labs.Select(l => OpeningTimes.In(l, around)).Aggregate(Intersect);
        return NearestWindow.Within(judged, open, now) is { } found ? wanted.StartingAt(found.Start) : null;
    }

    private static IReadOnlyList<TimeWindow> Intersect(IReadOnlyList<TimeWindow> a, IReadOnlyList<TimeWindow> b) =>
        [.. from x in a from y in b where x.Overlaps(y) select new TimeWindow(Instant.Max(x.Start, y.Start), Instant.Min(x.End, y.End))];

    private static string Why(LabFacts lab, TimeWindow judged)
    {
        var (first, last) = (judged.Start.InZone(lab.Zone).Date, (judged.End - Duration.Epsilon).InZone(lab.Zone).Date);
        return lab.Closures.FirstOrDefault(c => c.First <= last && first <= c.Last) is { Why.Length: > 0 } closure ? $" (closed: {closure.Why})" : "";
    }

    private static string HoursOf(LabFacts lab, Instant at)
    {
        var day = at.InZone(lab.Zone).Date;
        var hours = lab.Hours.Where(h => h.Day == day.DayOfWeek).OrderBy(h => h.OpensMinute).Select(h => $"{Clock(h.OpensMinute)}–{Clock(h.ClosesMinute)}").ToList();
        return hours.Count > 0 ? $"{day.DayOfWeek} {string.Join(", ", hours)}" : $"{day.DayOfWeek} {(lab.Hours.Count == 0 ? "open except closures" : "closed")}";
    }

    private static string Local(LabFacts lab, TimeWindow window) =>
        $"{window.Start.InZone(lab.Zone).LocalDateTime:uuuu-MM-dd HH:mm} to {window.End.InZone(lab.Zone).LocalDateTime:uuuu-MM-dd HH:mm} {lab.Zone.Id}";

    private static string Clock(int minute) => $"{minute / 60:00}:{minute % 60:00}";
}
