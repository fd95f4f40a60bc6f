using BattKomp.Lab.Domain.Access;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>A booking does not start before now, beyond the tolerance; one that has begun may be changed as long as its start stays.</summary>
public sealed class PastRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (request.Window.Start >= now - facts.Limits.PastTolerance || request.Window.Start == request.Former?.Start) yield break;
        var nearest = request.Window.StartingAt(Sentences.MinuteFrom(now));
        yield return new Violation("STARTS_IN_PAST", "past",
            $"The booking starts {Sentences.Of(request.Window.Start)}, which is past.{Sentences.Remedy(nearest, "")}")
        {
            Limit = Sentences.Of(now),
            Actual = Sentences.Of(request.Window.Start),
            // Time that is wholly over cannot be used; time that is partly over can be put on record by a manager.
            OverridableBy = request.Window.End > now ? Roles.LabManager : "",
            Nearest = nearest,
        };
    }
}
