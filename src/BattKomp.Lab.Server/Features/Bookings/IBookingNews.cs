using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Platform.Database;
using NodaTime;
using State = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>Is told of everything that becomes of bookings, in the transaction in which it does; whoever listens writes there and nowhere else.</summary>
public interface IBookingNews
{
    /// <summary>A booking was made, in the state it has.</summary>
    Task CreatedAsync(CalendarTransaction tx, StoredBooking booking, CancellationToken cancel);

    /// <summary>A booking took a step; <paramref name="by"/> is empty when the clock did it.</summary>
    Task SteppedAsync(CalendarTransaction tx, StoredBooking before, BookingStep step, State to, string reason, string by, CancellationToken cancel);

    /// <summary>Owners are asked for their yes.</summary>
    Task AskedAsync(CalendarTransaction tx, StoredBooking booking, IReadOnlyList<string> labs, CancellationToken cancel);

    /// <summary>A successor took a booking's place.</summary>
    Task ChangedAsync(CalendarTransaction tx, StoredBooking before, StoredBooking after, string by, string reason, CancellationToken cancel);

    /// <summary>A hold was made for one who waits.</summary>
    Task OfferedAsync(CalendarTransaction tx, StoredBooking hold, Instant expires, CancellationToken cancel);
}
