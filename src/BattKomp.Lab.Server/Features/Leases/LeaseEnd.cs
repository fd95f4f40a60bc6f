using BattKomp.Lab.Server.Features.Agents;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BookingState = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Leases;

/// <summary>
/// Ends leases whose window is over or whose booking no longer stands, and settles the runs that never started: they have
/// missed once the agent has answered the end of their lease, or has been silent for the grace time.
/// </summary>
public sealed class LeaseEnd(
    CalendarDatabase database, BookingCalendar bookings, Leases leases, RunRegister runs, Orders orders, LabOptions options, MachineClock clock) : ISweep
{
    /// <inheritdoc/>
    public string Name => "lease-end";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var now = Micros.FromInstant(clock.Now);
        var ended = false;
        foreach (var lease in await leases.OpenAsync(cancel))
        {
            var reason = await ReasonAsync(lease, now, cancel);
            if (reason is null) continue;
            await database.WriteAsync(tx => leases.EndAsync(tx, lease.Name, lease.Agent, reason, cancel), cancel);
            ended = true;
        }
        if (ended) orders.Wake();
        await SettleAsync(now, cancel);
    }

    private async Task<string?> ReasonAsync(LeaseRow lease, long now, CancellationToken cancel)
    {
        var booking = await bookings.FindAsync(lease.Booking, cancel);
        return booking?.State switch
        {
            BookingState.Confirmed or BookingState.Running => lease.EndUs <= now ? "lease_end" : null,
            BookingState.Completed => "booking_completed",
            BookingState.Cancelled => "booking_cancelled",
            _ => "booking_over",
        };
    }

    private async Task SettleAsync(long now, CancellationToken cancel)
    {
        foreach (var run in await runs.InStageAsync(Domain.Runs.RunStage.Ready, cancel))
        {
            if (await leases.EndedUsAsync(run.Lease, cancel) is not { } ended) continue;
            var silent = now - ended > options.Runs.GraceSeconds * 1e6;
            if (silent || !await orders.IsWaitingAsync(OrderKind.EndLease, run.Lease, cancel))
                await database.WriteAsync(tx => runs.MissAsync(tx, run.Lease, silent ? "agent_silent" : "lease_end", cancel), cancel);
        }
    }
}
