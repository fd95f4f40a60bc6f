using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using NodaTime;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Feeds;

/// <summary>feeds.proto on the wire.</summary>
public sealed class FeedServiceHandler(
    Feeds feeds, Catalogue.Catalogue catalogue, BookingCalendar calendar, RequestLog requests, Policy policy, Audit audit, MachineClock clock, LabOptions options, IServer server)
    : FeedService.FeedServiceBase
{
    /// <inheritdoc/>
    public override async Task<Feed> CreateFeed(CreateFeedRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        var of = request.Of.Length == 0 ? person.Name : request.Of;
        // Whose bookings another person holds is not for a calendar to tell.
        if (of != person.Name && FeedReader.ChannelsOf(of, await catalogue.GetAsync(cancel)) is null) throw LabErrors.NotFound(of);
        var (feed, token) = await feeds.CreateAsync(person, of, cancel);
        feed.Url = $"{PublicAddress()}/feeds/{token}.ics";
        return feed;
    }

    /// <inheritdoc/>
    public override async Task<ListFeedsResponse> ListFeeds(ListFeedsRequest request, ServerCallContext context) =>
        new() { Feeds = { await feeds.ListAsync(context.Person(), context.CancellationToken) } };

    /// <inheritdoc/>
    public override Task<Feed> RevokeFeed(RevokeFeedRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        return requests.OnceAsync(person.Name, context.Method, request.RequestId, request, Feed.Parser, tx => feeds.RevokeAsync(tx, person, request.Name, cancel), cancel);
    }

    /// <inheritdoc/>
    public override async Task<ImportClosuresResponse> ImportClosures(ImportClosuresRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        new FieldChecks().Require(ResourceNames.Is(request.Lab, "labs"), "lab", "must be a name like labs/trondheim.").ThrowIfAny();
        var snapshot = await catalogue.GetAsync(cancel);
        var lab = snapshot.Lab(request.Lab) ?? throw LabErrors.NotFound(request.Lab);
        policy.RequireManager(person, lab.Name, $"close {lab.Name}");
        var zone = DateTimeZoneProviders.Tzdb.GetZoneOrNull(lab.TimeZone) ?? DateTimeZone.Utc;
        var checks = new FieldChecks();
        var closures = ClosureFile.Read(request.Ics, clock.Now.InZone(zone).Date, checks);
        checks.ThrowIfAny();
        var affected = await AffectedAsync(lab.Name, closures, zone, snapshot, cancel);
        if (request.ValidateOnly) return new ImportClosuresResponse { Imported = closures.Count(c => !c.Removed), Removed = closures.Count(c => c.Removed), BookingsAffected = affected };
        var answer = await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, ImportClosuresResponse.Parser, async tx =>
        {
            var (imported, removed) = await ImportedClosures.PutAsync(tx, lab.Name, closures, person.Name, Micros.FromInstant(clock.Now), cancel);
            await audit.WriteAsync(tx, person.Name, "import-closures", lab.Name, "", $"{imported} imported, {removed} removed", cancel);
            return new ImportClosuresResponse { Imported = imported, Removed = removed, BookingsAffected = affected };
        }, cancel);
        catalogue.Forget();
        return answer;
    }

    private async Task<int> AffectedAsync(string lab, IReadOnlyList<ImportedClosure> closures, DateTimeZone zone, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        var windows = closures.Where(c => !c.Removed).Select(c => new TimeWindow(zone.AtStartOfDay(c.First).ToInstant(), zone.AtStartOfDay(c.Last.PlusDays(1)).ToInstant())).ToList();
        if (windows.Count == 0) return 0;
        var all = new TimeWindow(windows.Min(w => w.Start), windows.Max(w => w.End));
        var (bookings, _) = await calendar.OverlappingAsync(all, FeedReader.ChannelsOf(lab, snapshot), "", int.MaxValue, cancel);
        return bookings.Count(b => BookingStates.Occupies(b.State) && windows.Any(w => w.Start < b.Window.End && b.Window.Start < w.End));
    }

    private string PublicAddress()
    {
        if (options.PublicAddress.Length > 0) return options.PublicAddress.TrimEnd('/');
        return server.Features.Get<IServerAddressesFeature>()!.Addresses.First().TrimEnd('/');
    }
}
