using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using NodaTime;
using BookingState = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>
/// Settles bookings whose window is over: nobody came when nothing ran, used and over when everything that ran is final, or when somebody checked in
/// to a rig that runs nothing. One to which nobody has come within the grace of its purpose is given up before its end, unless an agent that holds
/// its lease has not been heard of: something may be running there.
/// </summary>
public sealed class NoShow(
    CalendarDatabase database, BookingCalendar bookings, BookingOptions options, RunRegister runs, ILeasesOfBookings leases, MachineClock clock, ILogger<NoShow> log) : ISweep
{
    private static readonly Duration HeardWithin = Duration.FromMinutes(2);

    /// <inheritdoc/>
    public string Name => "no-show";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var ended = await bookings.EndedAsync(clock.Now, cancel);
        await ended.EachAsync(booking => LookAsync(booking.Name, cancel), booking => booking.Name, log, cancel);
        var unseen = await bookings.UnseenAsync(clock.Now, cancel);
        await unseen.Where(IsGivenUp).EachAsync(booking => database.WriteAsync(tx => GiveUpAsync(tx, booking.Name, cancel), cancel), booking => booking.Name, log, cancel);
    }

    // Where no lease could be given the fault is the lab's.
    private bool IsGivenUp(StoredBooking booking) => !booking.Message.StateReason.StartsWith("no lease", StringComparison.Ordinal) && booking.Message.CheckInTime is null
        && options.GraceOf(booking.Message.Purpose, booking.Message.Cohort) is { } grace && booking.Window.Start + grace <= clock.Now;

    private async Task GiveUpAsync(CalendarTransaction tx, string name, CancellationToken cancel)
    {
        if (await bookings.FindAsync(tx, name, cancel) is not { State: BookingState.Confirmed } booking || !IsGivenUp(booking)) return;
        // A server that was away when it began has given no lease yet, and nobody could have checked in.
        if (!booking.Message.StateReason.StartsWith(ILeasesOfBookings.HolderGetsNone, StringComparison.Ordinal) && !await leases.WereGivenAsync(tx, name, cancel)) return;
        if (!await leases.IsIdleAsync(tx, name, Micros.FromInstant(clock.Now - HeardWithin), cancel)) return;
        await bookings.MarkNoShowAsync(tx, name, "nobody checked in and nothing ran in time", cancel);
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
        if (booking.Message.CheckInTime is not null)
        {
            await bookings.MarkUsedAsync(tx, name, cancel);
            return;
        }
        var reason = booking.Message.StateReason.Length > 0 ? booking.Message.StateReason : leased ? "nothing ran" : "no lease was issued";
        await bookings.MarkNoShowAsync(tx, name, reason, cancel);
    }
}
