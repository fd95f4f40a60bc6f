using System.Collections.Concurrent;
using BattKomp.Lab.Telemetry;

namespace BattKomp.Lab.Server.Features.Ingest;

/// <summary>Gathers what has been committed and tells the run register a few times a second, off the path of acknowledgements.</summary>
public sealed class ProgressReporter(IServiceProvider services, TimeProvider time, ILogger<ProgressReporter> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);
    private readonly ConcurrentDictionary<StreamKey, StreamProgress> _waiting = new();

    /// <summary>Notes a committed entry.</summary>
    public void Note(StreamEntry entry, string run)
    {
        if (run.Length == 0) return;
        var one = entry.Body switch
        {
            OpenedBody => new StreamProgress(run, entry.Key, true, false, 0, 0, ""),
            RecordsBody { Block: var block } => new StreamProgress(run, entry.Key, false, false, block.Count, block.UtcNs[^1], ""),
            ClosedBody closed => new StreamProgress(run, entry.Key, false, true, 0, 0, closed.Reason),
            _ => null,
        };
        if (one is not null) _waiting.AddOrUpdate(entry.Key, one, (_, before) => Join(before, one));
    }

    /// <summary>Tells the register now; what it refuses is kept for the next time.</summary>
    public async Task FlushAsync(CancellationToken cancel)
    {
        var taken = new List<StreamProgress>();
        foreach (var key in _waiting.Keys)
            if (_waiting.TryRemove(key, out var progress)) taken.Add(progress);
        if (taken.Count == 0 || services.GetService<IRunRegister>() is not { } register) return;
        try
        {
            await register.ReportAsync(taken, cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log.LogWarning(e, "The run register did not take {Count} reports; they are told again", taken.Count);
            foreach (var progress in taken) _waiting.AddOrUpdate(progress.Key, progress, (_, since) => Join(progress, since));
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await FlushAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            await FlushAsync(CancellationToken.None);
        }
    }

    private static StreamProgress Join(StreamProgress a, StreamProgress b) => new(
        b.Run, b.Key, a.Opened || b.Opened, a.Closed || b.Closed, a.Records + b.Records, Math.Max(a.LastUtcNs, b.LastUtcNs), b.CloseReason.Length > 0 ? b.CloseReason : a.CloseReason);
}
