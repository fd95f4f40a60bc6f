using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Availability;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Sharing;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.V1;
using NodaTime;
using State = BattKomp.Lab.Domain.Bookings.BookingState;
using Violation = BattKomp.Lab.Domain.Bookings.Violation;

namespace BattKomp.Lab.Server.Features.Waits;

/// <summary>Joins, orders and leaves the line.</summary>
internal sealed class WaitList(
    CalendarDatabase database, Catalogue.Catalogue catalogue, AvailabilityFinder finder, Wishes wishes, FairShare share, BookingCalendar calendar, RequestLog requests, MachineClock clock)
{
    /// <summary>Puts a wish into the line, if nothing is free and some time could serve it.</summary>
    internal async Task<Wait> JoinAsync(PersonCaller person, JoinWaitListRequest request, string method, CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        new FieldChecks().Require(request.Search?.Within is not null, "search.within", "is missing; say until when you would wait.")
            .Require(request.Booking is { Channels.Count: 0, Window: null }, "booking", "is missing, or names channels or a window; those are what is waited for.").ThrowIfAny();
        var (search, grid) = AvailabilityServiceHandler.Read(request.Search, snapshot, clock.Now);
        var answer = await finder.FindAsync(person, search, grid, cancel);
        if (answer.Windows.Count > 0) throw BookingErrors.Refused([FreeNow(answer.Windows[0])]);
        var candidates = snapshot.Rigs.Where(r => AvailabilityFinder.IsAsked(search, r) && r.Channels.Count >= search.Count).ToList();
        if (candidates.Count == 0) throw BookingErrors.Refused([new Violation("NOTHING_TO_WAIT_FOR", "wait", "No rig has so many channels that meet this, ever. Ask for less.")]);
        var template = Template(request.Booking!, search, person, candidates[0], snapshot, grid.At(0));
        await RefuseHopelessAsync(person, template, search, candidates, grid.At(0), snapshot, cancel);
        template.Channels.Clear();
        template.Window = null;
        var organisation = person.Affiliations.First(a => a.Name == template.Affiliation).Organisation;
        return await requests.OnceAsync(person.Name, method, request.RequestId, request, Wait.Parser, async tx =>
        {
            var mine = await WaitStore.OfAsync(tx, person.Name, ended: false, cancel);
            if (mine.Any(m => m.Message.Search.Place == search.Place && m.Message.Search.LengthMinutes == search.LengthMinutes && Overlaps(m.Message.Search, search)))
                throw BookingErrors.Refused([new Violation("ALREADY_WAITING", "wait", "You wait for this already. Leave that line first to ask for something else.")]);
            var wait = new Wait { Name = NewName(), Search = search, Booking = template, State = WaitState.Waiting, CreateTime = BookingTimes.Stamp(clock.Now) };
            await WaitStore.InsertAsync(tx, new StoredWait(wait, person.Name, organisation), Micros.FromInstant(clock.Now), cancel);
            return wait;
        }, cancel);
    }

    /// <summary>Somebody's waits, each with how many come before.</summary>
    internal async Task<IReadOnlyList<Wait>> OfAsync(PersonCaller person, bool ended, CancellationToken cancel)
    {
        var (mine, open) = await database.ReadAsync(async tx => (await WaitStore.OfAsync(tx, person.Name, ended, cancel), await WaitStore.OpenAsync(tx, cancel)), cancel);
        var line = await InOrderAsync(open.Where(w => w.Message.State == WaitState.Waiting), cancel);
        foreach (var wait in mine.Where(w => w.Message.State == WaitState.Waiting))
            wait.Message.Ahead = line.TakeWhile(w => w.Name != wait.Name).Count(w => w.Holder != wait.Holder && Meets(w.Message.Search, wait.Message.Search));
        return [.. mine.Select(w => w.Message)];
    }

    /// <summary>Takes somebody out of the line; a hold that was offered is let go.</summary>
    internal Task<Wait> LeaveAsync(PersonCaller person, LeaveWaitListRequest request, string method, CancellationToken cancel) =>
        requests.OnceAsync(person.Name, method, request.RequestId, request, Wait.Parser, async tx =>
        {
            var found = await WaitStore.FindAsync(tx, request.Name, cancel);
            if (found is null || found.Holder != person.Name) throw LabErrors.NotFound(request.Name);
            if (found.Message.State is not (WaitState.Waiting or WaitState.Offered) || !await WaitStore.MoveAsync(tx, found.Name, found.Message.State, WaitState.Left, Micros.FromInstant(clock.Now), cancel))
                throw new LabException(Reason.WrongState, $"'{found.Name}' is over; nothing needs to be left.") { Metadata = { ["name"] = found.Name, ["state"] = found.Message.State.ToString().ToUpperInvariant(), ["allowed"] = "WAITING or OFFERED" } };
            if (found.Message.State == WaitState.Offered && await calendar.FindAsync(tx, found.Message.Offer, cancel) is { State: State.Held } hold)
                await calendar.StepAsync(tx, hold, BookingStep.Cancel, "left the wait list", cancel, person.Name);
            return (await WaitStore.FindAsync(tx, found.Name, cancel))!.Message;
        }, cancel);

    /// <summary>The displaced first, then by fair share, then by who came first.</summary>
    internal async Task<IReadOnlyList<StoredWait>> InOrderAsync(IEnumerable<StoredWait> waits, CancellationToken cancel)
    {
        var places = (await share.OrderAsync(cancel)).Places;
        int Place(StoredWait w) => places.TryGetValue(FairShare.UserKey(w.Holder, w.Organisation), out var place) ? place.Place : int.MaxValue;
        return [.. waits.OrderByDescending(w => w.Message.Displaced).ThenBy(Place).ThenBy(w => w.Message.CreateTime.ToMicros()).ThenBy(w => w.Name, StringComparer.Ordinal)];
    }

    internal static string NewName() => "waits/" + Guid.CreateVersion7().ToString("N");

    // Where the rules refuse every rig whatever the time, waiting would be in vain.
    private async Task RefuseHopelessAsync(PersonCaller person, Booking template, SearchAvailabilityRequest search, List<Rig> candidates, long start, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        IReadOnlyList<Violation>? first = null;
        foreach (var rig in candidates.Take(50))
        {
            var one = template.Clone();
            one.Channels.Clear();
            one.Channels.AddRange(rig.Channels.Take(search.Count).Select(c => c.Name));
            one.Window = BookingTimes.Window(BookingTimes.Window(start, start + (search.LengthMinutes * 60_000_000L)));
            var gathered = await wishes.FactsAsync(person, one, snapshot, cancel);
            var hopeless = BookingRules.EvaluateHopeless(clock.Now, BookingServiceHandler.RequestOf(one), gathered.Facts);
            if (hopeless.Count == 0) return;
            first ??= hopeless;
        }
        if (first is not null) throw BookingErrors.Refused(first);
    }

    private Booking Template(Booking asked, SearchAvailabilityRequest search, PersonCaller person, Rig rig, CatalogueSnapshot snapshot, long start)
    {
        var wanted = asked.Clone();
        wanted.Channels.AddRange(rig.Channels.Take(search.Count).Select(c => c.Name));
        wanted.Window = BookingTimes.Window(BookingTimes.Window(start, start + (search.LengthMinutes * 60_000_000L)));
        return BookingFields.Read(wanted, person, snapshot, clock.Now);
    }

    private static Violation FreeNow(AvailableWindow window) => new("FREE_NOW", "wait", $"It is free: {window.Rig} from {Sentences.Of(BookingTimes.Instant(window.Window.Start))}. Book it.")
    {
        Nearest = BookingTimes.Window(window.Window),
        Resource = window.Rig,
    };

    private static bool Overlaps(SearchAvailabilityRequest a, SearchAvailabilityRequest b) => BookingTimes.Window(a.Within).Overlaps(BookingTimes.Window(b.Within));

    private static bool Meets(SearchAvailabilityRequest a, SearchAvailabilityRequest b) => (a.Place.Length == 0 || b.Place.Length == 0 || a.Place == b.Place) && Overlaps(a, b);
}

/// <summary>Registers the slice.</summary>
public static class WaitsFeature
{
    /// <summary>The line, the sweep that makes offers, and the handler.</summary>
    public static IServiceCollection AddWaits(this IServiceCollection services) =>
        services.AddSingleton<WaitList>().AddSingleton<IDisplaced, DisplacedHolders>().AddSweep<WaitOffers>().AddSingleton<WaitServiceHandler>();
}
