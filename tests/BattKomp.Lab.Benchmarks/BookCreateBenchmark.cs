using System.Diagnostics;
using System.Text.Json;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Hosting;
using BattKomp.Lab.V1;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace BattKomp.Lab.Benchmarks;

/// <summary>
/// `book-create`: bookings/s through gRPC with sign-in, all rules, request ids, usage rows and the occupancy invariant, 8
/// clients, PostgreSQL with fsync, against 8 connections that insert bare rows under the same exclusion constraint. Server,
/// clients and peer run in this process; PostgreSQL's own CPU time counts for both. Turns are interleaved.
/// </summary>
public static class BookCreateBenchmark
{
    private const double Floor = 0.25;
    private const int Clients = 8;
    private const int Channels = 64;
    private const int Turns = 7;
    private const int Persons = 64;
    private const int Minutes = 60;
    private const string Manager = "bench-manager";

    /// <summary>Runs it and returns the figures.</summary>
    public static async Task<object> RunAsync(string[] args)
    {
        await using var postgres = await BookCreatePostgres.StartAsync();
        var connection = await postgres.CreateAsync("ours");
        var peer = await postgres.CreateAsync("peer");
        await PreparePeerAsync(peer);
        var folder = Directory.CreateTempSubdirectory("battlab-bench-").FullName;
        await using var app = await StartServerAsync(folder, connection);
        try
        {
            using var ours = new OurClients(AddressFile.Of(app).Grpc);
            await using var bare = await PeerClients.OpenAsync(peer);
            await PoliciesAsync(AddressFile.Of(app).Grpc);
            await ours.RunAsync(1500);
            await bare.RunAsync(3000);
            var (mine, theirs) = (new List<Turn>(), new List<Turn>());
            for (var turn = 0; turn < Turns; turn++)
            {
                theirs.Add(await MeasureAsync(postgres, () => bare.RunAsync(8000), 8000));
                mine.Add(await MeasureAsync(postgres, () => ours.RunAsync(3000), 3000));
            }
            return await ReportAsync(postgres, connection, mine, theirs);
        }
        finally
        {
            await app.StopAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<object> ReportAsync(BookCreatePostgres postgres, string connection, List<Turn> mine, List<Turn> theirs)
    {
        var wall = Median(mine.Select(t => t.PerSecond)) / Median(theirs.Select(t => t.PerSecond));
        var cpu = Median(theirs.Select(t => t.CpuPerRow)) / Median(mine.Select(t => t.CpuPerRow));
        var overlaps = await OverlapsAsync(connection);
        var ratio = Math.Max(wall, cpu);
        return new
        {
            Name = "book-create",
            Ratio = ratio,
            WithinBudget = ratio >= Floor && overlaps == 0 ? 1 : 0,
            WallRatio = wall,
            CpuRatio = cpu,
            OursPerS = Median(mine.Select(t => t.PerSecond)),
            PeerPerS = Median(theirs.Select(t => t.PerSecond)),
            Overlaps = overlaps,
            OursCpuUs = Median(mine.Select(t => t.CpuPerRow)) * 1e6,
            OursDatabaseCpuUs = Median(mine.Select(t => t.DatabaseCpuPerRow)) * 1e6,
            PeerCpuUs = Median(theirs.Select(t => t.CpuPerRow)) * 1e6,
            Load = BenchmarkJson.Load(),
            FsyncP50Ms = FsyncP50(postgres.Folder),
        };
    }

    private sealed record Turn(double PerSecond, double CpuPerRow, double DatabaseCpuPerRow);

    private static async Task<Turn> MeasureAsync(BookCreatePostgres postgres, Func<Task> work, int rows)
    {
        var (own, database) = (Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds, postgres.CpuSeconds());
        var started = Stopwatch.GetTimestamp();
        await work();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var databaseCpu = postgres.CpuSeconds() - database;
        var cpu = Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds - own + databaseCpu;
        return new Turn(rows / seconds, cpu / rows, databaseCpu / rows);
    }

    private static async Task<WebApplication> StartServerAsync(string folder, string connection)
    {
        var seed = Path.Combine(folder, "seed.json");
        await File.WriteAllTextAsync(seed, JsonSerializer.Serialize(Seed()));
        var options = new LabOptions { DataDirectory = folder, Http = "http://127.0.0.1:0", Grpc = "http://127.0.0.1:0", SeedFile = seed, Calendar = "postgres", PostgresConnection = connection };
        var app = LabApplication.Build(options, TimeProvider.System, builder => builder.Logging.ClearProviders());
        await LabApplication.StartAsync(app, CancellationToken.None);
        return app;
    }

    // Opening hours round the clock: open, but every booking is judged.
    private static object Seed() => new
    {
        organisations = new[] { new { name = "organisations/bench", title = "Bench", kind = "university", country = "NO" } },
        persons = new[]
        {
            Person(Manager, "lab-manager", "labs/bench"),
        }.Concat(Enumerable.Range(0, Persons).Select(i => Person(TokenOf(i), "researcher", ""))),
        labs = new[]
        {
            new
            {
                name = "labs/bench", kind = "VIRTUAL", country = "NO", timeZone = "Europe/Oslo", organisation = "organisations/bench",
                openingHours = Enumerable.Range(1, 7).Select(d => new { isoDay = d, opensMinute = 0, closesMinute = 1440 }).ToArray(),
            },
        },
        rigs = new[]
        {
            new
            {
                name = "rigs/bench", lab = "labs/bench", stages = new[] { "cell-making" }, rigKind = "cell-cycler", maxWattHour = 100.0, hazardClass = "h4", benches = 4,
                channels = Enumerable.Range(0, Channels).Select(c => new { name = $"rigs/bench/channels/{c}" }).ToArray(),
            },
        },
    };

    private static string TokenOf(int number) => $"bench-{number % Persons}";

    private static object Person(string id, string role, string lab) => new
    {
        name = $"persons/{id}",
        displayName = id,
        tokens = new[] { id },
        affiliations = new[] { new { name = $"affiliations/{id}", organisation = "organisations/bench", role, lab } },
    };

    // Three layers, each with lengths, notice and horizon, and quotas of hours and of count that every booking is held against.
    private static async Task PoliciesAsync(string address)
    {
        using var channel = GrpcChannel.ForAddress(address);
        var client = new PolicyService.PolicyServiceClient(channel.Intercept(m => { m.Add("authorization", "Bearer " + Manager); return m; }));
        foreach (var scope in new[] { "organisations/bench", "labs/bench", "rigs/bench" })
        {
            var policy = new BookingPolicy { Scope = scope, MinLengthMinutes = 1, MaxLengthMinutes = 600, HorizonDays = 200, CreateNoticeMinutes = 5, ClosedOnPublicHolidays = false };
            if (scope == "labs/bench")
                policy.Quotas.AddRange([
                    new Quota { Subject = QuotaSubject.Person, Period = QuotaPeriod.Day, MaxMinutes = 100_000 }, new Quota { Subject = QuotaSubject.Course, Period = QuotaPeriod.Week, MaxCount = 5 },
                ]);
            await client.CreatePolicyAsync(new CreatePolicyRequest { Policy = policy });
        }
    }

    private static async Task PreparePeerAsync(string connection)
    {
        await using var open = new NpgsqlConnection(connection);
        await open.OpenAsync();
        await using var command = new NpgsqlCommand(
            "CREATE EXTENSION btree_gist; CREATE TABLE occupancy (booking TEXT NOT NULL, resource TEXT NOT NULL, during int8range NOT NULL, kind INTEGER NOT NULL, occupies INTEGER NOT NULL, " +
            "PRIMARY KEY (booking, resource), CONSTRAINT occupancy_no_overlap EXCLUDE USING gist (resource WITH =, during WITH &&) WHERE (occupies = 1))", open);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<long> OverlapsAsync(string connection)
    {
        await using var open = new NpgsqlConnection(connection);
        await open.OpenAsync();
        // Occupying rows in order: an overlap shows between neighbours.
        await using var command = new NpgsqlCommand(
            "SELECT count(*) FROM (SELECT lower(during) AS s, lag(upper(during)) OVER (PARTITION BY resource ORDER BY lower(during)) AS e FROM occupancy WHERE occupies = 1) x WHERE e > s", open);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static double FsyncP50(string folder)
    {
        var path = Path.Combine(folder, "fsync-probe");
        var took = new List<double>();
        using (var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1))
            for (var i = 0; i < 100; i++)
            {
                file.Write(new byte[8192]);
                var started = Stopwatch.GetTimestamp();
                file.Flush(flushToDisk: true);
                took.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
        File.Delete(path);
        return BenchmarkJson.Percentile(took, 0.5);
    }

    private static double Median(IEnumerable<double> values) => BenchmarkJson.Percentile([.. values], 0.5);

    /// <summary>Eight clients, each on a connection of its own, one call after the other.</summary>
    private sealed class OurClients : IDisposable
    {
        private readonly GrpcChannel[] _channels;
        private readonly BookingService.BookingServiceClient[] _clients;
        private readonly NodaTime.Instant _origin = NodaTime.Instant.FromDateTimeOffset(TimeProvider.System.GetUtcNow()) + NodaTime.Duration.FromHours(1);
        private int _next;

        internal OurClients(string address)
        {
            _channels = [.. Enumerable.Range(0, Clients).Select(_ => GrpcChannel.ForAddress(address))];
            _clients = [.. _channels.Select(c => new BookingService.BookingServiceClient(c))];
        }

        internal Task RunAsync(int rows) => Task.WhenAll(_clients.Select(async client =>
        {
            for (var i = 0; i < rows / Clients; i++)
            {
                var number = Interlocked.Increment(ref _next);
                await client.CreateBookingAsync(Request(number), new Metadata { { "authorization", "Bearer " + TokenOf(number) } });
            }
        }));

        public void Dispose()
        {
            foreach (var channel in _channels) channel.Dispose();
        }

        private CreateBookingRequest Request(int number)
        {
            var start = _origin + NodaTime.Duration.FromMinutes(Minutes * (number / Channels));
            return new CreateBookingRequest
            {
                RequestId = Guid.NewGuid().ToString(),
                Booking = new Booking
                {
                    Channels = { $"rigs/bench/channels/{number % Channels}" },
                    Window = new TimeWindow { Start = BookingTimes.Stamp(start), End = BookingTimes.Stamp(start + NodaTime.Duration.FromMinutes(Minutes)) },
                    Purpose = "research",
                    ActivityClass = "research",
                    EducationLevel = "phd",
                    Headcount = 2,
                    Presence = Presence.OnSite,
                },
            };
        }
    }

    /// <summary>Eight connections that insert one row after the other, each its own commit.</summary>
    private sealed class PeerClients : IAsyncDisposable
    {
        private readonly List<(NpgsqlConnection Connection, NpgsqlCommand Command)> _clients = [];
        private int _next;

        internal static async Task<PeerClients> OpenAsync(string connectionString)
        {
            var clients = new PeerClients();
            for (var i = 0; i < Clients; i++)
            {
                var connection = new NpgsqlConnection(connectionString);
                await connection.OpenAsync();
                var command = new NpgsqlCommand("INSERT INTO occupancy (booking, resource, during, kind, occupies) VALUES ($1, $2, int8range($3, $4), 1, 1)", connection)
                {
                    Parameters = { new NpgsqlParameter<string>(), new NpgsqlParameter<string>(), new NpgsqlParameter<long>(), new NpgsqlParameter<long>() },
                };
                clients._clients.Add((connection, command));
            }
            return clients;
        }

        internal Task RunAsync(int rows) => Task.WhenAll(_clients.Select(async client =>
        {
            for (var i = 0; i < rows / Clients; i++)
            {
                var number = Interlocked.Increment(ref _next);
                var start = Minutes * 60_000_000L * (number / Channels);
                ((NpgsqlParameter<string>)client.Command.Parameters[0]).TypedValue = "bookings/" + Guid.CreateVersion7().ToString("N");
                ((NpgsqlParameter<string>)client.Command.Parameters[1]).TypedValue = $"rigs/bench/channels/{number % Channels}";
                ((NpgsqlParameter<long>)client.Command.Parameters[2]).TypedValue = start;
                ((NpgsqlParameter<long>)client.Command.Parameters[3]).TypedValue = start + Minutes * 60_000_000L;
                await client.Command.ExecuteNonQueryAsync();
            }
        }));

        public async ValueTask DisposeAsync()
        {
            foreach (var (connection, command) in _clients)
            {
                await command.DisposeAsync();
                await connection.DisposeAsync();
            }
        }
    }
}
