using System.Diagnostics;
using System.Text.Json;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Hosting;
using BattKomp.Lab.V1;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace BattKomp.Lab.Benchmarks;

/// <summary>
/// `availability`: the first 20 acceptable windows in 90 days over 10 000 channels of 25 labs with 1 000 000 bookings, 70 % busy, through gRPC with sign-in,
/// opening hours and rules; one-channel and 8-channel requests, short and long, and those that have no answer and look at everything. `month-view`: what is
/// taken of 300 rigs in 31 days, in one call. Bounds: p99 of the worst kind &lt; 50 ms; p99 &lt; 100 ms.
/// </summary>
public static class AvailabilityBenchmark
{
    private const double Bound = 50;
    private const double MonthBound = 100;
    private const int Labs = 25;
    private const int RigsPerLab = 25;
    private const int ChannelsPerRig = 16;
    private const int BookingsPerChannel = 100;
    private const int Rounds = 200;
    private const int WarmUp = 30;
    private const string Token = "bench";
    private static readonly Duration Reach = Duration.FromDays(90);

    /// <summary>Runs `availability` and returns the figures.</summary>
    public static Task<object> RunAsync(string[] args) => WithLabAsync(Labs, RigsPerLab, ChannelsPerRig, async (invoker, origin) =>
    {
        var client = new AvailabilityService.AvailabilityServiceClient(invoker);
        var first = Stopwatch.GetTimestamp();
        await client.SearchAvailabilityAsync(Search(1, 60, Presence.RemoteOperate));
        var load = Stopwatch.GetElapsedTime(first).TotalSeconds;
        var kinds = new Dictionary<string, SearchAvailabilityRequest>
        {
            ["one_2h"] = Search(1, 120, Presence.OnSite),
            ["one_24h_remote"] = Search(1, 24 * 60, Presence.RemoteOperate),
            ["one_none_worst"] = Search(1, 40 * 24 * 60, Presence.RemoteOperate),
            ["eight_2h"] = Search(8, 120, Presence.OnSite),
            ["eight_8h_remote"] = Search(8, 8 * 60, Presence.RemoteOperate),
            ["eight_none_worst"] = Search(16, 6 * 60, Presence.RemoteOperate),
        };
        var (p99, p50, windows) = (new Dictionary<string, double>(), new Dictionary<string, double>(), new Dictionary<string, int>());
        foreach (var (kind, search) in kinds)
        {
            var took = new List<double>();
            for (var i = 0; i < Rounds + WarmUp; i++)
            {
                var started = Stopwatch.GetTimestamp();
                var answer = await client.SearchAvailabilityAsync(search);
                if (i >= WarmUp) took.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                windows[kind] = answer.Windows.Count;
            }
            (p99[kind], p50[kind]) = (BenchmarkJson.Percentile(took, 0.99), BenchmarkJson.Percentile(took, 0.5));
        }
        var worst = p99.Values.Max();
        return new { Name = "availability", Ratio = Bound / worst, WithinBudget = worst < Bound ? 1 : 0, P99Ms = worst, P99 = p99, P50 = p50, Windows = windows, IndexLoadS = load, Load = BenchmarkJson.Load() };
    });

    /// <summary>Runs `month-view` and returns the figures.</summary>
    public static Task<object> MonthAsync(string[] args) => WithLabAsync(10, 30, 8, async (invoker, origin) =>
    {
        var client = new AvailabilityService.AvailabilityServiceClient(invoker);
        var request = new ListTakenRequest { Within = BookingTimes.Window(new Domain.Time.TimeWindow(origin, origin + Duration.FromDays(31))) };
        var (took, edges) = (new List<double>(), 0);
        for (var i = 0; i < Rounds + WarmUp; i++)
        {
            var started = Stopwatch.GetTimestamp();
            var answer = await client.ListTakenAsync(request);
            if (i >= WarmUp) took.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            edges = answer.Channels.Sum(c => c.Edges.Count);
        }
        var p99 = BenchmarkJson.Percentile(took, 0.99);
        return new { Name = "month-view", Ratio = MonthBound / p99, WithinBudget = p99 < MonthBound ? 1 : 0, P99Ms = p99, P50Ms = BenchmarkJson.Percentile(took, 0.5), Rigs = 300, Stretches = edges / 2, Load = BenchmarkJson.Load() };
    });

    private static SearchAvailabilityRequest Search(int count, int minutes, Presence presence) =>
        new() { Count = count, LengthMinutes = minutes, Presence = presence, ActivityClass = "research", MaxWindows = 20 };

