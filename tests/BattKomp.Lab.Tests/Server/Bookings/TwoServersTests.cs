using System.Collections.Concurrent;
using BattKomp.Lab.Contracts;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>Two server processes on one PostgreSQL: the calendar is one, whoever is asked, and goes on when one of them dies.</summary>
[Collection(Alone.Name)]
[Trait("lane", "full")]
public sealed class TwoServersTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Clients = 32;
    private static readonly string[] Tokens = [TestSeed.DoctoralStudent, TestSeed.Teacher, TestSeed.CourseOwner, TestSeed.IndustryEngineer];
    private TwoServers _servers = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _servers = await TwoServers.StartAsync();

    public ValueTask DisposeAsync() => _servers.DisposeAsync();

    [Fact]
    public async Task The_same_window_asked_of_both_servers_at_once_goes_to_exactly_one()
    {
        for (var round = 0; round < 20; round++)
        {
            var outcomes = await RaceAsync(round, (server, i, hour) => CreateAsync(server, i, hour, 1, Guid.NewGuid().ToString(), TestSeed.EbcChannel));
            Assert.Equal(1, outcomes.Count(won => won));
        }
        Assert.Equal(0, await _servers.OverlapsAsync());
    }

    [Fact]
    public async Task Bundles_in_opposite_order_on_two_servers_do_not_deadlock_and_exactly_one_wins()
    {
        for (var round = 0; round < 10; round++)
        {
            var outcomes = await RaceAsync(round, (server, i, hour) => server == 0
                ? CreateAsync(server, i, hour, 1, "", TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(2), TestSeed.EbcChannel)
                : CreateAsync(server, i, hour, 1, "", TestSeed.EbcChannel, TestSeed.CyclerChannel(2), TestSeed.CyclerChannel(3)));
            Assert.Equal(1, outcomes.Count(won => won));
        }
        Assert.Equal(0, await _servers.OverlapsAsync());
    }

    [Fact]
    public async Task A_booking_on_one_server_and_an_outage_on_the_other_never_both_get_the_time()
    {
        for (var round = 0; round < 10; round++)
        {
            var outcomes = await RaceAsync(round, (server, i, hour) => server == 0
                ? CreateAsync(server, i, hour, 1, "", TestSeed.EbcChannel)
                : _servers.As(1, TestSeed.LabManager).CreateOutageAsync(new CreateOutageRequest { Outage = new Outage { Resources = { TestSeed.EbcRig }, Window = TwoServers.Window(hour, 1), Why = "race" } }).ResponseAsync);
            Assert.Equal(1, outcomes.Count(won => won));
        }
        Assert.Equal(0, await _servers.OverlapsAsync());
    }

    [Fact]
    public async Task A_create_on_one_server_and_a_move_on_the_other_never_both_get_the_time()
    {
        for (var round = 0; round < 10; round++)
        {
            var movable = await Task.WhenAll(Enumerable.Range(0, Clients / 2).Select(i => CreateAsync(1, 0, 3000 + (round * 20) + i, 1, "", TestSeed.EbcChannel)));
            var outcomes = await RaceAsync(round, (server, i, hour) => server == 0
                ? CreateAsync(server, i, hour, 1, "", TestSeed.EbcChannel)
                : _servers.As(1, Tokens[0]).ChangeBookingAsync(new ChangeBookingRequest
                {
                    Name = movable[i / 2].Name,
                    Booking = new Booking { Window = TwoServers.Window(hour, 1) },
                    UpdateMask = new Google.Protobuf.WellKnownTypes.FieldMask { Paths = { "window" } },
                }).ResponseAsync);
            Assert.Equal(1, outcomes.Count(won => won));
        }
        Assert.Equal(0, await _servers.OverlapsAsync());
    }

    [Fact]
    public async Task Approving_on_both_servers_at_once_answers_once()
    {
        for (var round = 0; round < 10; round++)
        {
            var asked = await CreateAsync(0, 0, 4000 + round, 1, "", TestSeed.GuardedChannel);
            Assert.Equal(BookingState.Pending, asked.State);
            var outcomes = await RaceAsync(round, (server, i, _) => i % 4 < 2
                ? _servers.As(server, TestSeed.LabManager).ApproveBookingAsync(new ApproveBookingRequest { Name = asked.Name }).ResponseAsync
                : _servers.As(server, TestSeed.LabManager).DeclineBookingAsync(new DeclineBookingRequest { Name = asked.Name, Reason = "no" }).ResponseAsync, "WRONG_STATE");
            Assert.Equal(1, outcomes.Count(won => won));
            Assert.Equal(1, await _servers.CountAsync($"SELECT count(*) FROM booking_steps WHERE booking = '{asked.Name}'"));
        }
    }

    [Fact]
    public async Task No_job_fires_twice_or_is_lost_when_a_server_is_killed_in_the_middle_of_them()
    {
        const int asked = 120;
        for (var i = 0; i < asked; i++) await CreateAsync(i % 2, 0, 5000 + i, 1, "", TestSeed.GuardedChannel);
        // All fall due at once, and both servers' sweeps set about them.
        await _servers.ExecuteAsync("UPDATE bookings SET expire_us = created_us WHERE state = 2");
        await Eventually.Async(async () => await _servers.CountAsync("SELECT count(*) FROM bookings WHERE state = 7") is > 0, TimeSpan.FromSeconds(60), "the first are swept");
        var before = await _servers.CountAsync("SELECT count(*) FROM bookings WHERE state = 7");
        await _servers.KillAsync(0);
        await Eventually.Async(async () => await _servers.CountAsync("SELECT count(*) FROM bookings WHERE state = 7") == asked, TimeSpan.FromSeconds(120), "the server that is left sweeps the rest");
        output.WriteLine($"{before} were swept when the server was killed");
        Assert.Equal(asked, await _servers.CountAsync("SELECT count(*) FROM booking_steps WHERE to_state = 7"));
        Assert.Equal(asked, await _servers.CountAsync("SELECT count(*) FROM demand_signals WHERE kind = 'approval-expired'"));
        Assert.Equal(0, await _servers.CountAsync("SELECT count(*) FROM occupancy WHERE occupies = 1"));
    }

    [Fact]
    public async Task A_request_id_replayed_on_the_other_server_returns_the_first_answer()
    {
        var id = Guid.NewGuid().ToString();
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => CreateAsync(i % 2, 0, 5000, 1, id, TestSeed.EbcChannel)));
        Assert.Single(answers.Select(a => a.Name).Distinct());
        Assert.Equal(1, await _servers.CountAsync($"SELECT count(*) FROM bookings WHERE name = '{answers[0].Name}'"));
    }

    [Fact]
    public async Task A_hundred_thousand_random_operations_with_a_server_killed_in_the_middle_leave_no_overlap_and_lose_no_answer()
    {
        const int workers = 16;
        const int operations = 100_000;
        var (accepted, cancelled, refused, moved, done) = (new ConcurrentBag<string>(), new ConcurrentDictionary<string, bool>(), 0, 0, 0);
        var killing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        async Task WorkAsync(int worker)
        {
            var random = new Random(worker);
            var mine = new List<string>();
            while (Interlocked.Increment(ref done) is var n && n <= operations)
            {
                if (n == operations / 2) killing.TrySetResult();
                var (server, id) = (worker % 2, Guid.NewGuid().ToString());
                var cancel = mine.Count > 0 && random.Next(10) < 4;
                var (hour, hours, channel) = (random.Next(100, 2000) + (random.Next(4) * 0.25), 0.25 + (random.Next(16) * 0.25), Channel(random.Next(5)));
                var victim = cancel ? mine[random.Next(mine.Count)] : "";
                while (true)
                {
                    try
                    {
                        if (cancel)
                        {
                            await _servers.As(server, Tokens[worker % 4]).CancelBookingAsync(new CancelBookingRequest { Name = victim, RequestId = id }, cancellationToken: Cancel);
                            cancelled[victim] = true;
                            mine.Remove(victim);
                        }
                        else
                        {
                            var made = await CreateAsync(server, worker, hour, hours, id, channel);
                            accepted.Add(made.Name);
                            mine.Add(made.Name);
                        }
                        break;
                    }
                    catch (RpcException e) when (ErrorCatalogue.InfoOf(e)?.Reason == "BOOKING_REFUSED")
                    {
                        Interlocked.Increment(ref refused);
                        break;
                    }
                    // The reply was lost with the server: the other one is asked the same again.
                    catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.Internal or StatusCode.Cancelled && server == 0)
                    {
                        Interlocked.Increment(ref moved);
                        server = 1;
                    }
                }
            }
        }

        var work = Enumerable.Range(0, workers).Select(worker => Task.Run(() => WorkAsync(worker), Cancel)).ToList();
        await killing.Task.WaitAsync(TimeSpan.FromMinutes(10), Cancel);
        await _servers.KillAsync(0);
        await Task.WhenAll(work);

        output.WriteLine($"{accepted.Count} made, {cancelled.Count} cancelled, {refused} refused, {moved} asked again of the other server");
        Assert.True(moved > 0, "the killed server had callers");
        Assert.Equal(0, await _servers.OverlapsAsync());
        Assert.Equal(accepted.Count, accepted.Distinct().Count());
        // Every answer is a row and every row was answered: a replay after a lost reply made nothing twice.
        Assert.Equal(accepted.Count, await _servers.CountAsync("SELECT count(*) FROM bookings"));
        Assert.Equal(cancelled.Count, await _servers.CountAsync("SELECT count(*) FROM bookings WHERE state = 6"));
        Assert.Equal(accepted.Count - cancelled.Count, await _servers.CountAsync("SELECT count(*) FROM occupancy WHERE occupies = 1"));
    }

    private static string Channel(int number) => number == 0 ? TestSeed.EbcChannel : TestSeed.CyclerChannel(number);

    private async Task<Booking> CreateAsync(int server, int client, double hour, double hours, string requestId, params string[] channels) =>
        await _servers.As(server, Tokens[client % Tokens.Length]).CreateBookingAsync(new CreateBookingRequest { Booking = TwoServers.Wish(hour, hours, channels), RequestId = requestId }, cancellationToken: Cancel);

    private static async Task<bool[]> RaceAsync(int round, Func<int, int, double, Task> call, string lost = "BOOKING_REFUSED")
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var racing = Enumerable.Range(0, Clients).Select(async i =>
        {
            await gate.Task;
            try
            {
                await call(i % 2, i, 24 + (round * 2));
                return true;
            }
            catch (RpcException e)
            {
                Assert.Equal(lost, ErrorCatalogue.InfoOf(e)?.Reason);
                return false;
            }
        }).ToList();
        gate.SetResult();
        return await Task.WhenAll(racing);
    }
}
