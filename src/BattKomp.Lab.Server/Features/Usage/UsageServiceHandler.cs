using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Usage;

/// <summary>usage.proto on the wire.</summary>
public sealed class UsageServiceHandler(
    UsageSnapshots snapshots, LostTimes lost, BookingCalendar calendar, Catalogue.Catalogue catalogue, RequestLog requests, Policy policy, MachineClock clock, LabOptions options) : UsageService.UsageServiceBase
{
    /// <inheritdoc/>
    public override async Task<ListUsageSnapshotsResponse> ListUsageSnapshots(ListUsageSnapshotsRequest request, ServerCallContext context) =>
        new() { Snapshots = { await snapshots.ListAsync(context.CancellationToken) } };

    /// <inheritdoc/>
    public override async Task<UsageSnapshot> GetUsageSnapshot(GetUsageSnapshotRequest request, ServerCallContext context)
    {
        new FieldChecks().Require(ResourceNames.Is(request.Name, "usageSnapshots"), "name", "must be a name like usageSnapshots/2026-11.").ThrowIfAny();
        return await snapshots.FindAsync(request.Name, context.CancellationToken) ?? throw LabErrors.NotFound(request.Name);
    }

    /// <inheritdoc/>
    public override async Task<EconomicShare> GetEconomicShare(GetEconomicShareRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        new FieldChecks().Require(ResourceNames.Is(request.Lab, "labs"), "lab", "must be a name like labs/trondheim.")
            .Require(request.Year is >= 2000 and <= 2200, "year", $"is {request.Year}; use 2000 to 2200.").ThrowIfAny();
        var lab = (await catalogue.GetAsync(cancel)).Lab(request.Lab) ?? throw LabErrors.NotFound(request.Lab);
        var share = new EconomicShare { Lab = lab.Name, Year = request.Year, Ceiling = options.Usage.EconomicCeilingPercent / 100 };
        var reckoning = new EconomicReckoning(share, lab);
        // Beyond the year only as far as its last months wait to be told.
        foreach (var name in (await snapshots.ListAsync(cancel)).Select(m => m.Name).Where(n => string.CompareOrdinal(n, $"usageSnapshots/{request.Year:D4}-01") >= 0).Order(StringComparer.Ordinal))
            if (!reckoning.Add((await snapshots.FindAsync(name, cancel))!))
                break;
        return reckoning.Judged();
    }

    /// <inheritdoc/>
    public override async Task<LostTime> LogLostTime(LogLostTimeRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        var (booking, level) = await FindAsync(person, request.Booking, cancel);
        if (level == ViewLevel.Hidden) throw LabErrors.NotFound(request.Booking);
        policy.RequireStaff(person, BookingViews.LabFor(person, booking, await catalogue.GetAsync(cancel)), $"log lost time against {booking.Name}");
        var checks = new FieldChecks().Require(request.Why.Trim().Length is >= 1 and <= 500, "why", "must say why, in 1 to 500 characters.");
        var window = BookingFields.Window(checks, request.Window, "window");
        checks.Require(window is not { } w || (w.Start >= booking.Window.Start && w.End <= booking.Window.End), "window", $"lies outside the booking, {Sentences.Of(booking.Window.Start)} to {Sentences.Of(booking.Window.End)}.")
            .Require(window is not { } l || l.End <= clock.Now, "window.end", "lies ahead; log what has been lost.")
            .ThrowIfAny();
        return await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, LostTime.Parser, tx => lost.LogAsync(tx, request, window!.Value, person.Name, cancel), cancel);
    }

    /// <inheritdoc/>
    public override async Task<ListLostTimesResponse> ListLostTimes(ListLostTimesRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        var (booking, level) = await FindAsync(context.Person(), request.Booking, cancel);
        if (level == ViewLevel.Hidden) throw LabErrors.NotFound(request.Booking);
        return new ListLostTimesResponse { LostTimes = { await lost.OfAsync(booking.Name, cancel) } };
    }

    private async Task<(StoredBooking Booking, ViewLevel Level)> FindAsync(PersonCaller person, string name, CancellationToken cancel)
    {
        var booking = await calendar.FindAsync(name, cancel) ?? throw LabErrors.NotFound(name);
        return (booking, BookingViews.LevelOf(person, booking, await catalogue.GetAsync(cancel), clock.Now));
    }
}
