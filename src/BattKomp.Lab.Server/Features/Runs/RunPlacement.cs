using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Agents;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Ingest;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;
using NodaTime;
using Channel = BattKomp.Lab.V1.Channel;
using StreamKey = BattKomp.Lab.Telemetry.StreamKey;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>
/// Finds the run that a stream belongs to. A lease governs energising, never storing: a stream without a lease gets an
/// unbooked run, one outside its lease is flagged, and only what is not the agent's to tell is kept aside.
/// </summary>
public sealed class RunPlacement(CalendarDatabase database, Catalogue.Catalogue catalogue, RunRegister runs, MachineClock clock) : IRunRegister
{
    /// <inheritdoc/>
    public async Task<StreamPlacement> PlaceAsync(AgentCaller agent, StreamKey key, StreamHeader header, CancellationToken cancel)
    {
        // Not remembered: the key may be the true property of the agent it names.
        if (key.Agent != agent.Name) return StreamPlacement.Aside($"{agent.Name} sent a stream of {key.Agent}.");
        var snapshot = await catalogue.GetAsync(cancel);
        var placement = await database.WriteAsync(async tx =>
        {
            if (await RunStreams.FindAsync(tx, key, cancel) is { } before) return before;
            var made = await DecideAsync(tx, agent, header, snapshot, cancel);
            await RunStreams.InsertAsync(tx, key, made, Micros.FromInstant(clock.Now), cancel);
            return made;
        }, cancel);
        runs.NoteChanged();
        return placement;
    }

    /// <inheritdoc/>
    public async Task ReportAsync(IReadOnlyList<StreamProgress> progress, CancellationToken cancel)
    {
        await database.WriteAsync(async tx =>
        {
            foreach (var run in progress.GroupBy(p => p.Run).OrderBy(g => g.Key, StringComparer.Ordinal))
                await RunStore.CountAsync(tx, run.Key, run.Sum(p => p.Records), cancel);
        }, cancel);
        runs.NoteChanged();
    }

    private async Task<StreamPlacement> DecideAsync(CalendarTransaction tx, AgentCaller agent, StreamHeader header, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        if (!await AgentRegister.IsTrustedAsync(tx, agent.Name, cancel)) return StreamPlacement.Aside($"{agent.Name} is revoked.");
        if (snapshot.Channel(header.Channel) is not { } channel) return StreamPlacement.Aside($"'{header.Channel}' is not a channel of this service.");
        if (channel.Agent != agent.Name) return StreamPlacement.Aside($"{header.Channel} is served by another agent than {agent.Name}.");
        var opened = Opened(header);
        if (await LeasedAsync(tx, agent, header, cancel) is { } leased)
        {
            var window = await WindowAsync(tx, leased.Lease, cancel);
            await StartAsync(tx, leased, Flags(header, StreamFlags.Of(window, opened), snapshot.LabOf(channel.Name)), cancel);
            return new StreamPlacement(leased.Name);
        }
        if (await ContinuedAsync(tx, header, cancel) is { } continued) return new StreamPlacement(continued.Name);
        return new StreamPlacement(await UnbookedAsync(tx, channel, header, snapshot, opened, cancel));
    }

    // The run that the lease allotted to this channel, however much of it the header names.
    private static async Task<RunRow?> LeasedAsync(CalendarTransaction tx, AgentCaller agent, StreamHeader header, CancellationToken cancel)
    {
        bool Fits(RunRow? run) => run is { Lease.Length: > 0 } && run.Channel == header.Channel && run.Agent == agent.Name && (header.Lease.Length == 0 || run.Lease == header.Lease);
        if (header.Run.Length > 0) return await RunStore.FindAsync(tx, header.Run, cancel) is { } named && Fits(named) ? named : null;
        return header.Lease.Length == 0 ? null : (await RunStore.WhereAsync(tx, "lease = @v", header.Lease, cancel)).FirstOrDefault(Fits);
    }

