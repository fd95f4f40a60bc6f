using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings;

/// <summary>Papers that must hold for the whole of a window, one after the other or several at once.</summary>
public static class Coverage
{
    /// <summary>The first instant of the window at which none of the stretches holds; null when they cover it.</summary>
    /// <param name="stretches">Half-open; without an end = for ever.</param>
    /// <param name="window">What must be covered.</param>
    public static Instant? UncoveredFrom(IEnumerable<(Instant From, Instant? Until)> stretches, TimeWindow window)
    {
        var reached = window.Start;
        foreach (var (from, until) in stretches.OrderBy(s => s.From))
        {
            if (from > reached) break;
            if (until is null) return null;
            reached = Instant.Max(reached, until.Value);
        }
        return reached >= window.End ? null : reached;
    }
}
