using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>A person holds only so many bookings at a time: a hold is for making up one's mind, not for keeping others out.</summary>
public sealed class HoldRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (!request.Hold || facts.HoldsOfPerson < facts.Limits.HoldsPerPerson) yield break;
        yield return new Violation("TOO_MANY_HOLDS", "holds", $"You hold {facts.HoldsOfPerson} bookings already; at most {facts.Limits.HoldsPerPerson} at a time. Confirm or cancel one first.")
        {
            Limit = $"{facts.Limits.HoldsPerPerson} holds",
            Actual = $"{facts.HoldsOfPerson + 1} holds",
        };
    }
}