    private static async Task<object> WithLabAsync(int labs, int rigs, int channels, Func<Grpc.Core.CallInvoker, Instant, Task<object>> measure)
    {
        var folder = Directory.CreateTempSubdirectory("battlab-bench-").FullName;
        try
        {
            var seed = Path.Combine(folder, "seed.json");
            await File.WriteAllTextAsync(seed, JsonSerializer.Serialize(Seed(labs, rigs, channels)));
            var options = new LabOptions { DataDirectory = folder, Http = "http://127.0.0.1:0", Grpc = "http://127.0.0.1:0", SeedFile = seed };
            await using var app = LabApplication.Build(options, TimeProvider.System, builder => builder.Logging.ClearProviders());
            await LabApplication.StartAsync(app, CancellationToken.None);
            var origin = Instant.FromDateTimeOffset(TimeProvider.System.GetUtcNow());
            await FillAsync(app.Services.GetRequiredService<CalendarDatabase>(), [.. Names(labs, rigs, channels)], origin);
            using var channel = GrpcChannel.ForAddress(AddressFile.Of(app).Grpc, new GrpcChannelOptions { MaxReceiveMessageSize = null });
            var result = await measure(channel.Intercept(m => { m.Add("authorization", "Bearer " + Token); return m; }), origin);
            await app.StopAsync();
            return result;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IEnumerable<string> Names(int labs, int rigs, int channels) =>
        from l in Enumerable.Range(0, labs) from r in Enumerable.Range(0, rigs) from c in Enumerable.Range(0, channels) select $"rigs/b{l}-{r}/channels/{c}";

    // Bookings and gaps of random length, 70 % busy; the rows alone, as many transactions of the real path would leave them.
    private static Task FillAsync(CalendarDatabase database, IReadOnlyList<string> channels, Instant origin) => database.WriteAsync(async tx =>
    {
        var random = new Random(20261124);
        var trigger = (await tx.QueryAsync("SELECT sql FROM sqlite_master WHERE name = 'occupancy_no_overlap_insert'", r => r.GetString(0), CancellationToken.None)).Single();
        await tx.ExecuteAsync("DROP TRIGGER occupancy_no_overlap_insert", CancellationToken.None);
        var (start, mean) = (Micros.FromInstant(origin), Reach.ToInt64Nanoseconds() / 1000 / BookingsPerChannel);
        await using var command = tx.Connection.CreateCommand();
        command.Transaction = tx.Transaction;
        command.CommandText = "INSERT INTO occupancy (booking, resource, start_us, end_us, kind, occupies) VALUES ($b, $r, $s, $e, 1, 1)";
        foreach (var name in new[] { "$b", "$r", "$s", "$e" })
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            command.Parameters.Add(parameter);
        }
        var number = 0;
        foreach (var channel in channels)
        {
            var at = start;
            for (var i = 0; i < BookingsPerChannel; i++)
            {
                var busy = (long)(mean * 0.7 * (0.2 + (1.6 * random.NextDouble())));
                at += (long)(mean * 0.3 * (0.2 + (1.6 * random.NextDouble())));
                (command.Parameters[0].Value, command.Parameters[1].Value, command.Parameters[2].Value, command.Parameters[3].Value) = ($"bookings/{number++}", channel, at, at + busy);
                await command.ExecuteNonQueryAsync();
                at += busy;
            }
        }
        await tx.ExecuteAsync(trigger, CancellationToken.None);
    }, CancellationToken.None);

    private static object Seed(int labs, int rigs, int channels) => new
    {
        organisations = new[] { new { name = "organisations/bench", title = "Bench", kind = "university", country = "NO" } },
        persons = new[]
        {
            new
            {
                name = "persons/bench", displayName = "Bench", tokens = new[] { Token },
                affiliations = new[] { new { name = "affiliations/bench", organisation = "organisations/bench", role = "researcher" } },
            },
        },
        labs = Enumerable.Range(0, labs).Select(l => new
        {
            name = $"labs/b{l}",
            kind = "VIRTUAL",
            country = "NO",
            timeZone = "Europe/Oslo",
            organisation = "organisations/bench",
            openingHours = Enumerable.Range(1, 5).Select(d => new { isoDay = d, opensMinute = 420, closesMinute = 1320 }).ToArray(),
        }),
        rigs = from l in Enumerable.Range(0, labs)
               from r in Enumerable.Range(0, rigs)
               select new
               {
                   name = $"rigs/b{l}-{r}",
                   lab = $"labs/b{l}",
                   stages = new[] { "cell-making" },
                   rigKind = "cell-cycler",
                   maxWattHour = 100.0,
                   hazardClass = "h4",
                   benches = 4,
                   channels = Enumerable.Range(0, channels).Select(c => new { name = $"rigs/b{l}-{r}/channels/{c}", limits = new { maxVolt = 5.0, maxChargeAmpere = 5.0 } }).ToArray(),
               },
    };
}
