using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>No channel may be asked for twice.</summary>
public sealed class DuplicateChannelRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts) => request.Channels
        .GroupBy(c => c).Where(g => g.Count() > 1)
        .Select(g => new Violation("CHANNEL_REPEATED", "duplicate-channel", $"{g.Key} stands in the request {g.Count()} times. Name it once.")
        {
            Limit = "1",
            Actual = $"{g.Count()}",
            Resource = g.Key,
        });
}
