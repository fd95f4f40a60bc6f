using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Availability;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.V1;
using NodaTime;
using State = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Waits;

/// <summary>
/// Offers what has come free to who is next, as a hold in the holder's name; sees what became of the offers; ends waits whose time is over. The hold and
/// the wait's step are one transaction, so that two servers offer once.
/// </summary>
internal sealed class WaitOffers(
    CalendarDatabase database, Catalogue.Catalogue catalogue, WaitList line, AvailabilityFinder finder, Wishes wishes, BookingMaker maker, BookingCalendar calendar, CallerResolver callers, DemandSignals signals, IBookingNews news,
    MachineClock clock, ILogger<WaitOffers> log) : ISweep
{
    /// <inheritdoc/>
    public string Name => "wait-offers";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var open = await database.ReadAsync(tx => WaitStore.OpenAsync(tx, cancel), cancel);
        if (open.Count == 0) return;
        await open.Where(w => w.Message.State == WaitState.Offered).EachAsync(w => SettleAsync(w, cancel), w => w.Name, log, cancel);
        var snapshot = await catalogue.GetAsync(cancel);
        foreach (var wait in await line.InOrderAsync(open.Where(w => w.Message.State == WaitState.Waiting), cancel))
            await new[] { wait }.EachAsync(w => OfferAsync(w, snapshot, cancel), w => w.Name, log, cancel);
    }

    /// <summary>How long an offer stands: a tenth of the time until it begins, between ten minutes and a day, and never past half of it.</summary>
    internal static Duration TimeToAnswer(Duration lead)
    {
        var tenth = Duration.Min(Duration.FromDays(1), Duration.Max(Duration.FromMinutes(10), lead / 10));
        return Duration.Min(tenth, lead / 2);
    }

    private async Task SettleAsync(StoredWait wait, CancellationToken cancel)
    {
        var booking = await calendar.FindAsync(wait.Message.Offer, cancel);
        if (booking?.State == State.Held) return;
        var to = booking is null || booking.State is State.Expired || (booking.State is State.Cancelled && booking.Message.Successor.Length == 0) ? WaitState.Lapsed : WaitState.Served;
        await database.WriteAsync(tx => WaitStore.MoveAsync(tx, wait.Name, WaitState.Offered, to, Micros.FromInstant(clock.Now), cancel), cancel);
    }

    private async Task OfferAsync(StoredWait wait, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        var search = wait.Message.Search;
        if (BookingTimes.Instant(search.Within.End) <= clock.Now)
        {
            await database.WriteAsync(async tx =>
            {
                if (!await WaitStore.MoveAsync(tx, wait.Name, WaitState.Waiting, WaitState.Unserved, Micros.FromInstant(clock.Now), cancel)) return;
                var wish = wait.Message.Booking.Clone();
                wish.Window = search.Within;
                await signals.AddAsync(tx, "wait-unserved", wish, snapshot.Lab(search.Place) is { } lab ? [lab.Name] : [], ["WAIT_UNSERVED"], cancel);
            }, cancel);
            return;
        }
        var person = await callers.PersonAsync(wait.Holder, cancel);
        // One who has left the organisation waits for nothing.
        if (person.Affiliations.All(a => a.Name != wait.Message.Booking.Affiliation)) return;
        var (asked, grid) = AvailabilityServiceHandler.Read(search, snapshot, clock.Now);
        asked.MaxWindows = 5;
        foreach (var window in (await finder.FindAsync(person, asked, grid, cancel)).Windows)
            if (await TryAsync(wait, person, window, snapshot, cancel)) return;
    }

    private async Task<bool> TryAsync(StoredWait wait, Domain.Access.PersonCaller person, AvailableWindow window, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        var wanted = wait.Message.Booking.Clone();
        wanted.Channels.AddRange(window.Channels);
        wanted.Window = window.Window;
        var gathered = await wishes.FactsAsync(person, wanted, snapshot, cancel);
        var wish = wishes.Of(person, wanted, gathered, snapshot, organisation: wait.Organisation);
        var now = clock.Now;
        var expires = now + TimeToAnswer(BookingTimes.Instant(window.Window.Start) - now);
        (wish.Booking.State, wish.Booking.ExpireTime) = (V1.BookingState.Held, BookingTimes.Stamp(expires));
        try
        {
            return await maker.WithBackstopAsync(() => database.WriteAsync(async tx =>
            {
                if ((await maker.CreateWithinAsync(tx, wish, cancel)).Answer is not { } hold) return false;
                if (await WaitStore.MoveAsync(tx, wait.Name, WaitState.Waiting, WaitState.Offered, Micros.FromInstant(now), cancel, hold.Name, Micros.FromInstant(expires)))
                {
                    await news.OfferedAsync(tx, new StoredBooking(0, hold, wait.Organisation, 1), expires, cancel);
                    return true;
                }
                // Another server was faster, or the wait was left: leaving by an exception takes the hold back.
                throw new OfferTakenBackException();
            }, cancel));
        }
        catch (OfferTakenBackException)
        {
            return true;
        }
    }

    private sealed class OfferTakenBackException() : Exception("the wait moved on meanwhile");
}
