using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings;

/// <summary>Finds the window of the wanted length that lies nearest to the wanted one.</summary>
public static class NearestWindow
{
    /// <summary>
    /// The nearest window of the same length that lies in one of <paramref name="open"/> and starts no earlier than
    /// <paramref name="earliest"/>; on a tie the earlier one. Null when none is long enough.
    /// </summary>
    public static TimeWindow? Within(TimeWindow wanted, IEnumerable<TimeWindow> open, Instant earliest)
    {
        TimeWindow? best = null;
        foreach (var stretch in open)
        {
            var first = Instant.Max(stretch.Start, earliest);
            var last = stretch.End - wanted.Length;
            if (last < first) continue;
            var candidate = wanted.StartingAt(Instant.Min(Instant.Max(wanted.Start, first), last));
            if (best is null || Distance(candidate, wanted) < Distance(best.Value, wanted)) best = candidate;
        }
        return best;
    }

    /// <summary>The stretches of <paramref name="known"/> that none of <paramref name="busy"/> touches within <paramref name="margin"/>, in order.</summary>
    public static IReadOnlyList<TimeWindow> Gaps(TimeWindow known, IEnumerable<TimeWindow> busy, Duration margin)
    {
        var gaps = new List<TimeWindow>();
        var from = known.Start;
        foreach (var taken in busy.OrderBy(b => b.Start))
        {
            if (taken.Start - margin > from) gaps.Add(new TimeWindow(from, Instant.Min(taken.Start - margin, known.End)));
            from = Instant.Max(from, taken.End + margin);
            if (from >= known.End) return gaps;
        }
        gaps.Add(new TimeWindow(from, known.End));
        return gaps;
    }

    /// <summary>
    /// The nearest window in which every channel of the request is free, as far as the facts reach. It ignores the other
    /// rules, but never lies before <paramref name="now"/>.
    /// </summary>
    public static TimeWindow? Free(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (facts.OccupiedKnown is not { } known) return null;
        var channels = request.Channels.ToHashSet();
        var busy = facts.Occupied.Where(o => channels.Contains(o.Resource)).Select(o => o.During);
        return Within(request.Window, Gaps(known, busy, facts.Limits.Buffer), now);
    }

    private static Duration Distance(TimeWindow a, TimeWindow b) => a.Start > b.Start ? a.Start - b.Start : b.Start - a.Start;
}
