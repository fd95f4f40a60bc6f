using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Xunit;
using State = BattKomp.Lab.V1.ChannelReport.Types.State;

namespace BattKomp.Lab.Tests.Server.Runs;

public sealed class RunPathTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory, InlineData("sqlite"), InlineData("postgres")]
    public async Task A_run_goes_from_ready_to_final_and_completes_its_booking(string dialect)
    {
        await using var lab = await RunLab.StartAsync(dialect);
        var booking = await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var lease = await agent.TakeLeaseAsync();
        var run = lease.Channels[0].Run;
        Assert.Equal(RunState.Ready, (await lab.RunAsync(run)).State);

        await agent.ReportAsync(TestSeed.EbcChannel, run, State.Energised, detail: "step 1 of 4, CC_DISCHARGE");
        var running = await lab.AwaitStateAsync(run, RunState.RunningNow);
        Assert.Equal(["calibrations/ebc-1-v"], running.Calibrations);
        Assert.Equal("step 1 of 4, CC_DISCHARGE", running.ProcedurePosition);
        Assert.Equal(BookingState.Running, (await lab.BookingAsync(booking.Name)).State);
        await lab.DeliverAsync(TestSeed.EbcChannel, lease.Name, run, last: 20);
        await lab.SweepAsync<RunFinal>();
        Assert.Equal(RunState.RunningNow, (await lab.RunAsync(run)).State);

        await agent.ReportAsync(TestSeed.EbcChannel, run, State.Ended, "finished");
        await lab.AwaitStateAsync(run, RunState.Ended);
        await lab.SweepAsync<RunFinal>();
        var final = await lab.RunAsync(run);

        Assert.Equal((RunState.Final, "finished", 20L), (final.State, final.EndReason, final.RecordsStored));
        Assert.Equal(20, Assert.Single(final.Segments).Records);
        Assert.Equal(["simulated"], final.Flags);
        Assert.Equal(BookingState.Completed, (await lab.BookingAsync(booking.Name)).State);
        var account = await lab.Runs(TestSeed.DoctoralStudent).GetCompletenessAsync(new GetCompletenessRequest { Name = run }, cancellationToken: Cancel);
        Assert.Equal((true, "expected 21, stored 21, gaps: none"), (account.Complete, account.Sentence));
        // What has become final stays so.
        await agent.ReportAsync(TestSeed.EbcChannel, run, State.Energised);
        await agent.SayAsync(new AgentReport { Heartbeat = new Heartbeat() });
        await lab.SweepAsync<RunFinal>();
        Assert.Equal(RunState.Final, (await lab.RunAsync(run)).State);
    }

    [Fact]
    public async Task A_run_with_gaps_is_final_after_the_grace_time_and_says_so()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var lease = await agent.TakeLeaseAsync();
        var run = lease.Channels[0].Run;
        await lab.DeliverAsync(TestSeed.EbcChannel, lease.Name, run, close: false);
        await agent.ReportAsync(TestSeed.EbcChannel, run, State.Fault, detail: "over-temperature");
        await lab.AwaitStateAsync(run, RunState.Ended);
        await lab.SweepAsync<RunFinal>();
        Assert.Equal(RunState.Ended, (await lab.RunAsync(run)).State);

        lab.Time.Forward(TimeSpan.FromMinutes(11));
        await lab.SweepAsync<RunFinal>();
        var final = await lab.RunAsync(run);
        Assert.Equal((RunState.Final, "fault"), (final.State, final.EndReason));
        Assert.Contains("unclosed_stream", final.Flags);
    }

    [Fact]
    public async Task Records_that_come_for_a_final_run_get_a_segment_of_their_own()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var lease = await agent.TakeLeaseAsync();
        var run = lease.Channels[0].Run;
        await lab.DeliverAsync(TestSeed.EbcChannel, lease.Name, run);
        await agent.ReportAsync(TestSeed.EbcChannel, run, State.Ended);
        await lab.AwaitStateAsync(run, RunState.Ended);
        await lab.SweepAsync<RunFinal>();
        await lab.DeliverAsync(TestSeed.EbcChannel, lease.Name, run, stream: "late", last: 5);
        await Eventually.Async(async () =>
        {
            await lab.SweepAsync<RunFinal>();
            return (await lab.RunAsync(run)).Segments.Count == 2;
        }, TimeSpan.FromSeconds(15), "the late records are archived");

        var final = await lab.RunAsync(run);
        Assert.Equal((RunState.Final, 25L, 5L), (final.State, final.RecordsStored, final.Segments[1].Records));
        Assert.Contains("late_records", final.Flags);
    }

    [Fact]
    public async Task A_booking_that_nobody_used_is_a_no_show()
    {
        await using var lab = await RunLab.StartAsync();
        var booking = await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        lab.Time.Forward(TimeSpan.FromHours(1));
        await lab.SweepAsync<LeaseEnd>();
        await lab.SweepAsync<NoShow>();
        Assert.Equal(BookingState.Confirmed, (await lab.BookingAsync(booking.Name)).State);

        // The agent never came: after the grace time nothing is expected of it.
        lab.Time.Forward(TimeSpan.FromMinutes(11));
        await lab.SweepAsync<LeaseEnd>();
        await lab.SweepAsync<NoShow>();
        var over = await lab.BookingAsync(booking.Name);
        Assert.Equal((BookingState.NoShow, "nothing ran"), (over.State, over.StateReason));
        Assert.Equal(RunState.Missed, (await lab.RunAsync(over.Runs[0])).State);
    }

    [Fact]
    public async Task Data_without_a_lease_makes_an_unbooked_run_that_ends_with_its_stream()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.DeliverAsync(TestSeed.EbcChannel, "", "");
        var run = Assert.Single((await lab.Runs(TestSeed.DoctoralStudent).ListRunsAsync(new ListRunsRequest { Of = TestSeed.EbcRig }, cancellationToken: Cancel)).Runs);
        Assert.Equal((RunState.RunningNow, "", ""), (run.State, run.Booking, run.Lease));
        Assert.Equal(["no_lease", "simulated"], run.Flags);

        await lab.SweepAsync<RunFollow>();
        await lab.SweepAsync<RunFinal>();
        Assert.Equal(RunState.Final, (await lab.RunAsync(run.Name)).State);
    }

    [Fact]
    public async Task Data_after_the_lease_is_stored_and_flagged()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var lease = await agent.TakeLeaseAsync();
        lab.Time.Forward(TimeSpan.FromHours(2));
        var ack = await lab.DeliverAsync(TestSeed.EbcChannel, lease.Name, lease.Channels[0].Run);
        Assert.False(ack.Quarantined);
        Assert.Contains("after_lease", (await lab.RunAsync(lease.Channels[0].Run)).Flags);
    }

    [Fact]
    public async Task Data_of_a_channel_that_is_not_the_agents_is_kept_aside()
    {
        await using var lab = await RunLab.StartAsync();
        var ack = await lab.DeliverAsync(TestSeed.EbcChannel, "", "", token: TestSeed.OtherAgent, agent: TestSeed.OtherAgentName);
        Assert.True(ack.Quarantined);
        Assert.Equal(0, await lab.CountAsync("runs"));
    }

    [Fact]
    public async Task A_report_about_anothers_run_changes_nothing()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var run = (await agent.TakeLeaseAsync()).Channels[0].Run;
        await using var other = await ScriptedAgent.ConnectAsync(lab.Lab, TestSeed.OtherAgent, TestSeed.OtherAgentName);
        await other.ReportAsync(TestSeed.EbcChannel, run, State.Energised);
        await agent.ReportAsync(TestSeed.CyclerChannel(1), run, State.Energised);
        await agent.ReportAsync(TestSeed.EbcChannel, run, State.Idle);
        await agent.SayAsync(new AgentReport { OrderDone = new OrderDone { OrderId = "none" } });
        await agent.DisposeAsync();
        Assert.Equal(RunState.Ready, (await lab.RunAsync(run)).State);
    }

    [Fact]
    public async Task A_watcher_gets_what_is_stored_what_comes_and_every_state_until_the_run_is_final()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var lease = await agent.TakeLeaseAsync();
        var run = lease.Channels[0].Run;
        var key = Ingest.IngestLab.Key();
        using var line = await Ingest.IngestLine.OpenAsync(lab.Lab);
        await line.SendAsync(lab.Opened(key, TestSeed.EbcChannel, lease.Name, run), Ingest.IngestLab.Records(key, 1, 10));
        await line.AckOfAsync(key, 10);

        using var call = lab.Runs(TestSeed.DoctoralStudent).WatchRun(new WatchRunRequest { Name = run, Replay = true }, cancellationToken: Cancel);
        var states = new List<RunState>();
        var points = new List<LivePoint>();
        async Task ReadUntilAsync(Func<bool> enough)
        {
            while (!enough())
            {
                Assert.True(await call.ResponseStream.MoveNext(Cancel), "the watch ended early");
                if (call.ResponseStream.Current.Run is { } seen && (states.Count == 0 || states[^1] != seen.State)) states.Add(seen.State);
                points.AddRange(call.ResponseStream.Current.Points);
            }
        }

        await ReadUntilAsync(() => points.Count >= 10);
        await line.SendAsync(Ingest.IngestLab.Records(key, 11, 15), Ingest.IngestLab.Closed(key, 15));
        await ReadUntilAsync(() => points.Count >= 15);
        await line.EndAsync();
        await agent.ReportAsync(TestSeed.EbcChannel, run, State.Ended);
        await lab.AwaitStateAsync(run, RunState.Ended);
        await lab.SweepAsync<RunFinal>();
        await ReadUntilAsync(() => states[^1] == RunState.Final);
        Assert.False(await call.ResponseStream.MoveNext(Cancel));
        Assert.Equal([RunState.RunningNow, RunState.Ended, RunState.Final], states);
        Assert.Equal(Enumerable.Range(1, 15).Select(i => Ingest.IngestLab.Anchor + i * 1_000_000L), points.Select(p => p.UtcNs));
        Assert.Equal(3.6 + 1 / 1e6, points[0].Values[0]);
    }

    [Fact]
    public async Task A_confidential_run_is_absent_for_others_and_staff_get_the_safety_view()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.BookAsync(TestSeed.IndustryEngineer, visibility: VisibilityKind.Confidential);
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var lease = await agent.TakeLeaseAsync();
        var run = lease.Channels[0].Run;
        await lab.DeliverAsync(TestSeed.EbcChannel, lease.Name, run);

        await Refused.WithAsync(Reason.ResourceNotFound, () => lab.RunAsync(run, TestSeed.Teacher));
        await Refused.WithAsync(Reason.ResourceNotFound, () => lab.Runs(TestSeed.Coordinator).GetCompletenessAsync(new GetCompletenessRequest { Name = run }, cancellationToken: Cancel).ResponseAsync);
        await Refused.WithAsync(Reason.ResourceNotFound, () => lab.Runs(TestSeed.DoctoralStudent).StopRunAsync(new StopRunRequest { Name = run }, cancellationToken: Cancel).ResponseAsync);
        Assert.Empty((await lab.Runs(TestSeed.DoctoralStudent).ListRunsAsync(new ListRunsRequest(), cancellationToken: Cancel)).Runs);
        Assert.Equal(20, (await lab.RunAsync(run, TestSeed.IndustryEngineer)).RecordsStored);
        var safety = await lab.RunAsync(run, TestSeed.LabManager);
        Assert.Equal((run, TestSeed.EbcChannel, RunState.RunningNow, 0L), (safety.Name, safety.Channel, safety.State, safety.RecordsStored));

        // Staff see states, not points.
        using var call = lab.Runs(TestSeed.LabManager).WatchRun(new WatchRunRequest { Name = run, Replay = true }, cancellationToken: Cancel);
        Assert.True(await call.ResponseStream.MoveNext(Cancel));
        await agent.ReportAsync(TestSeed.EbcChannel, run, State.Ended);
        Assert.True(await call.ResponseStream.MoveNext(Cancel));
        Assert.Empty(call.ResponseStream.Current.Points);
    }
}
