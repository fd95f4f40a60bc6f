using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>A rig that an incident or a stop has locked takes no bookings until it is released.</summary>
public sealed class RigLockedRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts) => facts.RigsOf(request).Where(r => r.Locked)
        .Select(r => new Violation("RIG_LOCKED", "rig-locked", $"{r.Name} is locked after a stop or an incident. A lab manager of {r.Lab} must release it first.") { Resource = r.Name });
}
