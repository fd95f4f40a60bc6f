using System.Runtime.CompilerServices;
using Apache.Arrow;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Live;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>One watcher of one run: what is stored already when asked for, then what comes, and every change of state, until the run is over.</summary>
public sealed class RunWatch(RunRegister runs, RunViews views, ILiveFeed feed, ITelemetryStore store, MachineClock clock, IHostApplicationLifetime life)
{
    private const int MostReplayed = 2000, PointsAMessage = 500;
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    /// <summary>Writes updates until the run is over or the caller goes.</summary>
    /// <exception cref="LabException">RESOURCE_NOT_FOUND; FIELDS_INVALID.</exception>
    public async Task RunAsync(Caller caller, WatchRunRequest request, IServerStreamWriter<RunUpdate> writer, CancellationToken cancel)
    {
        Check(request);
        var (run, level) = await views.GetAsync(caller, request.Name, cancel);
        string[] signals = request.Signals.Count > 0 ? [.. request.Signals] : ["voltage_volt", "current_ampere"];
        // Subscribed before the store is read, so that nothing falls between the two.
        using var live = level == ViewLevel.Full ? feed.Subscribe(run.Name, new LiveRequest(signals, request.MaxRateHz)) : null;
        await writer.WriteAsync(new RunUpdate { Run = await views.MessageAsync(run, level, cancel) }, cancel);
        var events = level == ViewLevel.Full ? new EventsSince(store, run.Name, clock.Provider) : null;
        if (!request.Replay && events is not null) await events.SkipAsync(cancel);
        var last = long.MinValue;
        if (request.Replay && live is not null) last = await ReplayAsync(run.Name, signals, request.MaxRateHz > 0, writer, cancel);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel, life.ApplicationStopping);
        try
        {
            await FollowAsync(caller, run, live, events, last, writer, ending.Token);
        }
        catch (OperationCanceledException) when (life.ApplicationStopping.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            // A stopping server waits for its open calls; a watcher asks again when it is back.
        }
    }

    private static void Check(WatchRunRequest request) => new FieldChecks()
        .Require(double.IsFinite(request.MaxRateHz) && request.MaxRateHz is >= 0 and <= 1000, "max_rate_hz", $"is {request.MaxRateHz}; use 0 (raw) to 1000.")
        .Require(request.Signals.Count <= 32, "signals", $"names {request.Signals.Count} signals; use at most 32.")
        .Require(request.Signals.All(s => s.Length is > 0 and <= 100 && s.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_')), "signals", "must be BDF machine names such as voltage_volt.")
        .ThrowIfAny();

    private async Task FollowAsync(Caller caller, RunRow run, ILiveSubscription? live, EventsSince? events, long last, IServerStreamWriter<RunUpdate> writer, CancellationToken cancel)
    {
        var reading = live?.ReadAsync(cancel).AsTask();
        while (true)
        {
            var changed = runs.Changed;
            var (now, level) = await views.GetAsync(caller, run.Name, cancel);
            if (Differs(run, now)) await writer.WriteAsync(new RunUpdate { Run = await views.MessageAsync(now, level, cancel) }, cancel);
            run = now;
            var over = run.Stage is RunStage.Final or RunStage.Missed;
            if (events is not null && await events.NextAsync(over, cancel) is { Count: > 0 } news)
                foreach (var some in news.Chunk(PointsAMessage)) await writer.WriteAsync(new RunUpdate { Events = { some } }, cancel);
            if (reading is { IsCompleted: true })
            {
                await WriteAsync((await reading).Where(p => p.UtcNs > last), writer, cancel);
                reading = live!.ReadAsync(cancel).AsTask();
                continue;
            }
            if (over) return;
            await Pulse.WaitAsync(reading is null ? changed : Task.WhenAny(changed, reading), LookAgain, clock.Provider, cancel);
        }
    }

    private static bool Differs(RunRow a, RunRow b) =>
        a.Stage != b.Stage || a.Position != b.Position || a.EndReason != b.EndReason || !a.Flags.SequenceEqual(b.Flags);

    private async Task<long> ReplayAsync(string run, string[] signals, bool decimate, IServerStreamWriter<RunUpdate> writer, CancellationToken cancel)
    {
        var kept = new List<LiveValues>();
        var last = long.MinValue;
        await foreach (var point in StoredAsync(run, signals, cancel))
        {
            kept.Add(point);
            last = Math.Max(last, point.UtcNs);
            if (!decimate && kept.Count == PointsAMessage) await FlushAsync(kept, writer, cancel);
            // Long runs are thinned on the way, so that memory stays bounded.
            else if (decimate && kept.Count >= MostReplayed * 16) kept = MinMax.Reduce(kept, MostReplayed * 4);
        }
        await WriteAsync(decimate ? MinMax.Reduce(kept, MostReplayed) : kept, writer, cancel);
        return last;
    }

    private async IAsyncEnumerable<LiveValues> StoredAsync(string run, string[] signals, [EnumeratorCancellation] CancellationToken cancel)
    {
        var query = new RecordQuery(run) { Signals = [.. signals.Append("test_time_second").Distinct()] };
        await foreach (var batch in store.ReadAsync(query, cancel))
        {
            using (batch)
            {
                var stamps = (Int64Array)batch.Column("_utc_ns");
                var monotonic = (Int64Array)batch.Column("_monotonic_ns");
                var time = Column(batch, "test_time_second");
                var columns = signals.Select(s => Column(batch, s)).ToArray();
                for (var i = 0; i < batch.Length; i++)
                {
                    var second = time?.GetValue(i) is { } t && !double.IsNaN(t) ? t : monotonic.GetValue(i)!.Value / 1e9;
                    yield return new LiveValues(stamps.GetValue(i)!.Value, second, [.. columns.Select(c => c?.GetValue(i) ?? double.NaN)]);
                }
            }
        }
    }

    private static DoubleArray? Column(RecordBatch batch, string name) =>
        batch.Schema.GetFieldIndex(name) is >= 0 and var i ? batch.Column(i) as DoubleArray : null;

    private static async Task FlushAsync(List<LiveValues> points, IServerStreamWriter<RunUpdate> writer, CancellationToken cancel)
    {
        await WriteAsync(points, writer, cancel);
        points.Clear();
    }

    private static async Task WriteAsync(IEnumerable<LiveValues> points, IServerStreamWriter<RunUpdate> writer, CancellationToken cancel)
    {
        foreach (var some in points.Chunk(PointsAMessage))
        {
            var update = new RunUpdate();
            update.Points.AddRange(some.Select(p => new LivePoint { UtcNs = p.UtcNs, TestTimeSecond = p.TestTimeSecond, Values = { p.Values } }));
            await writer.WriteAsync(update, cancel);
        }
    }
}
