using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>Time to clear and cool a rig stays free between a booking and its neighbours.</summary>
public sealed class BufferRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        var buffer = facts.Limits.Buffer;
        if (buffer <= Duration.Zero) yield break;
        var padded = new TimeWindow(request.Window.Start - buffer, request.Window.End + buffer);
        var channels = request.Channels.ToHashSet();
        var close = facts.Occupied
            .Where(o => channels.Contains(o.Resource) && o.During.Overlaps(padded) && !o.During.Overlaps(request.Window))
            .OrderBy(o => o.Resource, StringComparer.Ordinal).ThenBy(o => o.During.Start).ToList();
        var nearest = close.Count > 0 ? NearestWindow.Free(now, request, facts) : null;
        foreach (var neighbour in close)
        {
            var before = neighbour.During.End <= request.Window.Start;
            var gap = before ? request.Window.Start - neighbour.During.End : neighbour.During.Start - request.Window.End;
            yield return new Violation(before ? "BEGINS_TOO_SOON" : "ENDS_TOO_LATE", "buffer",
                $"{neighbour.Resource} is taken {Sentences.Of(neighbour.During)}; {Sentences.Of(buffer)} must stay free between." +
                Sentences.Remedy(nearest, "Choose another time."))
            {
                Limit = Sentences.Of(buffer),
                Actual = Sentences.Of(gap),
                OverridableBy = Roles.LabManager,
                Nearest = nearest,
                Policy = facts.Limits.SaidBy("buffer"),
                Resource = neighbour.Resource,
                Blocking = [neighbour.During],
            };
        }
    }
}
