using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using BattKomp.Lab.Demo;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using NodaTime;
using Npgsql;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>Two servers as processes of their own on one new PostgreSQL database, each with its own data folder.</summary>
internal sealed class TwoServers : IAsyncDisposable
{
    private static readonly Instant Origin = Instant.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 3600 * 3600);
    private readonly TempFolder _folder = new();
    private readonly LabProcess?[] _servers = new LabProcess?[2];
    private readonly string[] _addresses = new string[2];
    private readonly ConcurrentDictionary<(int, string), BookingService.BookingServiceClient> _clients = new();
    private readonly ConcurrentBag<GrpcChannel> _channels = [];
    private readonly string _connection;

    private TwoServers(string connection) => _connection = connection;

    /// <summary>Starts both at once, on an empty database.</summary>
    public static async Task<TwoServers> StartAsync()
    {
        var servers = new TwoServers(await PostgresFixture.NewDatabaseAsync());
        try
        {
            servers.Start(0);
            servers.Start(1);
            await servers.ListenAsync(0);
            await servers.ListenAsync(1);
            return servers;
        }
        catch
        {
            await servers.DisposeAsync();
            throw;
        }
    }

    /// <summary>A booking in the hours from the last whole hour.</summary>
    public static Booking Wish(double hour, double hours, params string[] channels) => new()
    {
        Window = Window(hour, hours),
        Channels = { channels },
        Purpose = "research",
        ActivityClass = "research",
        EducationLevel = "none",
        Headcount = 1,
        Presence = Presence.OnSite,
        Title = "A cell",
    };

    /// <summary>[hour, hour + length) from the last whole hour.</summary>
    public static TimeWindow Window(double hour, double hours) => new() { Start = Stamp(hour), End = Stamp(hour + hours) };

    /// <summary>A client of one of the two.</summary>
    public BookingService.BookingServiceClient As(int server, string token) => _clients.GetOrAdd((server, token), key =>
    {
        var channel = GrpcChannel.ForAddress(_addresses[key.Item1]);
        _channels.Add(channel);
        return new BookingService.BookingServiceClient(channel.Intercept(metadata =>
        {
            metadata.Add("authorization", "Bearer " + key.Item2);
            return metadata;
        }));
    });

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync(int server)
    {
        await _servers[server]!.KillAsync();
        await _servers[server]!.DisposeAsync();
        _servers[server] = null;
    }

    /// <summary>A count, asked of the database itself.</summary>
    public async Task<long> CountAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(_connection);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        return Convert.ToInt64(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Runs a statement past both servers.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(_connection);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Pairs of occupying rows that overlap, in plain comparisons of each row with the one that ends latest before it.</summary>
    public Task<long> OverlapsAsync() => CountAsync(
        "SELECT count(*) FROM (SELECT lower(during) AS begins, max(upper(during)) OVER (PARTITION BY resource ORDER BY lower(during), booking ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ended " +
        "FROM occupancy WHERE occupies = 1) o WHERE begins < ended");

    public async ValueTask DisposeAsync()
    {
        foreach (var channel in _channels) channel.Dispose();
        foreach (var server in _servers.OfType<LabProcess>()) await server.DisposeAsync();
        _folder.Dispose();
    }

    private void Start(int server)
    {
        var data = Directory.CreateDirectory(_folder.File($"server-{server}")).FullName;
        File.WriteAllText(Path.Combine(data, "seed.json"), TestSeed.JsonWithGuardedRig);
        _servers[server] = LabProcess.Start("server", "battlab-server",
        [
            "--DataDirectory", data, "--SeedFile", Path.Combine(data, "seed.json"), "--Http", "http://127.0.0.1:0", "--Grpc", "http://127.0.0.1:0",
            "--Calendar", "postgres", "--PostgresConnection", new NpgsqlConnectionStringBuilder(_connection) { MaxPoolSize = 30 }.ConnectionString,
        ], _folder.File($"server-{server}.log"));
    }

    private async Task ListenAsync(int server)
    {
        var file = Path.Combine(_folder.File($"server-{server}"), "addresses.json");
        await Eventually.Async(() => File.Exists(file) || _servers[server]!.HasExited, TimeSpan.FromSeconds(60), "the server listens");
        Assert.False(_servers[server]!.HasExited, _servers[server]!.LastLines);
        _addresses[server] = JsonNode.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken))!["grpc"]!.GetValue<string>();
    }

    private static Google.Protobuf.WellKnownTypes.Timestamp Stamp(double hour) => BookingTimes.Stamp(Origin + Duration.FromSeconds(hour * 3600));
}
