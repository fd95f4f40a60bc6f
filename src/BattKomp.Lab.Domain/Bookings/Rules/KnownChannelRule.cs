using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>Every channel must be in the catalogue.</summary>
public sealed class KnownChannelRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts) => request.Channels
        .Distinct().Where(c => !facts.RigOfChannel.ContainsKey(c))
        .Select(c => new Violation("CHANNEL_UNKNOWN", "known-channel", $"There is no channel '{c}'. Choose one of the channels that the rigs list.") { Actual = c, Resource = c });
}
