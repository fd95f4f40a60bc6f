using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>A rig without a guard of its own is energised only while somebody is there.</summary>
public sealed class AttendedRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts) => request.Presence == Presence.OnSite
        ? []
        : facts.RigsOf(request).Where(r => r.AttendedOnly).Select(r => new Violation("PRESENCE_REQUIRED", "attended",
            $"{r.Name} has no guard of its own and must be attended. Book it with presence ON_SITE.")
        {
            Limit = "ON_SITE",
            Actual = request.Presence == Presence.RemoteView ? "REMOTE_VIEW" : "REMOTE_OPERATE",
            Resource = r.Name,
        });
}
