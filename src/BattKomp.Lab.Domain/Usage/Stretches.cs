using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Usage;

/// <summary>Hours of windows within windows.</summary>
public static class Stretches
{
    /// <summary>The part of a window within another; null when there is none.</summary>
    public static TimeWindow? Within(this TimeWindow window, TimeWindow bounds)
    {
        var (start, end) = (Instant.Max(window.Start, bounds.Start), Instant.Min(window.End, bounds.End));
        return start < end ? new TimeWindow(start, end) : null;
    }

    /// <summary>What is left of a window without the holes, in order; none, one or several pieces.</summary>
    public static IReadOnlyList<TimeWindow> Without(this TimeWindow window, IEnumerable<TimeWindow> holes)
    {
        var (pieces, from) = (new List<TimeWindow>(), window.Start);
        foreach (var hole in holes.Where(h => h.Overlaps(window)).OrderBy(h => h.Start))
        {
            if (from < hole.Start) pieces.Add(new TimeWindow(from, hole.Start));
            from = Instant.Max(from, hole.End);
        }
        if (from < window.End) pieces.Add(new TimeWindow(from, window.End));
        return pieces;
    }

    /// <summary>Hours that lie in at least one of the windows and in <paramref name="bounds"/>; what overlaps counts once.</summary>
    public static double Hours(this IEnumerable<TimeWindow> windows, TimeWindow bounds)
    {
        var (total, until) = (Duration.Zero, bounds.Start);
        foreach (var window in windows.Where(w => w.Overlaps(bounds)).OrderBy(w => w.Start))
        {
            var start = Instant.Max(window.Start, until);
            var end = Instant.Min(window.End, bounds.End);
            if (start < end) (total, until) = (total + (end - start), end);
        }
        return total.TotalHours;
    }
}
