using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Uplink;
using BattKomp.Lab.V1;
using DuckDB.NET.Data;

namespace BattKomp.Lab.Benchmarks;

/// <summary>
/// `ingest-duckdb`: the agent's own journal (fsync) and uplink → gRPC → embedded store with its ledger → acknowledgement, 8 streams in batches of
/// 1000, against a bare DuckDB appender (its row interface, one transaction) that writes the same rows. Turns of both alternate.
/// Building the entries from the instrument's values happens before the clock starts for the chain and not at all for the peer.
/// </summary>
public static class IngestDuckDbBenchmark
{
    private const int Streams = 8, Batch = 1000, BatchesPerStream = 100, Turns = 6;
    private const double Floor = 0.45;
    private const long Records = (long)Streams * Batch * BatchesPerStream;

    /// <summary>Runs it and returns the figures.</summary>
    public static async Task<object> RunAsync(string[] args)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"battlab-ingest-{Environment.ProcessId}");
        var (ours, peer) = (new List<(double Wall, double Cpu)>(), new List<(double Wall, double Cpu)>());
        try
        {
            await using var host = await IngestHost.StartAsync(Path.Combine(folder, "server"));
            await ChainTurnAsync(host, folder, -1);
            PeerTurn(folder, -1);
            for (var turn = 0; turn < Turns; turn++)
            {
                peer.Add(PeerTurn(folder, turn));
                ours.Add(await ChainTurnAsync(host, folder, turn));
            }

            var counts = await host.Store.CountAsync(IngestHost.Run, CancellationToken.None);
            return Result(ours, peer, counts.Records, counts.Duplicates, folder);
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    private static object Result(List<(double Wall, double Cpu)> ours, List<(double Wall, double Cpu)> peer, long stored, long duplicates, string folder)
    {
        double Median(IEnumerable<double> values) => BenchmarkJson.Percentile([.. values], 0.5);
        var wall = Median(peer.Select(p => p.Wall)) / Median(ours.Select(o => o.Wall));
        var cpu = Median(peer.Select(p => p.Cpu)) / Median(ours.Select(o => o.Cpu));
        var ratio = Math.Max(wall, cpu);
        var complete = stored == Records * (Turns + 1) && duplicates == 0;
        return new
        {
            Name = "ingest-duckdb",
            Ratio = ratio,
            WithinBudget = ratio >= Floor && complete ? 1 : 0,
            WallRatio = wall,
            CpuRatio = cpu,
            Budget = Floor,
            RecordsPerSecond = Records / Median(ours.Select(o => o.Wall)),
            PeerRecordsPerSecond = Records / Median(peer.Select(p => p.Wall)),
            CpuMicrosecondsPerRecord = Median(ours.Select(o => o.Cpu)) * 1e6 / Records,
            PeerCpuMicrosecondsPerRecord = Median(peer.Select(p => p.Cpu)) * 1e6 / Records,
            Signals = IngestRecords.Signals.Length,
            RecordsPerTurn = Records,
            Turns,
            Stored = stored,
            Duplicates = duplicates,
            FsyncP50Ms = DiskProbe.FsyncP50Ms(folder),
            Load = BenchmarkJson.Load(),
        };
    }

    private static async Task<(double Wall, double Cpu)> ChainTurnAsync(IngestHost host, string folder, int turn)
    {
        using var journal = AgentJournal.Open(new PhysicalDisk(Path.Combine(folder, $"journal{turn}")));
        var boot = $"b{turn + 1}";
        var streams = Enumerable.Range(0, Streams).Select(s => AgentJournal.NewStream(new StreamKey { Agent = IngestHost.Agent, Boot = boot, Stream = $"s{s}" })).ToArray();
        // A journal sets key and sequence on the entry it is given, so every stream has its own.
        var entries = Enumerable.Range(0, BatchesPerStream).Select(b => IngestRecords.Batch(1 + (long)b * Batch, Batch))
            .Select(entry => streams.ToDictionary(s => s, _ => entry.Clone())).ToArray();
        using var stop = new CancellationTokenSource();
        Collect();
        var (cpu, started) = (Process.GetCurrentProcess().TotalProcessorTime, Stopwatch.GetTimestamp());
        var uplink = new IngestUplink(journal, host.Invoker, IngestHost.Agent, boot, TimeProvider.System).RunAsync(stop.Token);
        foreach (var stream in streams) await journal.Append(stream, IngestRecords.Opened());
        for (var b = 0; b < BatchesPerStream; b++)
        {
            foreach (var stream in streams) _ = journal.Append(stream, entries[b][stream]);
            await journal.WaitForRoomAsync(CancellationToken.None);
        }

        while (journal.AckCursor.CompareTo(journal.End) < 0 || journal.Waiting > 0) await Task.Delay(1);
        var result = (Stopwatch.GetElapsedTime(started).TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds);
        await stop.CancelAsync();
        await uplink;
        return result;
    }

    private static (double Wall, double Cpu) PeerTurn(string folder, int turn)
    {
        var file = Path.Combine(folder, $"peer{turn}.duckdb");
        Collect();
        var (cpu, started) = (Process.GetCurrentProcess().TotalProcessorTime, Stopwatch.GetTimestamp());
        using (var connection = new DuckDBConnection($"DataSource={file};memory_limit=256MB"))
        {
            connection.Open();
            Execute(connection, "CREATE TABLE records (run INTEGER, stream INTEGER, seq BIGINT, utc_ns BIGINT, monotonic_ns BIGINT, quality UTINYINT"
                + string.Concat(IngestRecords.Signals.Select(s => $", {s} DOUBLE")) + ")");
            Execute(connection, "BEGIN TRANSACTION");
            using (var appender = connection.CreateAppender("records"))
                for (var b = 0; b < BatchesPerStream; b++)
                    for (var s = 0; s < Streams; s++)
                        AppendBatch(appender, s, 1 + (long)b * Batch);
            Execute(connection, "COMMIT");
        }

        var result = (Stopwatch.GetElapsedTime(started).TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds);
        File.Delete(file);
        return result;
    }

    private static void AppendBatch(DuckDBAppender appender, int stream, long first)
    {
        for (var seq = first; seq < first + Batch; seq++)
        {
            var row = appender.CreateRow();
            row.AppendValue((int?)0).AppendValue((int?)stream).AppendValue((long?)seq).AppendValue((long?)(IngestRecords.Anchor + seq * 100_000_000)).AppendValue((long?)(seq * 100_000_000)).AppendValue((byte?)0);
            for (var signal = 0; signal < IngestRecords.Signals.Length; signal++) row.AppendValue((double?)IngestRecords.Value(signal, seq));
            row.EndRow();
        }
    }

    private static void Execute(DuckDBConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    // What one turn leaves for the collector must not be charged to the other.
    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }
}
