using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>What another slice knows of a booking that a rule needs to know; each slice that knows something registers one.</summary>
public interface IFactSource
{
    /// <summary>
    /// The facts with what this slice knows added. Asked before the transaction of every booking, so it reads nothing where no rig of the facts needs it; what
    /// it adds holds for any window of the same holder and channels, since a series asks once.
    /// </summary>
    Task<BookingFacts> AddAsync(BookingFacts facts, Booking booking, CancellationToken cancel);
}

/// <summary>Asks every source in turn.</summary>
internal static class FactSources
{
    /// <summary>The facts with what all sources know added.</summary>
    internal static async Task<BookingFacts> AddAsync(this IEnumerable<IFactSource> sources, BookingFacts facts, Booking booking, CancellationToken cancel)
    {
        foreach (var source in sources) facts = await source.AddAsync(facts, booking, cancel);
        return facts;
    }
}
