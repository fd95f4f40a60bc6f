using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Policies;

/// <summary>A pool that a request draws from, with what is drawn by others.</summary>
/// <param name="Term">The pool.</param>
/// <param name="Scope">What shares it.</param>
/// <param name="Draw">What the request takes.</param>
/// <param name="Others">What other bookings take, and when.</param>
public sealed record PoolUse(PoolTerm Term, string Scope, double Draw, IReadOnlyList<(TimeWindow During, double Draw)> Others);

/// <summary>The arithmetic of pools: what counts is the most that is taken at one moment, never the sum over the window.</summary>
public static class Pools
{
    /// <summary>The most that is drawn at one moment of the window, and when it first is.</summary>
    public static (double Most, Instant When) Peak(IEnumerable<(TimeWindow During, double Draw)> draws, TimeWindow window)
    {
        var steps = new SortedDictionary<Instant, double>();
        foreach (var (during, draw) in draws)
        {
            if (!during.Overlaps(window)) continue;
            Add(Instant.Max(during.Start, window.Start), draw);
            Add(during.End, -draw);
        }
        var (level, most, when) = (0.0, 0.0, window.Start);
        foreach (var (at, change) in steps)
        {
            level += change;
            if (at < window.End && level > most) (most, when) = (level, at);
        }
        return (most, when);

        void Add(Instant at, double change) => steps[at] = steps.GetValueOrDefault(at) + change;
    }

    /// <summary>"12 seats", "3000 W", "500 Wh".</summary>
    public static string Text(PoolTerm term) => Amount(term.Kind, term.Capacity);

    /// <summary>An amount of a kind, with its unit.</summary>
    public static string Amount(PoolKind kind, double amount) => Sentences.Of(amount, kind switch { PoolKind.Seats => "seats", PoolKind.Watts => "W", _ => "Wh" });
}
