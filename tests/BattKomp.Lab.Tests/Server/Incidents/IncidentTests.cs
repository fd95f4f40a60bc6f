using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Tests.Cli;
using BattKomp.Lab.Tests.Server.Runs;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using LabIncidents = BattKomp.Lab.Server.Features.Incidents.Incidents;

namespace BattKomp.Lab.Tests.Server.Incidents;

/// <summary>Incidents lock a rig and keep its evidence until a lab manager has released them.</summary>
public sealed class IncidentTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(15);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory, InlineData("sqlite"), InlineData("postgres")]
    public async Task A_report_locks_the_rig_once_freezes_its_run_and_the_release_reaches_the_agent(string dialect)
    {
        await using var lab = await RunLab.StartAsync(dialect);
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var run = (await agent.TakeLeaseAsync()).Channels[0].Run;
        await agent.SayAsync(Report("i-1", TestSeed.EbcChannel, run));
        await agent.SayAsync(Report("i-1", TestSeed.EbcChannel, run));
        var incident = await OnlyAsync(lab);
        Assert.Equal((TestSeed.EbcRig, TestSeed.EbcChannel, "limit_volt", TestSeed.AgentName, Incident.Types.State.Open, 77L),
            (incident.Rig, incident.Channel, incident.Cause, incident.OpenedBy, incident.State, incident.AgentUtcNs));
        Assert.Equal([run], incident.Runs);
        Assert.True(await LockedAsync(lab, TestSeed.EbcRig));
        Assert.False(await LockedAsync(lab, TestSeed.CyclerRig));
        Assert.True(await lab.Get<LabIncidents>().IsFrozenAsync(run, Cancel));

        var release = new ReleaseIncidentRequest { Name = incident.Name, Reason = "fuse changed", RequestId = "r1" };
        await Refused.WithAsync(Reason.NotAllowed, () => Client(lab, TestSeed.Teacher).ReleaseIncidentAsync(release, cancellationToken: Cancel).ResponseAsync);
        var silent = new ReleaseIncidentRequest { Name = incident.Name };
        Assert.Equal(["reason"], (await Refused.WithAsync(Reason.FieldsInvalid, () => Client(lab).ReleaseIncidentAsync(silent, cancellationToken: Cancel).ResponseAsync)).Fields());
        var released = await Client(lab).ReleaseIncidentAsync(release, cancellationToken: Cancel);
        Assert.Equal(("persons/manager", "fuse changed", Incident.Types.State.Released), (released.ReleasedBy, released.ReleaseReason, released.State));
        Assert.Equal(released, await Client(lab).ReleaseIncidentAsync(release, cancellationToken: Cancel));
        Assert.False(await LockedAsync(lab, TestSeed.EbcRig));
        Assert.False(await lab.Get<LabIncidents>().IsFrozenAsync(run, Cancel));
        var order = await agent.ExpectAsync(AgentOrder.OrderOneofCase.Release);
        Assert.Equal((TestSeed.EbcChannel, "fuse changed"), (order.Release.Channel, order.Release.Reason));
        release.RequestId = "r2";
        await Refused.WithAsync(Reason.WrongState, () => Client(lab).ReleaseIncidentAsync(release, cancellationToken: Cancel).ResponseAsync);

        // The agent's line broke before it heard: it tells again, and is told again.
        await agent.SayAsync(new AgentReport { OrderDone = new OrderDone { OrderId = order.OrderId, Channel = TestSeed.EbcChannel, Done = true } });
        await agent.SayAsync(Report("i-1", TestSeed.EbcChannel, run));
        await agent.ExpectAsync(AgentOrder.OrderOneofCase.Release, 1);
        Assert.False(await LockedAsync(lab, TestSeed.EbcRig));
    }

    [Fact]
    public async Task A_locked_rig_gets_no_lease_and_its_neighbouring_channels_go_to_their_safe_step()
    {
        await using var lab = await RunLab.StartAsync();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var booking = await lab.BookAsync(channels: [TestSeed.CyclerChannel(2)]);
        await agent.SayAsync(Report("i-2", TestSeed.CyclerChannel(1), ""));
        await OnlyAsync(lab);
        for (var i = 0; i < 3; i++)
        {
            var stop = (await agent.ExpectAsync(AgentOrder.OrderOneofCase.Stop, i)).Stop;
            Assert.Equal((StopMode.Safe, true), (stop.Mode, stop.Lock));
            Assert.NotEqual(TestSeed.CyclerChannel(1), stop.Channel);
        }
        await lab.SweepAsync<LeaseIssue>();
        Assert.Equal(0, await lab.CountAsync("leases"));
        Assert.Contains("is locked", (await lab.BookingAsync(booking.Name)).StateReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_rig_stays_locked_until_its_last_incident_is_released()
    {
        await using var lab = await RunLab.StartAsync();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        await agent.SayAsync(Report("a", TestSeed.CyclerChannel(1), ""));
        await agent.SayAsync(Report("b", TestSeed.CyclerChannel(2), ""));
        await Eventually.Async(async () => (await OpenAsync(lab)).Count == 2, Bound, "two incidents are open");
        var open = await OpenAsync(lab);
        await Client(lab).ReleaseIncidentAsync(new ReleaseIncidentRequest { Name = open[0].Name, Reason = "looked" }, cancellationToken: Cancel);
        Assert.True(await LockedAsync(lab, TestSeed.CyclerRig));
        await Client(lab).ReleaseIncidentAsync(new ReleaseIncidentRequest { Name = open[1].Name, Reason = "looked" }, cancellationToken: Cancel);
        Assert.False(await LockedAsync(lab, TestSeed.CyclerRig));
    }

    [Fact]
    public async Task The_human_stop_of_a_rig_and_of_a_lab_are_incidents_and_releasing_the_rig_closes_them()
    {
        await using var lab = await RunLab.StartAsync();
        var stop = new StopRigRequest { Name = TestSeed.EbcRig, Reason = "smoke", WaitSeconds = 0.05, RequestId = "s" };
        await lab.Runs(TestSeed.LabManager).StopRigAsync(stop, cancellationToken: Cancel);
        await lab.Runs(TestSeed.LabManager).StopRigAsync(stop, cancellationToken: Cancel);
        var incident = Assert.Single(await OpenAsync(lab));
        Assert.Equal(("human_stop", "smoke", "persons/manager", TestSeed.EbcRig), (incident.Cause, incident.Detail, incident.OpenedBy, incident.Rig));
        await lab.Runs(TestSeed.LabManager).ReleaseRigAsync(new ReleaseRigRequest { Name = TestSeed.EbcRig, Reason = "toast" }, cancellationToken: Cancel);
        Assert.Empty(await OpenAsync(lab));
        await lab.Runs(TestSeed.LabManager).StopLabAsync(new StopLabRequest { Name = TestSeed.Lab, Reason = "drill", WaitSeconds = 0.05 }, cancellationToken: Cancel);
        Assert.Equal([TestSeed.CyclerRig, TestSeed.EbcRig], (await OpenAsync(lab)).Select(i => i.Rig).Order());
    }

    [Fact]
    public async Task What_an_agent_says_of_anothers_channel_or_run_counts_for_nothing()
    {
        await using var lab = await RunLab.StartAsync();
        await using var stranger = await ScriptedAgent.ConnectAsync(lab.Lab, TestSeed.OtherAgent, TestSeed.OtherAgentName);
        await stranger.SayAsync(Report("x", TestSeed.EbcChannel, ""));
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        await agent.SayAsync(Report("y", TestSeed.EbcChannel, "runs/of-somebody"));
        Assert.Empty((await OnlyAsync(lab)).Runs);
    }

    [Fact]
    public async Task The_front_page_and_the_command_line_show_and_release_them()
    {
        await using var lab = await RunLab.StartAsync();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        await agent.SayAsync(Report("i", TestSeed.EbcChannel, ""));
        var incident = await OnlyAsync(lab);
        using var page = lab.Lab.HttpAs(TestSeed.LabManager);
        page.DefaultRequestHeaders.Add("Cookie", "battlab_token=" + TestSeed.LabManager);
        var shown = await page.GetStringAsync("/", Cancel);
        Assert.Contains("limit_volt", shown, StringComparison.Ordinal);
        Assert.Contains("4.31 V", shown, StringComparison.Ordinal);
        var listed = await Battlab.AsAsync(lab.Lab.GrpcAddress, TestSeed.LabManager, "incidents", "list");
        Assert.Contains("OPEN, its rig is locked", listed.Text, StringComparison.Ordinal);
        Assert.Contains("limit_volt on rigs/ebc-1/channels/1", listed.Text, StringComparison.Ordinal);
        var released = await Battlab.AsAsync(lab.Lab.GrpcAddress, TestSeed.LabManager, "incidents", "release", incident.Name, "--reason", "looked");
        Assert.Equal(0, released.Exit);
        Assert.Contains("There are no incidents to see.", (await Battlab.AsAsync(lab.Lab.GrpcAddress, TestSeed.LabManager, "incidents", "list")).Text, StringComparison.Ordinal);
        Assert.Contains("released by persons/manager: looked", (await Battlab.AsAsync(lab.Lab.GrpcAddress, TestSeed.LabManager, "incidents", "list", "--all")).Text, StringComparison.Ordinal);
    }

    private static AgentReport Report(string id, string channel, string run) => new()
    {
        Incident = new IncidentReport { Id = id, Channel = channel, Run = run, Cause = "limit_volt", Detail = "4.31 V above 4.3 V", UtcNs = 77 },
    };

    private static IncidentService.IncidentServiceClient Client(RunLab lab, string token = TestSeed.LabManager) => new(lab.Lab.As(token));

    private static async Task<IReadOnlyList<Incident>> OpenAsync(RunLab lab) =>
        (await Client(lab).ListIncidentsAsync(new ListIncidentsRequest { OpenOnly = true }, cancellationToken: Cancel)).Incidents;

    private static async Task<Incident> OnlyAsync(RunLab lab)
    {
        await Eventually.Async(async () => (await OpenAsync(lab)).Count > 0, Bound, "an incident is open");
        var one = Assert.Single(await OpenAsync(lab));
        Assert.Equal(one, await Client(lab).GetIncidentAsync(new GetIncidentRequest { Name = one.Name }, cancellationToken: Cancel));
        return one;
    }

    private static async Task<bool> LockedAsync(RunLab lab, string rig) =>
        (await new LabService.LabServiceClient(lab.Lab.As(TestSeed.Teacher)).GetRigAsync(new GetRigRequest { Name = rig }, cancellationToken: Cancel)).Locked;
}
