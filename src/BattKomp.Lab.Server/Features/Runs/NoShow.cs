using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BookingState = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>Settles bookings whose window is over: nobody came when nothing ran, used and over when everything that ran is final.</summary>
public sealed class NoShow(CalendarDatabase database, BookingCalendar bookings, RunRegister runs, MachineClock clock, ILogger<NoShow> log) : ISweep
{
    /// <inheritdoc/>
    public string Name => "no-show";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var ended = await bookings.EndedAsync(clock.Now, cancel);
        await ended.EachAsync(booking => LookAsync(booking.Name, cancel), booking => booking.Name, log, cancel);
    }

    private async Task LookAsync(string booking, CancellationToken cancel)
    {
        var made = await runs.OfBookingAsync(booking, cancel);
        if (made.All(r => r.Stage is RunStage.Final or RunStage.Missed))
            await database.WriteAsync(tx => SettleAsync(tx, booking, made.Count > 0, cancel), cancel);
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