    // After a restart or a clock step the same unbooked run goes on, as long as it has not ended.
    private static async Task<RunRow?> ContinuedAsync(CalendarTransaction tx, StreamHeader header, CancellationToken cancel)
    {
        if (header.Previous is not { } previous || await RunStreams.FindAsync(tx, previous, cancel) is not { Run.Length: > 0 } placed) return null;
        return await RunStore.FindAsync(tx, placed.Run, cancel) is { Lease: "", Stage: RunStage.Running } run && run.Channel == header.Channel ? run : null;
    }

    private async Task StartAsync(CalendarTransaction tx, RunRow run, IReadOnlyList<string> flags, CancellationToken cancel)
    {
        IReadOnlyList<string> more = run.Stage is RunStage.Final ? [.. flags, StreamFlags.LateRecords] : flags;
        RunRow Flagged(RunRow r) => r with { Flags = [.. r.Flags.Union(more)] };
        if (await runs.MoveAsync(tx, run.Name, RunEvent.Started, Flagged, cancel) is null)
            await RunStore.UpdateAsync(tx, Flagged(run), run.Stage, cancel);
    }

    private async Task<string> UnbookedAsync(
        CalendarTransaction tx, Channel channel, StreamHeader header, CatalogueSnapshot snapshot, Instant opened, CancellationToken cancel)
    {
        var lab = snapshot.LabOf(channel.Name);
        var now = Micros.FromInstant(clock.Now);
        var run = new RunRow
        {
            Name = RunRegister.NewName(),
            Channel = channel.Name,
            Lab = lab?.Name ?? "",
            Agent = channel.Agent,
            Owner = lab?.Organisation ?? "",
            // Nobody said who may see it: its lab's organisation does, until somebody claims it.
            Visibility = new V1.Visibility { Kind = V1.VisibilityKind.Confidential },
            Stage = RunStage.Running,
            CreatedUs = now,
            StartUs = Math.Min(Micros.FromInstant(opened), now),
            Flags = Flags(header, StreamFlags.NoLease, lab),
        };
        await RunRegister.AddAsync(tx, await runs.CalibratedAsync(run, cancel), cancel);
        return run.Name;
    }

    private static List<string> Flags(StreamHeader header, string? lease, V1.Lab? lab)
    {
        var flags = new List<string>();
        if (lease is not null) flags.Add(lease);
        // All that comes from a virtual lab is simulated, whatever the agent says of it.
        if (header.Simulated || lab?.Kind is LabKind.Virtual) flags.Add(StreamFlags.Simulated);
        if (header.Simulated && lab?.Kind is not LabKind.Virtual) flags.Add(StreamFlags.SimulatedOnPhysical);
        return flags;
    }

    // The agent's own machine time; what is no instant at all is judged by the server's clock.
    private Instant Opened(StreamHeader header) => header.AnchorMachineUtcNs > 0 ? Instant.FromUnixTimeTicks(header.AnchorMachineUtcNs / 100) : clock.Now;

    private static async Task<Domain.Time.TimeWindow?> WindowAsync(CalendarTransaction tx, string lease, CancellationToken cancel)
    {
        var rows = await Leases.Leases.WindowAsync(tx, lease, cancel);
        return rows is { } w ? new Domain.Time.TimeWindow(Micros.ToInstant(w.StartUs), Micros.ToInstant(w.EndUs)) : null;
    }
}

/// <summary>Where each stream was placed.</summary>
internal static class RunStreams
{
    internal static async Task<StreamPlacement?> FindAsync(CalendarTransaction tx, StreamKey key, CancellationToken cancel) => (await tx.QueryAsync(
        "SELECT run, aside FROM run_streams WHERE agent = @a AND boot = @b AND stream = @s",
        r => new StreamPlacement(r.GetString(0), r.GetString(1).Length > 0 ? r.GetString(1) : null), cancel,
        ("a", key.Agent), ("b", key.Boot), ("s", key.Stream))).SingleOrDefault();

    internal static Task InsertAsync(CalendarTransaction tx, StreamKey key, StreamPlacement placed, long nowUs, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO run_streams (agent, boot, stream, run, aside, opened_us) VALUES (@a, @b, @s, @r, @w, @t)", cancel,
        ("a", key.Agent), ("b", key.Boot), ("s", key.Stream), ("r", placed.Run), ("w", placed.QuarantineReason ?? ""), ("t", nowUs));
}
