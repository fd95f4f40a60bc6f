using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform.Database;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>What bookings ask of the slice that offers time again; that slice registers it.</summary>
public interface IDisplaced
{
    /// <summary>Lets the holder of a booking that an outage displaces wait for as much elsewhere, ahead of others.</summary>
    Task WaitAsync(CalendarTransaction tx, StoredBooking lost, CatalogueSnapshot catalogue, CancellationToken cancel);
}
