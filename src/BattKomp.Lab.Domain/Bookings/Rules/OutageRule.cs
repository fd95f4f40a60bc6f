using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>A channel under maintenance is not free.</summary>
public sealed class OutageRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts) =>
        OccupancyRule.Blocked(now, request, facts, OccupancyKind.Outage, "CHANNEL_OUTAGE", "outage", "is under maintenance");
}
