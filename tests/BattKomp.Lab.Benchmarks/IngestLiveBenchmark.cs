using System.Collections.Concurrent;
using System.Diagnostics;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Benchmarks;

/// <summary>
/// `ingest-live`: 64 streams send batches of 10 records over one call into the embedded store at a fixed pace above the budget; time from sending a
/// batch to its acknowledgement. The clock of a batch starts when it is due, so a sender that falls behind is not forgiven.
/// </summary>
public static class IngestLiveBenchmark
{
    private const int Streams = 64, Batch = 10, PacedRecordsPerSecond = 60_000;
    private const double BudgetPerSecond = 50_000, BudgetP99Ms = 50;
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(20), WarmUp = TimeSpan.FromSeconds(8);

    /// <summary>Runs it and returns the figures.</summary>
    public static async Task<object> RunAsync(string[] args)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"battlab-live-{Environment.ProcessId}");
        try
        {
            await using var host = await IngestHost.StartAsync(folder);
            await TurnAsync(host, "b1", WarmUp);
            var fsync = DiskProbe.FsyncP50Ms(folder);
            var cpu = Process.GetCurrentProcess().TotalProcessorTime;
            var (latencies, seconds) = await TurnAsync(host, "b2", Length);
            var cores = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds / seconds;
            var (rate, p99) = (latencies.Count * Batch / seconds, BenchmarkJson.Percentile(latencies, 0.99));
            return new
            {
                Name = "ingest-live",
                Ratio = Math.Min(rate / BudgetPerSecond, BudgetP99Ms / p99),
                WithinBudget = rate >= BudgetPerSecond && p99 < BudgetP99Ms ? 1 : 0,
                WallRatio = rate / BudgetPerSecond,
                CpuRatio = (double?)null,
                RecordsPerSecond = rate,
                AckP50Ms = BenchmarkJson.Percentile(latencies, 0.5),
                AckP99Ms = p99,
                AckMaxMs = latencies.Max(),
                Batches = latencies.Count,
                CpuCoresSenderAndServer = cores,
                FsyncP50Ms = fsync,
                Load = BenchmarkJson.Load(),
            };
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(List<double> Latencies, double Seconds)> TurnAsync(IngestHost host, string boot, TimeSpan length)
    {
        using var call = new IngestService.IngestServiceClient(host.Invoker).Ingest();
        await call.RequestStream.WriteAsync(new IngestRequest { Hello = new IngestHello { Agent = IngestHost.Agent, Boot = boot } });
        var keys = Enumerable.Range(0, Streams).Select(s => new StreamKey { Agent = IngestHost.Agent, Boot = boot, Stream = $"s{s}" }).ToArray();
        var due = new ConcurrentQueue<(int Last, long At)>[Streams];
        for (var s = 0; s < Streams; s++) due[s] = [];
        foreach (var key in keys)
        {
            var opened = IngestRecords.Opened();
            opened.Key = key;
            await call.RequestStream.WriteAsync(new IngestRequest { Entry = opened });
        }

        var latencies = new List<double>();
        // Streams live for days; opening 64 at one instant is not what is measured.
        var open = new TaskCompletionSource();
        var receiving = ReceiveAsync(call.ResponseStream, due, latencies, open);
        await await Task.WhenAny(open.Task, receiving);
        var started = Stopwatch.GetTimestamp();
        await SendAsync(call.RequestStream, keys, due, started, length);
        await call.RequestStream.CompleteAsync();
        await receiving;
        return (latencies, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    private static async Task SendAsync(IClientStreamWriter<IngestRequest> requests, StreamKey[] keys, ConcurrentQueue<(int Last, long At)>[] due, long started, TimeSpan length)
    {
        var batches = (int)(length.TotalSeconds * PacedRecordsPerSecond / Batch);
        var ticksPerBatch = (double)Stopwatch.Frequency * Batch / PacedRecordsPerSecond;
        for (var k = 0; k < batches; k++)
        {
            var at = started + (long)(k * ticksPerBatch);
            while (Stopwatch.GetTimestamp() < at) await Task.Delay(1);
            var (stream, first) = (k % Streams, 1 + k / Streams * Batch);
            var entry = IngestRecords.Batch(first, Batch);
            (entry.Key, entry.FirstSeq) = (keys[stream], first);
            due[stream].Enqueue((first + Batch - 1, at));
            await requests.WriteAsync(new IngestRequest { Entry = entry });
        }
    }

    private static async Task ReceiveAsync(IAsyncStreamReader<IngestReply> replies, ConcurrentQueue<(int Last, long At)>[] due, List<double> latencies, TaskCompletionSource open)
    {
        var opened = 0;
        await foreach (var reply in replies.ReadAllAsync())
        {
            if (reply.Ack is not { } ack) continue;
            if (ack.FirstSeq == 0 && ++opened == Streams) open.SetResult();
            if (ack.LastSeq == 0) continue;
            var queue = due[int.Parse(ack.Key.Stream.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture)];
            while (queue.TryPeek(out var oldest) && oldest.Last <= ack.LastSeq && queue.TryDequeue(out _))
                latencies.Add(Stopwatch.GetElapsedTime(oldest.At).TotalMilliseconds);
        }
    }
}
