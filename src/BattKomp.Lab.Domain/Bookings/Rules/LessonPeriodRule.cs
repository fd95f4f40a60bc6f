using BattKomp.Lab.Domain.Access;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>Where a school's lessons are the grid, a booking with people on site begins with one lesson and ends with the same or a later one of that day.</summary>
public sealed class LessonPeriodRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (request.Presence != Presence.OnSite) yield break;
        foreach (var (scope, periods) in facts.Limits.LessonPeriods)
            foreach (var lab in facts.LabsOf(request))
            {
                var (start, end) = (request.Window.Start.InZone(lab.Zone).LocalDateTime, request.Window.End.InZone(lab.Zone).LocalDateTime);
                var closes = end.TimeOfDay == LocalTime.Midnight && end.Date == start.Date.PlusDays(1) ? 24 * 60 : end.Date == start.Date ? MinuteOf(end) : -1;
                if (periods.Any(p => p.OpensMinute == MinuteOf(start)) && periods.Any(p => p.ClosesMinute == closes)) continue;
                var grid = string.Join(", ", periods.OrderBy(p => p.OpensMinute).Select(p => $"{Clock(p.OpensMinute)}–{Clock(p.ClosesMinute)}"));
                yield return new Violation("OFF_LESSON_GRID", "lesson-periods",
                    $"The booking lasts {start:HH:mm} to {end:HH:mm} ({lab.Zone.Id}); it must begin and end with a lesson: {grid}. Choose whole lessons.")
                {
                    Limit = grid,
                    Actual = $"{start:uuuu-MM-dd HH:mm} to {end:uuuu-MM-dd HH:mm}",
                    OverridableBy = Roles.LabManager,
                    Resource = lab.Name,
                    Policy = scope,
                };
            }
    }

    private static int MinuteOf(LocalDateTime at) => at is { Second: 0, NanosecondOfSecond: 0 } ? (at.Hour * 60) + at.Minute : -1;

    private static string Clock(int minute) => $"{minute / 60:00}:{minute % 60:00}";
}
