using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>A booking ends within the horizon.</summary>
public sealed class HorizonRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        var latest = now + facts.Limits.Horizon;
        if (request.Window.End <= latest) yield break;
        var start = Sentences.MinuteFrom(latest - request.Window.Length) - Duration.FromMinutes(1);
        TimeWindow? nearest = start >= now ? request.Window.StartingAt(start) : null;
        yield return new Violation("BEYOND_HORIZON", "horizon",
            $"The booking ends {Sentences.Of(request.Window.End)}; bookings reach at most {Sentences.Of(facts.Limits.Horizon)} ahead." +
            Sentences.Remedy(nearest, "Ask for less time."))
        {
            Limit = Sentences.Of(facts.Limits.Horizon),
            Actual = Sentences.Of(request.Window.End - now),
            OverridableBy = Roles.LabManager,
            Nearest = nearest,
            Policy = facts.Limits.SaidBy("horizon"),
        };
    }
}
