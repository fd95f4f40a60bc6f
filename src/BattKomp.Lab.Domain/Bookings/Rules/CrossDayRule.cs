using BattKomp.Lab.Domain.Access;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>Where a policy says so, a booking begins and ends on one day, on the calendar of the lab and not of the one who books.</summary>
public sealed class CrossDayRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (facts.Limits.NoCrossDay.Length == 0) yield break;
        foreach (var lab in facts.LabsOf(request))
        {
            var (first, last) = (request.Window.Start.InZone(lab.Zone).LocalDateTime, request.Window.End.InZone(lab.Zone).LocalDateTime);
            // The end is not part of the booking: midnight ends the day before.
            if ((request.Window.End - Duration.Epsilon).InZone(lab.Zone).Date == first.Date) continue;
            yield return new Violation("CROSSES_DAYS", "cross-day",
                $"The booking begins {first:uuuu-MM-dd HH:mm} and ends {last:uuuu-MM-dd HH:mm} ({lab.Zone.Id}); it must end on the day it begins. Split it by day.")
            {
                Limit = "one day",
                Actual = $"{first:uuuu-MM-dd} to {last:uuuu-MM-dd}",
                OverridableBy = Roles.LabManager,
                Resource = lab.Name,
                Policy = facts.Limits.NoCrossDay,
            };
        }
    }
}
