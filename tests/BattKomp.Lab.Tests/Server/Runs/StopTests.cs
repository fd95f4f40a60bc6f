using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using State = BattKomp.Lab.V1.ChannelReport.Types.State;

namespace BattKomp.Lab.Tests.Server.Runs;

public sealed class StopTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_holder_stops_a_run_and_learns_the_measured_time_to_safe()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var run = (await agent.TakeLeaseAsync()).Channels[0].Run;
        await agent.ReportAsync(TestSeed.EbcChannel, run, State.Energised);
        await lab.AwaitStateAsync(run, RunState.RunningNow);

        var stopping = lab.Runs(TestSeed.DoctoralStudent).StopRunAsync(
            new StopRunRequest { Name = run, Mode = StopMode.Immediate, Reason = "smells", WaitSeconds = 30 }, cancellationToken: Cancel).ResponseAsync;
        var order = await agent.ExpectAsync(AgentOrder.OrderOneofCase.Stop);
        Assert.Equal((TestSeed.EbcChannel, StopMode.Immediate, "smells", false), (order.Stop.Channel, order.Stop.Mode, order.Stop.Reason, order.Stop.Lock));
        await agent.SayAsync(new AgentReport { OrderDone = new OrderDone { OrderId = order.OrderId, Channel = TestSeed.EbcChannel, Done = true, SecondsToSafe = 0.125 } });

        var stopped = await stopping;
        Assert.True(stopped.Acknowledged);
        var channel = Assert.Single(stopped.Channels);
        Assert.Equal((TestSeed.EbcChannel, run, true, 0.125), (channel.Channel, channel.Run, channel.Acknowledged, channel.SecondsToSafe));
        Assert.Equal("stopped", (await lab.AwaitStateAsync(run, RunState.Ended)).EndReason);
        await Refused.WithAsync(Reason.WrongState, () => lab.Runs(TestSeed.DoctoralStudent).StopRunAsync(new StopRunRequest { Name = run }, cancellationToken: Cancel).ResponseAsync);
    }

    [Fact]
    public async Task A_stop_that_nobody_hears_stays_in_force_and_reaches_the_agent_when_it_comes_back()
    {
        await using var lab = await RunLab.StartAsync();
        var request = new StopRigRequest { Name = TestSeed.CyclerRig, Mode = StopMode.Safe, Reason = "drill", WaitSeconds = 0.05, RequestId = "stop-1" };
        var unheard = await lab.Runs(TestSeed.LabManager).StopRigAsync(request, cancellationToken: Cancel);
        Assert.False(unheard.Acknowledged);
        Assert.Equal(4, unheard.Channels.Count);
        Assert.All(unheard.Channels, c => Assert.False(c.Acknowledged));

        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        for (var i = 0; i < 4; i++)
        {
            var order = await agent.ExpectAsync(AgentOrder.OrderOneofCase.Stop, i);
            Assert.True(order.Stop.Lock);
            await agent.SayAsync(new AgentReport { OrderDone = new OrderDone { OrderId = order.OrderId, Channel = order.Stop.Channel, Done = true, SecondsToSafe = 1 } });
        }
        // The same call again waits for the same orders and gives no new ones.
        request.WaitSeconds = 0.05;
        await Eventually.Async(async () => (await lab.Runs(TestSeed.LabManager).StopRigAsync(request, cancellationToken: Cancel)).Acknowledged, TimeSpan.FromSeconds(15), "the stop is acknowledged");
        Assert.Equal(4, await lab.CountAsync("orders"));
    }

    [Fact]
    public async Task A_stopped_lab_is_locked_until_its_manager_releases_each_rig()
    {
        await using var lab = await RunLab.StartAsync();
        var labs = new LabService.LabServiceClient(lab.Lab.As(TestSeed.Teacher));
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        await Refused.WithAsync(Reason.NotAllowed, () => lab.Runs(TestSeed.Teacher).StopLabAsync(new StopLabRequest { Name = TestSeed.Lab }, cancellationToken: Cancel).ResponseAsync);
        var stopped = await lab.Runs(TestSeed.LabManager).StopLabAsync(new StopLabRequest { Name = TestSeed.Lab, Reason = "fire alarm", WaitSeconds = 0.05 }, cancellationToken: Cancel);
        Assert.Equal(5, stopped.Channels.Count);
        Assert.All((await labs.ListRigsAsync(new ListRigsRequest(), cancellationToken: Cancel)).Rigs, r => Assert.True(r.Locked));
        await agent.ExpectAsync(AgentOrder.OrderOneofCase.Stop, 4);

        await Refused.WithAsync(Reason.FieldsInvalid, () => lab.Runs(TestSeed.LabManager).ReleaseRigAsync(new ReleaseRigRequest { Name = TestSeed.EbcRig }, cancellationToken: Cancel).ResponseAsync);
        var released = await lab.Runs(TestSeed.LabManager).ReleaseRigAsync(new ReleaseRigRequest { Name = TestSeed.EbcRig, Reason = "false alarm" }, cancellationToken: Cancel);
        Assert.False(released.Locked);
        Assert.Equal(TestSeed.EbcChannel, (await agent.ExpectAsync(AgentOrder.OrderOneofCase.Release)).Release.Channel);
        await Refused.WithAsync(Reason.WrongState,
            () => lab.Runs(TestSeed.LabManager).ReleaseRigAsync(new ReleaseRigRequest { Name = TestSeed.EbcRig, Reason = "again" }, cancellationToken: Cancel).ResponseAsync);
        Assert.Equal(2, await lab.CountAsync("audit WHERE action IN ('stop', 'release-rig')"));
    }

    [Fact]
    public async Task Only_the_holder_or_someone_of_the_lab_stops_a_run()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var run = (await agent.TakeLeaseAsync()).Channels[0].Run;
        await Refused.WithAsync(Reason.NotAllowed, () => lab.Runs(TestSeed.Teacher).StopRunAsync(new StopRunRequest { Name = run }, cancellationToken: Cancel).ResponseAsync);
        var bad = await Refused.WithAsync(Reason.FieldsInvalid,
            () => lab.Runs(TestSeed.LabManager).StopRunAsync(new StopRunRequest { Name = run, WaitSeconds = double.NaN }, cancellationToken: Cancel).ResponseAsync);
        Assert.Equal(["wait_seconds"], bad.Fields());
    }
}
