using BattKomp.Lab.Contracts;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Usage;

/// <summary>usage.proto on the wire.</summary>
public sealed class UsageServiceHandler(UsageSnapshots snapshots, Catalogue.Catalogue catalogue, LabOptions options) : UsageService.UsageServiceBase
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
}
