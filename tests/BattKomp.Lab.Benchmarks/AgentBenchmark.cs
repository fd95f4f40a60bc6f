using System.Diagnostics;
using System.Text.Json;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;

namespace BattKomp.Lab.Benchmarks;

/// <summary>
/// `agent`: 64 EBC channels × 10 records/s on pseudo-terminals from a simulator process, read by a real `battlab-agent` process, journalled and sent to the
/// real server in this process. Resident memory and processor time of the agent after a warm-up; beside it the time from a byte written by an instrument to the
/// server's acknowledgement at the agent.
/// </summary>
public static class AgentBenchmark
{
    private const int Channels = 64;
    private const double BudgetBytes = 200e6, BudgetCores = 0.25;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10), Length = TimeSpan.FromSeconds(25), Look = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromSeconds(30);

    /// <summary>Runs it and returns the figures.</summary>
    public static async Task<object> RunAsync(string[] args)
    {
        var folder = Directory.CreateTempSubdirectory("battlab-agent-bench-").FullName;
        try
        {
            var load = await LoadAsync(folder);
            var byteToAck = await ByteToAck.MeasureAsync(Path.Combine(folder, "byte-to-ack"), Channels);
            var ratio = Math.Min(BudgetBytes / load.ResidentBytes, BudgetCores / load.Cores);
            return new
            {
                Name = "agent",
                Ratio = ratio,
                WithinBudget = ratio > 1 ? 1 : 0,
                WallRatio = (double?)null,
                CpuRatio = BudgetCores / load.Cores,
                ResidentMb = load.ResidentBytes / 1e6,
                PeakResidentMb = load.PeakBytes / 1e6,
                CpuCores = load.Cores,
                load.RecordsPerSecond,
                load.Seconds,
                Channels,
                ByteToAckP50Ms = BenchmarkJson.Percentile(byteToAck, 0.5),
                ByteToAckP99Ms = BenchmarkJson.Percentile(byteToAck, 0.99),
                ByteToAckRecords = byteToAck.Count,
                FsyncP50Ms = DiskProbe.FsyncP50Ms(folder),
                Load = BenchmarkJson.Load(),
            };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed record AgentLoad(double ResidentBytes, double PeakBytes, double Cores, double RecordsPerSecond, double Seconds);

    private static async Task<AgentLoad> LoadAsync(string folder)
    {
        await using var host = await IngestHost.StartAsync(Path.Combine(folder, "server"));
        await host.GiveLeaseAsync(Lease());
        using var devices = await ChildProcess.StartDotnetAsync("simulators/BattKomp.Lab.Simulators", "battlab-sim", "--config", Write(folder, "sim.json", new
        {
            instruments = Enumerable.Range(1, Channels).Select(k => new { type = "ebc-a20", id = $"SIM-{k}", link = Link(folder, k), seed = k }),
        }));
        using var agent = await ChildProcess.StartDotnetAsync("src/BattKomp.Lab.EdgeAgent", "battlab-agent", "run", "--config", Write(folder, "agent.json", new
        {
            lab_kind = "virtual",
            agent = IngestHost.Agent,
            token = IngestHost.Token,
            server = host.Address,
            data_dir = Path.Combine(folder, "agent"),
            channels = Enumerable.Range(1, Channels).Select(k => new { channel = Channel(k), protocol = "ebc-a20", device = Link(folder, k), simulated = true }),
        }));
        await RecordsAsync(host, agent);
        await Task.Delay(WarmUp);
        var (records, cpu, started) = (await StoredAsync(host), agent.CpuSeconds, Stopwatch.GetTimestamp());
        double resident = 0;
        while (Stopwatch.GetElapsedTime(started) < Length)
        {
            await Task.Delay(Look);
            resident = Math.Max(resident, agent.ResidentBytes);
        }
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return new AgentLoad(resident, agent.PeakResidentBytes, (agent.CpuSeconds - cpu) / seconds, (await StoredAsync(host) - records) / seconds, seconds);
    }

    private static async Task RecordsAsync(IngestHost host, ChildProcess agent)
    {
        var started = Stopwatch.GetTimestamp();
        while (await StoredAsync(host) < Channels * 10)
        {
            if (Stopwatch.GetElapsedTime(started) > Patience)
                throw new InvalidOperationException($"The agent sends no records: {agent.Errors}");
            await Task.Delay(50);
        }
    }

    private static async Task<long> StoredAsync(IngestHost host) => (await host.Store.GetStreamsAsync(IngestHost.Run, CancellationToken.None)).Sum(s => s.StoredCount);

    private static string Channel(int k) => $"rigs/bench/channels/{k}";

    private static string Link(string folder, int k) => Path.Combine(folder, $"SIM-{k}");

    private static Lease Lease()
    {
        var now = TimeProvider.System.GetUtcNow().ToTimestamp();
        var lease = new Lease
        {
            Name = "leases/bench",
            Agent = IngestHost.Agent,
            Booking = "bookings/bench",
            ServerTime = now,
            Window = new TimeWindow { Start = now, End = now + Duration.FromTimeSpan(TimeSpan.FromHours(1)) },
        };
        lease.Channels.AddRange(Enumerable.Range(1, Channels).Select(k => new LeasedChannel { Channel = Channel(k), Run = $"runs/bench-{k}", Control = ControlClass.Monitor, Simulated = true }));
        return lease;
    }

    private static string Write(string folder, string name, object content)
    {
        var file = Path.Combine(folder, name);
        File.WriteAllText(file, JsonSerializer.Serialize(content));
        return file;
    }
}
