using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Uplink;
using BattKomp.Lab.Telemetry.Influx;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Benchmarks;

/// <summary>
/// `ingest-influx`: the agent's own journal (fsync) and uplink → gRPC → InfluxDB with its ledger → acknowledgement, 8 streams in batches of 1000, against
/// raw <c>/write</c> of lines that were encoded before the clock started (the same bytes that the store sends, 10 000 lines a write, two writers). Turns of
/// both alternate, against one influxd. Two turns of each go before, unmeasured: a server runs for months, and the compiler's work is done in its first minute. Processor time counts this process and influxd on both sides.
/// </summary>
public static class IngestInfluxBenchmark
{
    private const int Streams = 8, Batch = 1000, BatchesPerStream = 100, Turns = 5, WarmUps = 2, LinesPerWrite = 10_000;
    private const double Floor = 0.75;
    private const long Records = (long)Streams * Batch * BatchesPerStream;

    /// <summary>Runs it and returns the figures.</summary>
    public static async Task<object> RunAsync(string[] args)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"battlab-ingest-influx-{Environment.ProcessId}");
        var (ours, peer) = (new List<Turn>(), new List<Turn>());
        Directory.CreateDirectory(folder);
        try
        {
            using var influx = await BenchInflux.StartAsync(Path.Combine(folder, "influx"));
            var options = new InfluxOptions { Url = influx.Url, Database = "chain" };
            await using var host = await IngestHost.StartAsync(Path.Combine(folder, "server"), o => (o.Telemetry.Store, o.Telemetry.Influx) = ("influx", options));
            var bodies = RawWriter.Encode(Streams, BatchesPerStream * Batch, LinesPerWrite);
            for (var turn = 0; turn < WarmUps + Turns; turn++)
            {
                var raw = await RawTurnAsync(influx, bodies, $"raw{turn}");
                var chain = await ChainTurnAsync(host, influx, folder, turn);
                if (turn < WarmUps) continue;
                peer.Add(raw);
                ours.Add(chain);
            }

            var counts = await host.Store.CountAsync(IngestHost.Run, CancellationToken.None);
            return Result(ours, peer, counts.Records, counts.Duplicates, folder);
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    private sealed record Turn(double Wall, double OwnCpu, double ServerCpu)
    {
        public double Cpu => OwnCpu + ServerCpu;
    }

    private static object Result(List<Turn> ours, List<Turn> peer, long stored, long duplicates, string folder)
    {
        double Median(IEnumerable<double> values) => BenchmarkJson.Percentile([.. values], 0.5);
        var wall = Median(peer.Select(p => p.Wall)) / Median(ours.Select(o => o.Wall));
        var cpu = Median(peer.Select(p => p.Cpu)) / Median(ours.Select(o => o.Cpu));
        var ratio = Math.Max(wall, cpu);
        var complete = stored == Records * (WarmUps + Turns) && duplicates == 0;
        double Micro(IEnumerable<double> seconds) => Median(seconds) * 1e6 / Records;
        return new
        {
            Name = "ingest-influx",
            Ratio = ratio,
            WithinBudget = ratio >= Floor && complete ? 1 : 0,
            WallRatio = wall,
            CpuRatio = cpu,
            Budget = Floor,
            RecordsPerSecond = Records / Median(ours.Select(o => o.Wall)),
            PeerRecordsPerSecond = Records / Median(peer.Select(p => p.Wall)),
            OwnCpuMicrosecondsPerRecord = Micro(ours.Select(o => o.OwnCpu)),
            InfluxCpuMicrosecondsPerRecord = Micro(ours.Select(o => o.ServerCpu)),
            PeerOwnCpuMicrosecondsPerRecord = Micro(peer.Select(o => o.OwnCpu)),
            PeerInfluxCpuMicrosecondsPerRecord = Micro(peer.Select(o => o.ServerCpu)),
            Signals = IngestRecords.Signals.Length,
            RecordsPerTurn = Records,
            Turns,
            Stored = stored,
            Duplicates = duplicates,
            FsyncP50Ms = DiskProbe.FsyncP50Ms(folder),
            Load = BenchmarkJson.Load(),
        };
    }

    private static async Task<Turn> ChainTurnAsync(IngestHost host, BenchInflux influx, string folder, int turn)
    {
        using var journal = AgentJournal.Open(new PhysicalDisk(Path.Combine(folder, $"journal{turn}")));
        var boot = $"b{turn}";
        var streams = Enumerable.Range(0, Streams).Select(s => AgentJournal.NewStream(new StreamKey { Agent = IngestHost.Agent, Boot = boot, Stream = $"s{s}" })).ToArray();
        // A journal sets key and sequence on the entry it is given, so every stream has its own.
        var entries = Enumerable.Range(0, BatchesPerStream).Select(b => IngestRecords.Batch(1 + (long)b * Batch, Batch))
            .Select(entry => streams.ToDictionary(s => s, _ => entry.Clone())).ToArray();
        using var stop = new CancellationTokenSource();
        var begun = Clock.Start(influx);
        var uplink = new IngestUplink(journal, host.Invoker, IngestHost.Agent, boot, TimeProvider.System).RunAsync(stop.Token);
        foreach (var stream in streams) await journal.Append(stream, IngestRecords.Opened());
        for (var b = 0; b < BatchesPerStream; b++)
        {
            foreach (var stream in streams) _ = journal.Append(stream, entries[b][stream]);
            await journal.WaitForRoomAsync(CancellationToken.None);
        }

        while (journal.AckCursor.CompareTo(journal.End) < 0 || journal.Waiting > 0) await Task.Delay(1);
        var result = begun.Stop();
        await stop.CancelAsync();
        await uplink;
        return result;
    }

    private static async Task<Turn> RawTurnAsync(BenchInflux influx, IReadOnlyList<byte[]> bodies, string database)
    {
        await influx.CreateAsync(database);
        var begun = Clock.Start(influx);
        await RawWriter.WriteAsync(influx.Url, database, bodies, writers: 2);
        var result = begun.Stop();
        await influx.DropAsync(database);
        return result;
    }

    private readonly record struct Clock(BenchInflux Influx, TimeSpan Own, double Server, long At)
    {
        public static Clock Start(BenchInflux influx)
        {
            // What one turn leaves for the collector must not be charged to the other.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return new Clock(influx, Process.GetCurrentProcess().TotalProcessorTime, influx.CpuSeconds(), Stopwatch.GetTimestamp());
        }

        public Turn Stop() => new(
            Stopwatch.GetElapsedTime(At).TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - Own).TotalSeconds, Influx.CpuSeconds() - Server);
    }
}
