using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Policies;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.V1;
using Grpc.Core;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>Registers the slice.</summary>
public static class BookingsFeature
{
    /// <summary>The calendar of bookings and its handler.</summary>
    public static IServiceCollection AddBookings(this IServiceCollection services) => services
        .AddSingleton(provider => provider.GetRequiredService<LabOptions>().Bookings)
        .AddSingleton<BookingCalendar>().AddSingleton<DemandSignals>().AddSingleton<BookingMaker>().AddSingleton<SeriesMaker>().AddSingleton<Wishes>().AddSingleton<BookingLifecycle>().AddSingleton<BookingChanger>()
        .AddSingleton<BookingUsage>().AddSingleton<BookingAtStart>().AddSweep<HoldExpiry>().AddSingleton<BookingServiceHandler>();
}

/// <summary>bookings.proto on the wire.</summary>
public sealed partial class BookingServiceHandler : BookingService.BookingServiceBase
{
    private static readonly Duration LongestList = Duration.FromDays(100);
    private readonly Catalogue.Catalogue _catalogue;
    private readonly CalendarDatabase _database;
    private readonly BookingCalendar _calendar;
    private readonly BookingMaker _maker;
    private readonly SeriesMaker _series;
    private readonly BookingLifecycle _lifecycle;
    private readonly BookingChanger _changer;
    private readonly RequestLog _requests;
    private readonly Policies.Policies _policies;
    private readonly BookingOptions _options;
    private readonly Policy _policy;
    private readonly MachineClock _clock;
    private readonly IRunFacts? _runs;
    private readonly IEnumerable<IFactSource> _sources;
    private readonly Wishes _wishes;
    private readonly IServiceProvider _services;

    /// <summary>Takes what it needs from the container; <see cref="IRunFacts"/> only where the slice of runs is present.</summary>
    public BookingServiceHandler(IServiceProvider services)
    {
        (_catalogue, _database, _calendar) = (services.GetRequiredService<Catalogue.Catalogue>(), services.GetRequiredService<CalendarDatabase>(), services.GetRequiredService<BookingCalendar>());
        (_maker, _options, _policy) = (services.GetRequiredService<BookingMaker>(), services.GetRequiredService<BookingOptions>(), services.GetRequiredService<Policy>());
        _policies = services.GetRequiredService<Policies.Policies>();
        (_requests, _clock) = (services.GetRequiredService<RequestLog>(), services.GetRequiredService<MachineClock>());
        (_runs, _sources) = (services.GetService<IRunFacts>(), services.GetServices<IFactSource>());
        (_wishes, _services) = (services.GetRequiredService<Wishes>(), services);
        (_series, _lifecycle, _changer) = (services.GetRequiredService<SeriesMaker>(), services.GetRequiredService<BookingLifecycle>(), services.GetRequiredService<BookingChanger>());
    }

    /// <inheritdoc/>
    public override async Task<Booking> CreateBooking(CreateBookingRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        CheckRequestId(request.RequestId);
        new FieldChecks().Require(request.HoldMinutes >= 0 && request.HoldMinutes <= _options.MaxHoldMinutes, "hold_minutes", $"is {request.HoldMinutes}; a hold lasts 1 to {_options.MaxHoldMinutes} min, 0 books firmly.").ThrowIfAny();
        if (request.Any.Count > 0) return await CreateAnyAsync(request, context);
        var catalogue = await _catalogue.GetAsync(cancel);
        var booking = BookingFields.Read(request.Booking, person, catalogue, _clock.Now);
        var gathered = await _wishes.FactsAsync(person, booking, catalogue, cancel);
        var wish = _wishes.Of(person, booking, gathered, catalogue, holdMinutes: request.HoldMinutes) with
        {
            Method = context.Method,
            RequestId = request.RequestId,
            Content = request.RequestId.Length > 0 ? RequestLog.ContentHash(context.Method, request) : "",
            ValidateOnly = request.ValidateOnly,
        };
        var made = await _maker.CreateAsync(wish, cancel);
        return BookingViews.WithNotices(made, catalogue, gathered.Program?.Notices(wish.Request.Window.Length, gathered.TestObject));
    }

