using System.Text.Json.Nodes;
using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Tests.Cli;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.Tests.Server.Procedures;
using BattKomp.Lab.Tests.Server.Runs;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using Action = BattKomp.Lab.V1.AlarmRule.Types.Action;
using Kind = BattKomp.Lab.V1.AlarmRule.Types.Kind;
using State = BattKomp.Lab.V1.ChannelReport.Types.State;

namespace BattKomp.Lab.Tests.Server.Leases;

/// <summary>Alarms, calibrations and the attended mark on their way from catalogue and cell test into the lease, the run and the eyes of people.</summary>
public sealed class LeaseContentsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_lease_carries_the_alarms_of_test_and_rig_the_calibrations_in_force_and_the_attended_mark()
    {
        await using var lab = await StartAsync(rig =>
        {
            rig["alarms"] = new JsonArray(new JsonObject { ["id"] = "rig-hot", ["kind"] = "ABOVE", ["signal"] = "temperature_t1_celsius", ["limit"] = 55, ["action"] = "STOP_INCIDENT" });
            rig["attendedOnly"] = true;
        });
        var test = await CellTestAsync(lab, Rule("cell-hot", 45));
        var booking = await BookAsync(lab, test);
        Assert.Contains("attended only", booking.Notices[0], StringComparison.Ordinal);
        Assert.Equal([booking.Notices[0]], (await lab.BookingAsync(booking.Name)).Notices);
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var leased = (await agent.TakeLeaseAsync()).Channels[0];
        Assert.Equal(["cell-hot", "rig-hot"], leased.Alarms.Select(a => a.Id));
        Assert.Equal(["calibrations/ebc-1-v"], leased.Calibrations);
        Assert.True(leased.AttendedOnly);
    }

    [Fact]
    public async Task An_overdue_calibration_is_not_in_force_and_flags_the_run()
    {
        await using var lab = await StartAsync(rig => rig["instruments"]![0]!["calibrations"]![0]!["due"]!["year"] = 2026);
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var leased = (await agent.TakeLeaseAsync()).Channels[0];
        Assert.Empty(leased.Calibrations);
        await agent.ReportAsync(TestSeed.EbcChannel, leased.Run, State.Energised);
        var run = await lab.AwaitStateAsync(leased.Run, RunState.RunningNow);
        Assert.Contains("calibration_overdue", run.Flags);
        Assert.Empty(run.Calibrations);
    }

    [Fact]
    public async Task Every_mistake_of_alarm_rules_is_told_at_once()
    {
        await using var lab = await RunLab.StartAsync();
        var wrong = new AlarmRule[]
        {
            new() { Id = "Hot!", Kind = Kind.Above, Signal = "Voltage / V", Limit = double.NaN, Action = Action.Record },
            new() { Id = "a", Kind = Kind.Rate, Signal = "voltage_volt", Limit = -1, OverSeconds = 0.1, Action = Action.StopSafe },
            new() { Id = "a", Kind = Kind.Silence, Signal = "voltage_volt", OverSeconds = 30 },
        };
        var fields = (await Refused.WithAsync(Reason.FieldsInvalid, () => CellTestAsync(lab, wrong))).Fields();
        foreach (var field in (string[])["cell_test.alarms[0].id", "cell_test.alarms[0].signal", "cell_test.alarms[0].limit", "cell_test.alarms", "cell_test.alarms[1].limit",
            "cell_test.alarms[1].over_seconds", "cell_test.alarms[2].signal", "cell_test.alarms[2].action"])
            Assert.Contains(field, fields);
        Assert.Equal(8, fields.Count);
    }

    [Fact]
    public async Task An_agent_that_says_a_channel_has_no_guard_marks_its_rig_for_every_later_booking()
    {
        await using var lab = await RunLab.StartAsync();
        Assert.Empty((await lab.BookAsync()).Notices);
        await using var stranger = await ScriptedAgent.ConnectAsync(lab.Lab, TestSeed.OtherAgent, TestSeed.OtherAgentName);
        await stranger.SayAsync(Attended(TestSeed.CyclerChannel(1)));
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        await agent.SayAsync(Attended(TestSeed.EbcChannel));
        var rigs = new LabService.LabServiceClient(lab.Lab.As(TestSeed.Teacher));
        await Eventually.Async(async () => (await rigs.GetRigAsync(new GetRigRequest { Name = TestSeed.EbcRig }, cancellationToken: Cancel)).AttendedOnly, TimeSpan.FromSeconds(15), "the rig is marked");
        Assert.False((await rigs.GetRigAsync(new GetRigRequest { Name = TestSeed.CyclerRig }, cancellationToken: Cancel)).AttendedOnly);
        var remote = await Battlab.AsAsync(lab.Lab.GrpcAddress, TestSeed.Teacher, "rigs", "list");
        Assert.Contains("attended only", remote.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Alarms_and_incidents_in_the_stream_reach_lists_watchers_and_the_command_line()
    {
        await using var lab = await RunLab.StartAsync();
        var key = IngestLab.Key();
        using var line = await IngestLine.OpenAsync(lab.Lab);
        await line.SendAsync(lab.Opened(key, TestSeed.EbcChannel, "", ""), IngestLab.Records(key, 1, 5),
            Event(key, 6, StreamEvent.Types.Kind.Alarm, "cell-hot"), Event(key, 7, StreamEvent.Types.Kind.AlarmCleared, "cell-hot"),
            Event(key, 8, StreamEvent.Types.Kind.Incident, "limit_celsius"));
        await line.AckOfAsync(key, 8);
        var staff = lab.Runs(TestSeed.LabManager);
        var run = Assert.Single((await staff.ListRunsAsync(new ListRunsRequest { Of = TestSeed.EbcChannel }, cancellationToken: Cancel)).Runs).Name;

        var first = await staff.ListRunEventsAsync(new ListRunEventsRequest { Name = run, PageSize = 2 }, cancellationToken: Cancel);
        var second = await staff.ListRunEventsAsync(new ListRunEventsRequest { Name = run, PageSize = 2, PageToken = first.NextPageToken }, cancellationToken: Cancel);
        Assert.Equal([("ALARM", "cell-hot", 6L), ("ALARM_CLEARED", "cell-hot", 7L), ("INCIDENT", "limit_celsius", 8L)],
            first.Events.Concat(second.Events).Select(e => (e.Kind, e.Cause, e.Sequence)));
        Assert.Equal("", second.NextPageToken);

        using var watch = staff.WatchRun(new WatchRunRequest { Name = run, Replay = true }, cancellationToken: Cancel);
        var told = new List<string>();
        while (told.Count < 3 && await watch.ResponseStream.MoveNext(Cancel)) told.AddRange(watch.ResponseStream.Current.Events.Select(e => e.Kind));
        await line.SendAsync(Event(key, 9, StreamEvent.Types.Kind.Alarm, "late"));
        while (told.Count < 4 && await watch.ResponseStream.MoveNext(Cancel)) told.AddRange(watch.ResponseStream.Current.Events.Select(e => e.Cause));
        Assert.Equal(["ALARM", "ALARM_CLEARED", "INCIDENT", "late"], told);

        var text = await Battlab.AsAsync(lab.Lab.GrpcAddress, TestSeed.LabManager, "runs", "events", run);
        Assert.Contains("ALARM cell-hot", text.Text, StringComparison.Ordinal);
        Assert.Contains("INCIDENT limit_celsius", text.Text, StringComparison.Ordinal);
        await line.EndAsync();
    }

    [Theory]
    [InlineData("PHYSICAL", true, new[] { "no_lease", "simulated", "simulated_on_physical" })]
    [InlineData("PHYSICAL", false, new[] { "no_lease" })]
    [InlineData("VIRTUAL", false, new[] { "no_lease", "simulated" })]
    [InlineData("VIRTUAL", true, new[] { "no_lease", "simulated" })]
    public async Task Simulated_data_says_so_in_a_physical_lab_and_everything_of_a_virtual_lab_is_simulated_to_the_dataset(string kind, bool simulated, string[] flags)
    {
        await using var lab = await RunLab.StartAsync(settings: o => EditSeed(o.SeedFile, seed => seed["labs"]![0]!["kind"] = kind));
        var key = IngestLab.Key();
        var opened = lab.Opened(key, TestSeed.EbcChannel, "", "");
        opened.Opened.Simulated = simulated;
        using (var line = await IngestLine.OpenAsync(lab.Lab))
        {
            await line.SendAsync(opened, IngestLab.Records(key, 1, 10), IngestLab.Closed(key, 10));
            Assert.False((await line.AckOfAsync(key, 10)).Quarantined);
            await line.EndAsync();
        }
        var run = Assert.Single((await lab.Runs(TestSeed.LabManager).ListRunsAsync(new ListRunsRequest { Of = TestSeed.EbcChannel }, cancellationToken: Cancel)).Runs);
        Assert.Equal(flags, run.Flags);
        var made = await new DatasetService.DatasetServiceClient(lab.Lab.As(TestSeed.LabManager)).CreateDatasetAsync(
            new CreateDatasetRequest { Dataset = new Dataset { Of = run.Name } }, cancellationToken: Cancel);
        Assert.Equal(flags.Contains("simulated"), made.Simulated);
    }

    private static AgentReport Attended(string channel) => new() { Channel = new ChannelReport { Channel = channel, State = State.Idle, AttendedOnly = true } };

    private static Entry Event(StreamKey key, long seq, StreamEvent.Types.Kind kind, string cause) => new()
    {
        Key = key,
        FirstSeq = seq,
        Event = new StreamEvent { Kind = kind, Cause = cause, UtcNs = IngestLab.Anchor + seq * 1_000_000 },
    };

    private static AlarmRule Rule(string id, double limit) => new() { Id = id, Kind = Kind.Above, Signal = "temperature_t1_celsius", Limit = limit, Action = Action.StopSafe };

    private static async Task<CellTest> CellTestAsync(RunLab lab, params AlarmRule[] alarms)
    {
        var procedure = await new ProcedureService.ProcedureServiceClient(lab.Lab.As(TestSeed.DoctoralStudent))
            .CreateProcedureAsync(Programs.Create("cycle", Programs.Cycle()), cancellationToken: Cancel);
        var test = new CellTest { Title = "A test", TestObject = TestSeed.TestObject, Procedure = procedure.Name, Alarms = { alarms } };
        return await lab.Runs(TestSeed.DoctoralStudent).CreateCellTestAsync(new CreateCellTestRequest { CellTest = test }, cancellationToken: Cancel);
    }

    private static async Task<Booking> BookAsync(RunLab lab, CellTest test)
    {
        var now = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(lab.Time.GetUtcNow());
        var wish = new Booking
        {
            Channels = { TestSeed.EbcChannel },
            Window = new TimeWindow { Start = now, End = now + Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromHours(12)) },
            Purpose = "research",
            ActivityClass = "research",
            EducationLevel = "none",
            Headcount = 1,
            Presence = Presence.OnSite,
            CellTest = test.Name,
            Procedure = test.Procedure,
        };
        return await lab.Bookings(TestSeed.DoctoralStudent).CreateBookingAsync(new CreateBookingRequest { Booking = wish }, cancellationToken: Cancel);
    }

    private static Task<RunLab> StartAsync(Action<JsonNode> rig) => RunLab.StartAsync(settings: o => EditSeed(o.SeedFile, seed => rig(seed["rigs"]!.AsArray().Single(r => r!["name"]!.GetValue<string>() == TestSeed.EbcRig)!)));

    private static void EditSeed(string file, Action<JsonNode> edit)
    {
        var seed = JsonNode.Parse(File.ReadAllText(file))!;
        edit(seed);
        File.WriteAllText(file, seed.ToJsonString());
    }
}
