using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using NodaTime;
using State = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>Ends holds that nobody confirmed and questions that no owner answered in time; each leaves a demand signal in the same transaction.</summary>
internal sealed class HoldExpiry(CalendarDatabase database, Catalogue.Catalogue catalogue, BookingCalendar calendar, DemandSignals signals, MachineClock clock, ILogger<HoldExpiry> log) : ISweep
{
    /// <inheritdoc/>
    public string Name => "hold-expiry";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        var due = await database.ReadAsync(tx => BookingStore.ExpiredByAsync(tx, clock.Now, cancel), cancel);
        await due.EachAsync(booking => database.WriteAsync(tx => ExpireAsync(tx, booking.Name, snapshot, cancel), cancel), booking => booking.Name, log, cancel);
    }

    private async Task ExpireAsync(CalendarTransaction tx, string name, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        // Read again under the lock: it may have been confirmed, or ended by another server.
        var found = await BookingStore.FindAsync(tx, name, forUpdate: true, cancel);
        if (found is not { State: State.Held or State.Pending, Message.ExpireTime: { } end } || BookingTimes.Instant(end) > clock.Now) return;
        var held = found.State == State.Held;
        await calendar.StepAsync(tx, found, BookingStep.Expire, held ? "not confirmed in time" : "no answer in time", cancel);
        await signals.AddAsync(tx, held ? "hold-expired" : "approval-expired", found.Message, BookingViews.LabsOf(found.Message.Channels, snapshot), [held ? "HOLD_EXPIRED" : "APPROVAL_EXPIRED"], cancel);
    }
}
