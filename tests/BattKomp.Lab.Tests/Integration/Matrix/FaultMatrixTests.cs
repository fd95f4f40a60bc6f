using BattKomp.Lab.Demo;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Integration.Matrix;

/// <summary>
/// Faults × instruments. Each test is a row: one lab with every column that the fault can meet, the fault, an immediate stop within each driver's declared
/// time to safe, and then the account: nothing that was journalled is missing or doubled in the store, and the outages are exactly the holes.
/// </summary>
[Trait("lane", "full")]
public sealed class FaultMatrixTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private readonly IReadOnlyList<Column> _all = MatrixBenches.All();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Killing_the_agent_leaves_one_told_outage_on_every_line()
    {
        await using var lab = await MatrixLab.StartAsync(_all);
        await lab.Lab.KillAgentAsync();
        await lab.Lab.RestartAgentAsync(Cancel);
        await lab.MoreRecordsAsync(10, _all);
        foreach (var account in await CloseAsync(lab))
            Assert.True(account.Streams.Count >= 2, "a new boot opens a new stream");
    }

    [Fact]
    public async Task Killing_the_server_leaves_no_trace_in_the_records()
    {
        await using var lab = await MatrixLab.StartAsync(_all);
        await lab.Lab.KillServerAsync();
        await lab.SecondsOfRecordsAsync(2);
        await lab.Lab.RestartServerAsync(Cancel);
        await lab.Lab.AgentBackOnLineAsync(Cancel);
        await lab.MoreRecordsAsync(10, _all);
        Assert.All(await CloseAsync(lab), NobodyStoppedListening);
    }

    [Fact]
    public async Task Cutting_the_power_of_the_agent_loses_nothing_that_was_acknowledged()
    {
        var agent = new InProcessAgent(new ShiftedTime(), output.WriteLine);
        await using var lab = await MatrixLab.StartAsync(_all, inProcess: agent);
        for (var cut = 0; cut < 3; cut++)
        {
            var acknowledged = await lab.RecordsAsync();
            await agent.CutPowerAsync(seed: cut);
            await lab.Lab.RestartAgentAsync(Cancel);
            await lab.MoreRecordsAsync(10, _all);
            Assert.All(await lab.RecordsAsync(), after => Assert.True(after.Value >= acknowledged[after.Key]));
        }
        await CloseAsync(lab);
    }

    [Fact]
    public async Task Filling_the_disk_of_the_agent_stops_runs_safely_and_keeps_what_was_held_back()
    {
        var agent = new InProcessAgent(new ShiftedTime(), output.WriteLine);
        await using var lab = await MatrixLab.StartAsync(_all, inProcess: agent);
        agent.LimitDisk(1);
        foreach (var column in _all.Where(c => c.Powered))
            await lab.OffAsync(column);
        agent.LimitDisk(long.MaxValue);
        await CloseAsync(lab);
    }

    [Fact]
    public async Task Filling_the_disk_of_the_server_only_delays_what_the_agents_hold()
    {
        using var disk = new TinyDisk(96);
        await using var lab = await MatrixLab.StartAsync(_all, new DemoOptions { ServerData = disk.Folder });
        disk.Fill();
        await lab.SecondsOfRecordsAsync(5);
        disk.Free();
        await lab.MoreRecordsAsync(10, _all);
        await CloseAsync(lab);
    }

    [Fact]
    public async Task Freezing_the_broker_is_told_and_its_messages_come_once()
    {
        await using var broker = await Mosquitto.StartAsync();
        IReadOnlyList<Column> columns = [MatrixBenches.Mqtt()];
        await using var lab = await MatrixLab.StartAsync(columns, new DemoOptions { BrokerPort = broker.Port });
        broker.Freeze();
        await lab.SecondsOfRecordsAsync(12);
        broker.Thaw();
        await lab.MoreRecordsAsync(50, columns);
        // The cycler counts: what it held back arrives with its own stamps, so that nothing is missing.
        Assert.Equal(0, Missing(await CloseAsync(lab)));
    }

    [Fact]
    public async Task A_broker_that_drops_what_its_queue_cannot_hold_leaves_exactly_told_holes()
    {
        await using var broker = await Mosquitto.StartAsync(queued: 20);
        IReadOnlyList<Column> columns = [MatrixBenches.Mqtt()];
        await using var lab = await MatrixLab.StartAsync(columns, new DemoOptions { BrokerPort = broker.Port });
        await lab.Lab.KillAgentAsync();
        var acked = lab.Lab.Cycler.Acked;
        await lab.Lab.UntilAsync(() => Task.FromResult(lab.Lab.Cycler.Acked > acked + 100), TimeSpan.FromSeconds(60), "the broker takes what it will not keep", Cancel);
        await lab.Lab.RestartAgentAsync(Cancel);
        await lab.MoreRecordsAsync(30, columns);
        await lab.StopAsync();
        var account = Assert.Single(await lab.AccountAsync(holesAreTold: false));
        var missing = Missing([account]);
        Assert.True(missing > 50, $"{missing} messages were dropped by the broker");
        Assert.Equal(missing, Told(account));
    }

    [Fact]
    public async Task A_port_that_comes_back_under_another_name_is_found_again()
    {
        var hangUp = new Fault { Kind = FaultKind.HangUp, FromSeconds = 40, ToSeconds = 44 };
        var columns = MatrixBenches.Serial(hangUp);
        await using var lab = await MatrixLab.StartAsync(columns);
        await lab.UntilSimulatorsAreOldAsync(46);
        await lab.MoreRecordsAsync(10, columns);
        foreach (var account in await CloseAsync(lab))
            Assert.Contains(account.Outages, o => o.Cause == "port_lost");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task A_step_of_the_wall_clock_alters_no_stamp_and_opens_a_new_stream(int hours)
    {
        var time = new ShiftedTime();
        await using var lab = await MatrixLab.StartAsync(_all, inProcess: new InProcessAgent(time, output.WriteLine));
        time.Forward(hours * Hour);
        await lab.MoreRecordsAsync(10, _all);
        await lab.StopAsync();
        foreach (var account in await lab.AccountAsync(holesAreTold: false))
        {
            account.StampsRiseWithinStreams();
            if (account.Streams[0].ClockQuality == ClockQuality.Device)
                continue;
            Assert.Equal(2, account.Streams.Count);
            Assert.Equal(ClockQuality.Stepped, account.Streams[1].ClockQuality);
            Assert.InRange((account.Streams[1].AnchorUtcNs - account.Streams[0].AnchorUtcNs) / 1e9 - hours * 3600.0, -1, 60);
            NobodyStoppedListening(account);
        }
    }

    [Fact]
    public async Task A_clock_that_begins_in_1970_neither_keeps_a_run_from_starting_nor_from_ending()
    {
        var time = new ShiftedTime();
        time.Forward(DateTimeOffset.UnixEpoch - time.GetUtcNow());
        await using var lab = await MatrixLab.StartAsync(_all, inProcess: new InProcessAgent(time, output.WriteLine));
        foreach (var account in await CloseAsync(lab))
            Assert.NotEqual(ClockQuality.Synced, account.Streams[0].ClockQuality);
    }

    [Fact]
    public async Task A_cloned_agent_adds_nothing_and_what_the_fenced_one_sends_is_kept_apart()
    {
        await using var lab = await MatrixLab.StartAsync(_all);
        await using (await lab.Lab.CloneAgentAsync(Cancel))
        {
            // The copy has the newer boot: the original is fenced, keeps its journal and says so.
            await lab.Lab.AgentOnLineAsync(Cancel);
            await lab.SecondsOfRecordsAsync(3);
        }
        // What its operator is told to do.
        await lab.Lab.KillAgentAsync();
        await lab.Lab.RestartAgentAsync(Cancel);
        await lab.MoreRecordsAsync(10, _all);
        await lab.StopAsync();
        // The copy closed the streams where its image ended: what the original sent into them after that lies in quarantine, not away.
        await lab.AccountAsync(keptApart: true);
    }

    [Fact]
    public async Task Killing_and_freezing_InfluxDB_only_delays_what_the_agents_hold()
    {
        await using var influx = await InfluxServer.StartAsync();
        var options = new DemoOptions { ServerArguments = ["--Telemetry:Store", "influx", "--Telemetry:Influx:Url", influx.Url, "--Telemetry:Influx:Database", "matrix"] };
        await using var lab = await MatrixLab.StartAsync(_all, options);
        await influx.KillAsync();
        await lab.SecondsOfRecordsAsync(3);
        await influx.RunAsync();
        await lab.MoreRecordsAsync(10, _all);
        influx.Freeze();
        await lab.SecondsOfRecordsAsync(4);
        influx.Thaw();
        await lab.MoreRecordsAsync(10, _all);
        Assert.All(await CloseAsync(lab), NobodyStoppedListening);
    }

    [Fact]
    public async Task Late_replies_never_answer_the_next_question()
    {
        var late = new Fault { Kind = FaultKind.LateReply, FromSeconds = 15, ToSeconds = 40, Probability = 0.3 };
        var columns = MatrixBenches.Serial(late).Where(c => c.Asked).ToList();
        await using var lab = await MatrixLab.StartAsync(columns);
        await lab.UntilSimulatorsAreOldAsync(42);
        await lab.MoreRecordsAsync(10, columns);
        foreach (var account in await CloseAsync(lab))
            account.ValuesStayPlausible();
    }

    [Fact]
    public async Task Noise_of_one_bit_in_ten_thousand_yields_no_wrong_record()
    {
        var noise = new Fault { Kind = FaultKind.BitNoise, FromSeconds = 12, ToSeconds = 60, Probability = 1e-4 };
        var columns = MatrixBenches.Serial(noise);
        await using var lab = await MatrixLab.StartAsync(columns);
        await lab.UntilSimulatorsAreOldAsync(50);
        await lab.StopAsync(timed: false);
        foreach (var account in await lab.AccountAsync())
            account.ValuesStayPlausible();
    }

    private async Task<IReadOnlyList<ColumnAccount>> CloseAsync(MatrixLab lab)
    {
        await lab.StopAsync();
        var accounts = await lab.AccountAsync();
        foreach (var a in accounts)
            output.WriteLine($"{a.Streams.FirstOrDefault()?.Protocol}: {a.Journalled} records, {a.Streams.Count} streams, {a.Outages.Count} outages, {a.Notes.Count} notes, {a.Doubtful} doubtful");
        return accounts;
    }

    // A busy machine may miss a poll or two; that is told, and is not the fault's doing.
    private static void NobodyStoppedListening(ColumnAccount account) => Assert.All(account.Outages, o => Assert.Equal("no_answer", o.Cause));

    private static long Missing(IReadOnlyList<ColumnAccount> accounts) => accounts.Sum(a => a.Counters.Count == 0 ? 0 : a.Counters.Max() - a.Counters.Count);

    // "device records 12 to 90 never arrived"
    private static long Told(ColumnAccount account) => account.Notes.Where(n => n.Cause == "device_counter_gap")
        .Select(n => n.Detail.Split(' ').Where(w => long.TryParse(w, out _)).Select(long.Parse).ToList()).Sum(r => r[1] - r[0] + 1);
}
