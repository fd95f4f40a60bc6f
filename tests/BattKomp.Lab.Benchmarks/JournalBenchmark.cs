using System.Collections.Concurrent;
using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Benchmarks;

/// <summary>
/// `journal`: 64 channels × 10 records/s through the journal; time from append to durable, against bare write + fsync of the same disk,
/// the two interleaved in turns of the same length. Budget: p99 at most twice the disk's own.
/// </summary>
public static class JournalBenchmark
{
    private const int Channels = 64;
    private const int PerSecond = 640;
    private const double Budget = 2;
    // Paces the load: nothing sets it.
    private static readonly ManualResetEventSlim Never = new(false);
    private const int Turns = 6;
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(4);

    /// <summary>Runs it and returns the figures.</summary>
    public static async Task<object> RunAsync(string[] args)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"battlab-journal-{Environment.ProcessId}");
        try
        {
            var durable = new List<double>();
            var bare = new List<double>();
            var (walls, cpus) = (new List<double>(), new List<double>());
            await JournalTurnAsync(Path.Combine(folder, "warm"), [], [], TimeSpan.FromSeconds(1));
            for (var turn = 0; turn < Turns; turn++)
            {
                BareTurn(Path.Combine(folder, $"bare{turn}"), bare, Turn);
                await JournalTurnAsync(Path.Combine(folder, $"journal{turn}"), durable, cpus, Turn);
                walls.Add(Turn.TotalSeconds);
            }
            var ratio = BenchmarkJson.Percentile(durable, 0.99) / BenchmarkJson.Percentile(bare, 0.99);
            return new
            {
                Name = "journal",
                Ratio = ratio,
                WithinBudget = ratio <= Budget ? 1 : 0,
                WallRatio = ratio,
                CpuRatio = (double?)null,
                Budget,
                DurableP50Ms = BenchmarkJson.Percentile(durable, 0.5),
                DurableP99Ms = BenchmarkJson.Percentile(durable, 0.99),
                FsyncP50Ms = BenchmarkJson.Percentile(bare, 0.5),
                FsyncP99Ms = BenchmarkJson.Percentile(bare, 0.99),
                Records = durable.Count,
                Fsyncs = bare.Count,
                RecordsPerSecond = durable.Count / walls.Sum(),
                CpuCores = cpus.Sum() / walls.Sum(),
                Seconds = walls.Sum(),
                Load = BenchmarkJson.Load(),
            };
        }
        finally
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
    }

    // The peer: one writer that appends what one commit holds and flushes, at the rate at which the journal would see work.
    private static void BareTurn(string folder, List<double> into, TimeSpan length)
    {
        var disk = new PhysicalDisk(folder);
        using var file = disk.Open("bare");
        var bytes = new byte[600];
        var started = Stopwatch.GetTimestamp();
        long offset = 0;
        for (var k = 0; Stopwatch.GetElapsedTime(started) < length; k++)
        {
            WaitUntil(started, k * 1000.0 / PerSecond);
            var at = Stopwatch.GetTimestamp();
            file.Write(offset, bytes);
            file.Flush();
            offset += bytes.Length;
            into.Add(Stopwatch.GetElapsedTime(at).TotalMilliseconds);
        }
    }

    private static async Task JournalTurnAsync(string folder, List<double> into, List<double> cpu, TimeSpan length)
    {
        using var journal = AgentJournal.Open(new PhysicalDisk(folder));
        var streams = Enumerable.Range(0, Channels)
            .Select(c => AgentJournal.NewStream(new StreamKey { Agent = "agents/bench", Boot = "b", Stream = $"s{c}" })).ToArray();
        var latencies = new ConcurrentQueue<double>();
        var appends = new List<Task>();
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        var started = Stopwatch.GetTimestamp();
        for (var k = 0; Stopwatch.GetElapsedTime(started) < length; k++)
        {
            WaitUntil(started, k * 1000.0 / PerSecond);
            appends.Add(TimedAsync(journal, streams[k % Channels], Record(k), latencies));
        }
        await Task.WhenAll(appends);
        cpu.Add((Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds);
        into.AddRange(latencies);
    }

    private static async Task TimedAsync(AgentJournal journal, JournalStream stream, Entry entry, ConcurrentQueue<double> latencies)
    {
        var at = Stopwatch.GetTimestamp();
        await journal.Append(stream, entry).ConfigureAwait(false);
        latencies.Enqueue(Stopwatch.GetElapsedTime(at).TotalMilliseconds);
    }

    private static Entry Record(int k)
    {
        var batch = new Batch();
        batch.UtcNs.Add(k);
        batch.MonotonicNs.Add(k);
        foreach (var signal in (string[])["test_time_second", "voltage_volt", "current_ampere", "step_count", "cycle_count", "step_id", "step_cumulative_capacity_ah"])
            batch.Columns.Add(new Column { Signal = signal, Values = { k * 0.1 } });
        return new Entry { Batch = batch };
    }

    private static void WaitUntil(long started, double milliseconds)
    {
        var left = milliseconds - Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        if (left > 0.05)
            Never.Wait(TimeSpan.FromMilliseconds(left));
    }
}
