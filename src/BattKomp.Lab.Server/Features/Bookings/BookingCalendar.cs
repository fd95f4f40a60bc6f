using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using NodaTime;
using State = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>The bookings' one public interface for other slices: what is due, and what became of it.</summary>
public sealed class BookingCalendar(CalendarDatabase database, BookingOptions options, IBookingNews news, MachineClock clock)
{
    /// <summary>The booking, everything in it; null when there is none. The caller's view is <see cref="BookingViews"/>'s.</summary>
    public Task<StoredBooking?> FindAsync(string name, CancellationToken cancel) => database.ReadAsync(tx => FindAsync(tx, name, cancel), cancel);

    /// <summary>As the other overload, inside a transaction.</summary>
    public Task<StoredBooking?> FindAsync(CalendarTransaction tx, string name, CancellationToken cancel) => BookingStore.FindAsync(tx, name, forUpdate: false, cancel);

    /// <summary>CONFIRMED bookings whose window contains <paramref name="now"/> (machine time), earliest first: a lease is due.</summary>
    public Task<List<StoredBooking>> DueForLeaseAsync(Instant now, CancellationToken cancel) => database.ReadAsync(tx => BookingStore.ConfirmedAtAsync(tx, now, cancel), cancel);

    /// <summary>CONFIRMED and RUNNING bookings whose window is over at <paramref name="now"/>, earliest first.</summary>
    public Task<List<StoredBooking>> EndedAsync(Instant now, CancellationToken cancel) => database.ReadAsync(tx => BookingStore.LiveEndedByAsync(tx, now, cancel), cancel);

    /// <summary>CONFIRMED bookings that have begun and to which nobody has checked in, earliest first.</summary>
    public Task<List<StoredBooking>> UnseenAsync(Instant now, CancellationToken cancel) => database.ReadAsync(tx => BookingStore.UnseenSinceAsync(tx, now, cancel), cancel);

    /// <summary>Bookings (ended ones too, in order of start) and outages, at most 500, that overlap a window; channels null = all, holder empty = anyone's.</summary>
    public Task<(List<StoredBooking> Bookings, List<V1.Outage> Outages)> OverlappingAsync(Domain.Time.TimeWindow window, IReadOnlyList<string>? channels, string holder, int limit, CancellationToken cancel)
    {
        var query = new BookingQuery(window, channels, holder, IncludeEnded: true, AfterStart: Micros.FromInstant(window.Start - options.Longest), AfterId: 0, limit);
        return database.ReadAsync(async tx => (await BookingStore.OverlappingAsync(tx, query, cancel), await BookingStore.OutagesAsync(tx, query, cancel)), cancel);
    }

    /// <summary>CONFIRMED → RUNNING: a run was started from it, which also shows that its holder came. Already RUNNING is fine.</summary>
    /// <exception cref="LabException">WRONG_STATE; RESOURCE_NOT_FOUND.</exception>
    public async Task<StoredBooking> MarkRunningAsync(CalendarTransaction tx, string booking, CancellationToken cancel)
    {
        await BookingStore.CheckInAsync(tx, booking, Micros.FromInstant(clock.Now), cancel);
        return await StepAsync(tx, booking, BookingStep.Start, "", cancel);
    }

    /// <summary>RUNNING → COMPLETED, which frees what is left of the time. Already COMPLETED is fine.</summary>
    /// <exception cref="LabException">WRONG_STATE; RESOURCE_NOT_FOUND.</exception>
    public Task<StoredBooking> MarkCompletedAsync(CalendarTransaction tx, string booking, CancellationToken cancel) => StepAsync(tx, booking, BookingStep.Complete, "", cancel);

    /// <summary>CONFIRMED → COMPLETED: its holder came, and nothing had to run. Already COMPLETED is fine.</summary>
    /// <exception cref="LabException">WRONG_STATE; RESOURCE_NOT_FOUND.</exception>
    public Task<StoredBooking> MarkUsedAsync(CalendarTransaction tx, string booking, CancellationToken cancel) => StepAsync(tx, booking, BookingStep.Release, "", cancel);

    /// <summary>CONFIRMED → NO_SHOW, which frees the time and keeps the row. Already NO_SHOW is fine.</summary>
    /// <exception cref="LabException">WRONG_STATE; RESOURCE_NOT_FOUND.</exception>
    public Task<StoredBooking> MarkNoShowAsync(CalendarTransaction tx, string booking, string reason, CancellationToken cancel) => StepAsync(tx, booking, BookingStep.MissedByHolder, reason, cancel);

    /// <summary>Keeps why nothing happens with a booking that stays as it is (no lease is issued); false when it says so already.</summary>
    public async Task<bool> NoteReasonAsync(CalendarTransaction tx, string booking, string reason, CancellationToken cancel) => await tx.ExecuteAsync(
        "UPDATE bookings SET state_reason = @r, version = version + 1, changed_us = @t WHERE name = @n AND state_reason <> @r", cancel,
        ("r", reason), ("t", Micros.FromInstant(clock.Now)), ("n", booking)) == 1;

    internal async Task<StoredBooking> StepAsync(CalendarTransaction tx, string name, BookingStep step, string reason, CancellationToken cancel)
    {
        var booking = await BookingStore.FindAsync(tx, name, forUpdate: true, cancel) ?? throw LabErrors.NotFound(name);
        if (step != BookingStep.Cancel && booking.State == BookingStates.Target(step)) return booking;
        return await StepAsync(tx, booking, step, reason, cancel);
    }

    internal async Task<StoredBooking> StepAsync(CalendarTransaction tx, StoredBooking booking, BookingStep step, string reason, CancellationToken cancel, string by = "")
    {
        var to = BookingStates.After(booking.State, step) ?? throw BookingErrors.WrongState(booking, step);
        if (!await BookingStore.MoveAsync(tx, booking, to, by, reason, Micros.FromInstant(clock.Now), cancel)) throw LabErrors.EtagStale(booking.Name);
        await news.SteppedAsync(tx, booking, step, to, reason, by, cancel);
        return (await BookingStore.FindAsync(tx, booking.Name, forUpdate: false, cancel))!;
    }
}
