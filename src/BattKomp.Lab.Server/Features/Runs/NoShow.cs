using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BookingState = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>Settles bookings whose window is over: nobody came when nothing ran, used and over when everything that ran is final.</summary>
public sealed class NoShow(CalendarDatabase database, BookingCalendar bookings, RunRegister runs, MachineClock clock) : ISweep
{
    /// <inheritdoc/>
    public string Name => "no-show";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        foreach (var booking in await bookings.EndedAsync(clock.Now, cancel))
        {
            var made = await runs.OfBookingAsync(booking.Name, cancel);
            if (made.Any(r => r.Stage is not (RunStage.Final or RunStage.Missed))) continue;
            await database.WriteAsync(tx => SettleAsync(tx, booking.Name, made.Count > 0, cancel), cancel);
        }
    }

    private async Task SettleAsync(CalendarTransaction tx, string name, bool leased, CancellationToken cancel)
    {
        // Read again: another server may have settled it meanwhile.
        var booking = await bookings.FindAsync(tx, name, cancel);
        if (booking?.State is BookingState.Running) await bookings.MarkCompletedAsync(tx, name, cancel);
        if (booking?.State is not BookingState.Confirmed) return;
        var reason = booking.Message.StateReason.Length > 0 ? booking.Message.StateReason : leased ? "nothing ran" : "no lease was issued";
        await bookings.MarkNoShowAsync(tx, name, reason, cancel);
    }
}
