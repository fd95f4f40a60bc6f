using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>A booking is neither too short nor too long; both are told when the limits contradict each other.</summary>
public sealed class LengthRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        var (length, limits) = (request.Window.Length, facts.Limits);
        if (length < limits.MinLength) yield return Of("TOO_SHORT", "at least", request, limits.MinLength, limits, "min_length");
        if (length > limits.MaxLength) yield return Of("TOO_LONG", "at most", request, limits.MaxLength, limits, "max_length");
    }

    private static Violation Of(string reason, string bound, BookingRequest request, Duration limit, BookingLimits limits, string name) =>
        new(reason, "length", $"The booking lasts {Sentences.Of(request.Window.Length)}; it must last {bound} {Sentences.Of(limit)}. Choose another end.")
        {
            Limit = Sentences.Of(limit),
            Actual = Sentences.Of(request.Window.Length),
            OverridableBy = Roles.LabManager,
            Policy = limits.SaidBy(name),
            Nearest = limits.MinLength <= limits.MaxLength ? new TimeWindow(request.Window.Start, request.Window.Start + limit) : null,
        };
}
