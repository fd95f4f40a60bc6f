using System.Collections.Concurrent;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.Telemetry;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>
/// Ends runs whose agent never said so: no lease is in force, every stream is closed and nothing new has opened for the settle
/// time; or the lease is long over and the account has not moved for the grace time (lost).
/// </summary>
public sealed class RunFollow(
    CalendarDatabase database, RunRegister runs, Leases.Leases leases, ITelemetryStore store, LabOptions options, MachineClock clock, ILogger<RunFollow> log) : ISweep
{
    private readonly Stillness _still = new(clock.Provider);

    /// <inheritdoc/>
    public string Name => "run-follow";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var running = await runs.InStageAsync(RunStage.Running, cancel);
        _still.Keep(running.Select(r => r.Name));
        await running.EachAsync(run => LookAsync(run, cancel), run => run.Name, log, cancel);
    }

    private async Task LookAsync(RunRow run, CancellationToken cancel)
    {
        if (run.Lease.Length > 0 && await leases.EndedUsAsync(run.Lease, cancel) is null) return;
        var streams = await store.GetStreamsAsync(run.Name, cancel);
        var still = _still.For(run.Name, $"{streams.Count}/{streams.Sum(s => s.StoredCount)}/{streams.Count(s => s.ClosedLastSeq is null)}");
        var closed = streams.Count > 0 && streams.All(s => s.ClosedLastSeq is not null);
        if (closed && still.TotalSeconds >= options.Runs.SettleSeconds) await EndAsync(run.Name, streams[^1].CloseReason, cancel);
        else if (still.TotalSeconds >= options.Runs.GraceSeconds) await EndAsync(run.Name, "lost", cancel);
    }

    private async Task EndAsync(string run, string reason, CancellationToken cancel)
    {
        await database.WriteAsync(tx => runs.MoveAsync(tx, run, RunEvent.Ended, r => r with { EndReason = reason.Length > 0 ? reason : "stream_closed" }, cancel), cancel);
        runs.NoteChanged();
    }
}

/// <summary>How long each run's account has looked the same, by this process's monotonic clock; begins anew after a restart.</summary>
internal sealed class Stillness(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, (string Look, long Since)> _seen = new();

    /// <summary>Since when the run looks like this.</summary>
    internal TimeSpan For(string run, string look)
    {
        var entry = _seen.AddOrUpdate(run, _ => (look, time.GetTimestamp()), (_, before) => before.Look == look ? before : (look, time.GetTimestamp()));
        return time.GetElapsedTime(entry.Since);
    }

    /// <summary>Forgets every other run.</summary>
    internal void Keep(IEnumerable<string> runs)
    {
        var keep = runs.ToHashSet();
        foreach (var gone in _seen.Keys.Where(k => !keep.Contains(k))) _seen.TryRemove(gone, out _);
    }
}