    /// <inheritdoc/>
    public override async Task<CreateSeriesResponse> CreateSeries(CreateSeriesRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        CheckRequestId(request.RequestId);
        var catalogue = await _catalogue.GetAsync(cancel);
        var occurrences = SeriesFields.Read(request, catalogue);
        var first = (request.Booking ?? new Booking()).Clone();
        // Where no instance has a time none is booked, and each says why; the other fields are still read, with any window to come.
        first.Window = BookingTimes.Window(occurrences.Select(o => o.Window).FirstOrDefault(w => w is not null) ?? new Domain.Time.TimeWindow(_clock.Now, _clock.Now + Duration.FromMinutes(1)));
        var booking = BookingFields.Read(first, person, catalogue, _clock.Now);
        var gathered = await _wishes.FactsAsync(person, booking, catalogue, cancel);
        return await _series.CreateAsync(person, request, context.Method, occurrences, window =>
        {
            var one = booking.Clone();
            one.Window = BookingTimes.Window(window);
            return _wishes.Of(person, one, gathered, catalogue);
        }, cancel);
    }

    /// <inheritdoc/>
    public override async Task<Booking> GetBooking(GetBookingRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        var found = await _calendar.FindAsync(request.Name, cancel) ?? throw LabErrors.NotFound(request.Name);
        var level = BookingViews.LevelOf(context.Caller(), found, await _catalogue.GetAsync(cancel), _clock.Now);
        if (level == ViewLevel.Hidden) throw LabErrors.NotFound(request.Name);
        var seen = BookingViews.At(level, found);
        BookingViews.WithNotices(seen, await _catalogue.GetAsync(cancel));
        if (level == ViewLevel.Full) seen.Approvals.AddRange(await _database.ReadAsync(async tx => (await Approvals.OfAsync(tx, found.Name, cancel)).Select(r => Approvals.Seen(r, found, _clock.Now)).ToList(), cancel));
        if (level == ViewLevel.Full && _runs is not null) seen.Runs.AddRange(await _runs.RunsOfAsync(found.Name, cancel));
        return seen;
    }

    /// <inheritdoc/>
    public override async Task<ListBookingsResponse> ListBookings(ListBookingsRequest request, ServerCallContext context)
    {
        var (caller, cancel) = (context.Caller(), context.CancellationToken);
        var catalogue = await _catalogue.GetAsync(cancel);
        var query = ReadQuery(request, caller, catalogue);
        var (rows, outages) = await _database.ReadAsync(async tx => (
            await BookingStore.OverlappingAsync(tx, query, cancel),
            request.PageToken.Length == 0 ? await BookingStore.OutagesAsync(tx, query, cancel) : []), cancel);
        var response = new ListBookingsResponse { Outages = { outages } };
        if (rows.Count == query.Limit)
        {
            rows.RemoveAt(rows.Count - 1);
            response.NextPageToken = Paging.Token($"{Micros.FromInstant(rows[^1].Window.Start)}|{rows[^1].Id}");
        }
        foreach (var row in rows)
        {
            var level = BookingViews.LevelOf(caller, row, catalogue, _clock.Now);
            // A hidden booking shows as taken time; one that takes no time shows not at all.
            if (level != ViewLevel.Hidden || BookingStates.Occupies(row.State)) response.Bookings.Add(BookingViews.At(level, row));
        }
        return response;
    }

