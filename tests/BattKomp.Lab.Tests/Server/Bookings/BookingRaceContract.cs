using System.Diagnostics;
using BattKomp.Lab.Contracts;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>64 clients, each on its own connection, released at once over real gRPC: exactly one gets the time, the others a typed refusal.</summary>
public abstract class BookingRaceContract(BookingLabFixture fixture, ITestOutputHelper output)
{
    private const int Clients = 64;
    private static readonly TimeSpan P99 = TimeSpan.FromMilliseconds(500);
    private static readonly string[] Tokens = [TestSeed.DoctoralStudent, TestSeed.Teacher, TestSeed.CourseOwner, TestSeed.IndustryEngineer];
    private readonly BookingLab _lab = fixture.Lab.NewDays();

    private delegate Task Call(BookingService.BookingServiceClient client, int number, double hour);

    [Fact]
    public Task Scenario_54_the_same_window_goes_to_exactly_one_in_each_of_10_rounds() => RaceAsync(10, SameWindow, P99);

    [Fact, Trait("lane", "full")]
    public Task The_same_window_goes_to_exactly_one_in_each_of_100_rounds() => RaceAsync(100, SameWindow, P99);

    [Fact]
    public Task Overlapping_windows_that_differ_go_to_exactly_one() =>
        // Every window holds the instant hour + 0.5.
        RaceAsync(5, (client, i, hour) => BookAsync(client, hour + (i % 8 * 0.05), 0.55 + (i / 8 * 0.01), TestSeed.EbcChannel));

    [Fact]
    public Task Scenario_55_bundles_in_opposite_order_do_not_deadlock_and_exactly_one_wins() => RaceAsync(5, (client, i, hour) => i % 2 == 0
        ? BookAsync(client, hour, 1, TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(2), TestSeed.EbcChannel)
        : BookAsync(client, hour, 1, TestSeed.EbcChannel, TestSeed.CyclerChannel(2), TestSeed.CyclerChannel(3)));

    [Fact]
    public async Task A_booking_and_an_outage_never_both_get_the_time()
    {
        await RaceAsync(5, (client, i, hour) => i % 2 == 0
            ? BookAsync(client, hour, 1, TestSeed.EbcChannel)
            : client.CreateOutageAsync(new CreateOutageRequest { Outage = new Outage { Resources = { TestSeed.EbcRig }, Window = _lab.Window(hour, 1), Why = "race" } }).ResponseAsync,
            tokenOf: i => i % 2 == 0 ? Tokens[i / 2 % Tokens.Length] : TestSeed.LabManager);
    }

    private Task SameWindow(BookingService.BookingServiceClient client, int number, double hour) => BookAsync(client, hour, 1, TestSeed.EbcChannel);

    private Task BookAsync(BookingService.BookingServiceClient client, double hour, double hours, params string[] channels) =>
        client.CreateBookingAsync(new CreateBookingRequest { Booking = _lab.Wish(hour, hours, channels), RequestId = Guid.NewGuid().ToString() }).ResponseAsync;

    private async Task RaceAsync(int rounds, Call call, TimeSpan? bound = null, Func<int, string>? tokenOf = null)
    {
        var clients = Enumerable.Range(0, Clients).Select(i => _lab.As(tokenOf?.Invoke(i) ?? Tokens[i % Tokens.Length])).ToArray();
        // Connections are open and the code is compiled before the first measured round.
        for (var i = 0; i < 3; i++)
            await Task.WhenAll(clients.Select((client, n) => OneAsync(Task.CompletedTask, client, n, call, -2)));
        var latencies = new List<TimeSpan>();
        for (var round = 0; round < rounds; round++)
        {
            var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var tasks = clients.Select((client, i) => OneAsync(gate.Task, client, i, call, round * 2)).ToList();
            gate.SetResult();
            var results = await Task.WhenAll(tasks);
            Assert.Equal(1, results.Count(r => r.Won));
            latencies.AddRange(results.Select(r => r.Took));
        }
        latencies.Sort();
        var p99 = latencies[(int)(latencies.Count * 0.99)];
        output.WriteLine($"{rounds} rounds of {Clients}: p50 {latencies[latencies.Count / 2].TotalMilliseconds:0} ms, p99 {p99.TotalMilliseconds:0} ms, worst {latencies[^1].TotalMilliseconds:0} ms");
        Assert.True(bound is null || p99 < bound, $"p99 was {p99.TotalMilliseconds:0} ms");
        Assert.Equal(0, await _lab.OverlapsAsync());
    }

    private static async Task<(bool Won, TimeSpan Took)> OneAsync(Task gate, BookingService.BookingServiceClient client, int number, Call call, double hour)
    {
        await gate;
        var started = Stopwatch.GetTimestamp();
        try
        {
            await call(client, number, hour);
            return (true, Stopwatch.GetElapsedTime(started));
        }
        catch (RpcException e)
        {
            var took = Stopwatch.GetElapsedTime(started);
            Assert.Equal("BOOKING_REFUSED", ErrorCatalogue.InfoOf(e)?.Reason);
            Assert.All(e.GetRpcStatus()!.GetDetail<Refusal>()!.Violations, v => Assert.Contains(v.Reason, new[] { "CHANNEL_OCCUPIED", "CHANNEL_OUTAGE" }));
            return (false, took);
        }
    }
}

/// <summary>Races are timed, so nothing else of this run works beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    /// <summary>The collection.</summary>
    public const string Name = "alone";
}

/// <summary>On the embedded database.</summary>
[Collection(Alone.Name)]
public sealed class SqliteBookingRaceTests(SqliteLab lab, ITestOutputHelper output) : BookingRaceContract(lab, output), IClassFixture<SqliteLab>;

/// <summary>On a real PostgreSQL.</summary>
[Collection(Alone.Name)]
public sealed class PostgresBookingRaceTests(PostgresLab lab, ITestOutputHelper output) : BookingRaceContract(lab, output), IClassFixture<PostgresLab>;
