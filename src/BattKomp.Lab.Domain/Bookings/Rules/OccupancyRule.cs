using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>A channel that a booking has taken is not free. Nobody overrides this: the store itself keeps it.</summary>
public sealed class OccupancyRule : IBookingRule
{
    /// <summary>Blocking windows named at most, a channel.</summary>
    public const int MostBlocking = 5;

    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts) =>
        Blocked(now, request, facts, OccupancyKind.Booking, "CHANNEL_OCCUPIED", "occupancy", "is taken");

    internal static IEnumerable<Violation> Blocked(
        Instant now, BookingRequest request, BookingFacts facts, OccupancyKind kind, string reason, string rule, string verb)
    {
        var channels = request.Channels.ToHashSet();
        var blocking = facts.Occupied.Where(o => o.Kind == kind && channels.Contains(o.Resource) && o.During.Overlaps(request.Window)).ToList();
        if (blocking.Count == 0) yield break;
        var nearest = NearestWindow.Free(now, request, facts);
        foreach (var channel in blocking.GroupBy(o => o.Resource).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var windows = channel.Select(o => o.During).OrderBy(w => w.Start).ToList();
            var more = windows.Count > 1 ? $" and {windows.Count - 1} more" : "";
            yield return new Violation(reason, rule,
                $"{channel.Key} {verb} {Sentences.Of(windows[0])}{more}.{Sentences.Remedy(nearest, "Choose another time or another channel.")}")
            {
                Actual = Sentences.Of(request.Window),
                Nearest = nearest,
                Resource = channel.Key,
                Blocking = windows.Count <= MostBlocking ? windows : windows[..MostBlocking],
            };
        }
    }
}