    /// <inheritdoc/>
    public override async Task<Outage> CreateOutage(CreateOutageRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        CheckRequestId(request.RequestId);
        var catalogue = await _catalogue.GetAsync(cancel);
        var outage = (request.Outage ?? new Outage()).Clone();
        var checks = new FieldChecks().Require(outage.Resources.Count is >= 1 and <= 64, "outage.resources", "must name 1 to 64 rigs or channels.")
            .Require(outage.Why.Length is >= 1 and <= 500, "outage.why", "must say why, in 1 to 500 characters.");
        var window = BookingFields.Window(checks, outage.Window, "outage.window");
        checks.Require(window is not { } w || w.End > _clock.Now, "outage.window.end", "is past; an outage lies ahead.")
            .Require(window is not { } l || l.Length <= Duration.FromDays(400), "outage.window", "is longer than 400 d; split it.");
        foreach (var (resource, i) in outage.Resources.Take(64).Select((r, i) => (r, i)))
            checks.Require(ChannelsOf(resource, catalogue) is not null, $"outage.resources[{i}]", "is no known rig or channel; use rigs/<rig> or rigs/<rig>/channels/<channel>.");
        checks.ThrowIfAny();
        var channels = outage.Resources.SelectMany(r => ChannelsOf(r, catalogue)!).Distinct().Order(StringComparer.Ordinal).ToList();
        foreach (var lab in BookingViews.LabsOf(channels, catalogue)) _policy.RequireManager(person, lab, $"take {outage.Resources[0]} out of use");
        outage.Window = BookingTimes.Window(window!.Value);
        outage.Name = "";
        var content = request.RequestId.Length > 0 ? RequestLog.ContentHash(context.Method, request) : "";
        var facts = CatalogueFacts.Of(catalogue).For(channels, _options.Limits(), null);
        return await _maker.CreateOutageAsync(new OutageWish(person, outage, channels, window.Value, facts, request, context.Method, content), cancel);
    }

    internal static BookingRequest RequestOf(Booking booking) => new(booking.Channels, BookingTimes.Window(booking.Window))
    {
        Headcount = booking.Headcount,
        Presence = (Domain.Bookings.Presence)((int)booking.Presence - 1),
        Young = booking.YoungPeople is { } y ? new Domain.Bookings.YoungPeople(y.Under15, y.From15To17, y.Instructors, y.Track) : null,
    };

    private static BookingQuery ReadQuery(ListBookingsRequest request, Caller caller, CatalogueSnapshot catalogue)
    {
        var checks = new FieldChecks();
        var window = BookingFields.Window(checks, request.Window, "window");
        checks.Require(window is not { } w || w.Length <= LongestList, "window", "is longer than 100 d; ask for less at a time.").ThrowIfAny();
        var channels = request.Resource.Length == 0 ? null : ChannelsOf(request.Resource, catalogue) ?? throw LabErrors.NotFound(request.Resource);
        var (afterStart, afterId) = After(request.PageToken);
        return new BookingQuery(window!.Value, channels, request.Mine ? caller.Subject : "", request.IncludeEnded, afterStart, afterId, Paging.Size(request.PageSize, 100, 500) + 1);
    }

    private static (long Start, long Id) After(string token)
    {
        if (token.Length == 0) return (long.MinValue, 0);
        var parts = Paging.After(token).Split('|');
        return parts.Length == 2 && long.TryParse(parts[0], out var start) && long.TryParse(parts[1], out var id)
            ? (start, id)
            : throw LabErrors.FieldsInvalid([("page_token", "was not issued by this service; start again without one.")]);
    }

    /// <summary>The channels a rig or channel name stands for; null when it is neither.</summary>
    private static IReadOnlyList<string>? ChannelsOf(string resource, CatalogueSnapshot catalogue) =>
        catalogue.Channel(resource) is not null ? [resource]
        : catalogue.Rig(resource) is { } rig ? [.. rig.Channels.Select(c => c.Name)]
        : null;

    private static void CheckRequestId(string requestId) =>
        new FieldChecks().Require(requestId.Length <= 64, "request_id", "is longer than 64 characters; use a UUID.").ThrowIfAny();
}
