using System.Globalization;
using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Usage;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Grpc.Core;
using LabProto = BattKomp.Lab.V1.Lab;
using Row = System.Collections.Generic.IReadOnlyDictionary<string, string>;

namespace BattKomp.Lab.Server.Features.Usage;

/// <summary>usage.proto on the wire.</summary>
public sealed class UsageServiceHandler(UsageSnapshots snapshots, Catalogue.Catalogue catalogue, LabOptions options) : UsageService.UsageServiceBase
{
    private const string Economic = "economic";

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
        var prefix = $"usageSnapshots/{request.Year:D4}-";
        foreach (var name in (await snapshots.ListAsync(cancel)).Select(s => s.Name).Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            Add(share, lab, (await snapshots.FindAsync(name, cancel))!);
        return Judged(share);
    }

    private static void Add(EconomicShare share, LabProto lab, UsageSnapshot month)
    {
        share.Months.Add(ResourceNames.LastId(month.Name));
        share.CapacityHours += Rows(month, UsageTables.CapacityFile).Where(r => r["lab"] == lab.Name).Sum(r => Number(r["capacity_hours"]));
        foreach (var row in Rows(month, UsageTables.UsageFile).Where(r => May(r, "lab", lab.Name) && May(r, "county", lab.County) && May(r, "activity_class", Economic)))
        {
            var hours = Number(row["booked_hours"]);
            share.EconomicHoursAtMost += hours;
            if (row["lab"] == lab.Name && row["activity_class"] == Economic) share.EconomicHoursAtLeast += hours;
        }
    }

    private static EconomicShare Judged(EconomicShare share)
    {
        if (share.CapacityHours <= 0) return share;
        (share.ShareAtLeast, share.ShareAtMost) = (share.EconomicHoursAtLeast / share.CapacityHours, share.EconomicHoursAtMost / share.CapacityHours);
        share.Verdict = share.ShareAtLeast > share.Ceiling ? EconomicShare.Types.Verdict.Above
            : share.ShareAtMost <= share.Ceiling ? EconomicShare.Types.Verdict.Within
            : EconomicShare.Types.Verdict.Undecided;
        return share;
    }

    private static IReadOnlyList<Row> Rows(UsageSnapshot month, string file) => Csv.Read(month.Files.Single(f => f.Name == file).Text);

    private static bool May(Row row, string column, string value) => row[column] == value || row[column] == SmallCells.Several;

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
