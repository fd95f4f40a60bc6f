using System.Security.Cryptography;
using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Tests.Server.Procedures;
using BattKomp.Lab.Tests.Server.Runs;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Leases;

public sealed class LeaseIssueTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory, InlineData("sqlite"), InlineData("postgres")]
    public async Task A_lease_is_issued_exactly_once_though_sweeps_run_at_once_and_again(string dialect)
    {
        await using var lab = await RunLab.StartAsync(dialect);
        await lab.BookAsync(channels: [TestSeed.EbcChannel, TestSeed.CyclerChannel(1)]);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => lab.SweepAsync<LeaseIssue>(), Cancel)));
        await lab.SweepAsync<LeaseIssue>();

        Assert.Equal((1, 2, 1), (await lab.CountAsync("leases"), await lab.CountAsync("runs"), await lab.CountAsync("orders")));
    }

    [Fact]
    public async Task A_lease_carries_limits_program_and_hash_and_its_signature_verifies()
    {
        await using var lab = await RunLab.StartAsync();
        var procedure = await new ProcedureService.ProcedureServiceClient(lab.Lab.As(TestSeed.DoctoralStudent))
            .CreateProcedureAsync(Programs.Create("cycle", Programs.Cycle()), cancellationToken: Cancel);
        var booking = await lab.BookAsync(procedure: procedure.Name);
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var order = await agent.ExpectAsync(AgentOrder.OrderOneofCase.Lease);
        var pinned = await new AgentService.AgentServiceClient(lab.Lab.As(TestSeed.Agent)).GetLeaseKeyAsync(new GetLeaseKeyRequest(), cancellationToken: Cancel);
        using var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(pinned.PublicKey.Span, out _);

        Assert.True(key.VerifyData(order.Lease.Lease.Span, order.Lease.Signature.Span, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));
        var lease = Lease.Parser.ParseFrom(order.Lease.Lease);
        var channel = Assert.Single(lease.Channels);
        Assert.Equal((TestSeed.AgentName, booking.Name, booking.Window, 2.0), (lease.Agent, lease.Booking, lease.Window, lease.BufferSeconds));
        Assert.Equal((TestSeed.EbcChannel, procedure.Name, procedure.Sha256, ControlClass.Full, true), (channel.Channel, channel.Procedure, channel.ProcedureSha256, channel.Control, channel.Simulated));
        Assert.Equal(procedure.Program, channel.Program);
        Assert.Equal(4.3, channel.Limits.MaxVolt);
        Assert.Equal(channel.Run, Assert.Single((await lab.BookingAsync(booking.Name)).Runs));
        Assert.True(lease.ServerTime.ToDateTimeOffset() <= lab.Time.GetUtcNow());
    }

    [Fact]
    public async Task A_lease_is_sent_again_with_a_new_time_until_it_is_taken()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        Lease first, second;
        await using (var deaf = await ScriptedAgent.ConnectAsync(lab.Lab))
            first = Lease.Parser.ParseFrom((await deaf.ExpectAsync(AgentOrder.OrderOneofCase.Lease)).Lease.Lease);
        lab.Time.Forward(TimeSpan.FromMinutes(1));
        await using (var agent = await ScriptedAgent.ConnectAsync(lab.Lab, boot: "boot-2", order: 2))
            second = await agent.TakeLeaseAsync();

        Assert.Equal(first.Name, second.Name);
        Assert.True(second.ServerTime.ToDateTimeOffset() - first.ServerTime.ToDateTimeOffset() >= TimeSpan.FromMinutes(1));
        await Eventually.Async(async () => await lab.CountAsync("orders WHERE answered_us IS NULL") == 0, TimeSpan.FromSeconds(15), "the lease is taken");
        // An agent that holds it is not sent it again; one that lost its disk is.
        await using var holds = await ScriptedAgent.ConnectAsync(lab.Lab, boot: "boot-3", order: 3, held: [first.Name]);
        await holds.ExpectAsync(AgentOrder.OrderOneofCase.Welcome);
        await using var lost = await ScriptedAgent.ConnectAsync(lab.Lab, boot: "boot-4", order: 4);
        await lost.ExpectAsync(AgentOrder.OrderOneofCase.Lease);
        Assert.DoesNotContain(holds.Orders, o => o.OrderCase == AgentOrder.OrderOneofCase.Lease);
    }

    [Fact]
    public async Task A_locked_rig_gets_no_lease_and_the_booking_says_why_until_it_is_released()
    {
        await using var lab = await RunLab.StartAsync();
        var booking = await lab.BookAsync();
        var manager = lab.Runs(TestSeed.LabManager);
        await manager.StopRigAsync(new StopRigRequest { Name = TestSeed.EbcRig, Reason = "smoke", WaitSeconds = 0.01 }, cancellationToken: Cancel);
        await lab.SweepAsync<LeaseIssue>();
        await lab.SweepAsync<LeaseIssue>();

        Assert.Equal(0, await lab.CountAsync("leases"));
        Assert.Contains("is locked", (await lab.BookingAsync(booking.Name)).StateReason, StringComparison.Ordinal);
        await manager.ReleaseRigAsync(new ReleaseRigRequest { Name = TestSeed.EbcRig, Reason = "checked" }, cancellationToken: Cancel);
        await lab.SweepAsync<LeaseIssue>();
        Assert.Equal(1, await lab.CountAsync("leases"));
    }

    [Fact]
    public async Task A_revoked_agent_loses_its_leases_and_gets_no_new_one()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var lease = await agent.TakeLeaseAsync();
        await new AgentService.AgentServiceClient(lab.Lab.As(TestSeed.LabManager))
            .RevokeAgentAsync(new RevokeAgentRequest { Name = TestSeed.AgentName, Reason = "stolen" }, cancellationToken: Cancel);
        Assert.Equal(lease.Name, (await agent.ExpectAsync(AgentOrder.OrderOneofCase.EndLease)).EndLease.Lease);

        var second = await lab.BookAsync(channels: TestSeed.CyclerChannel(1));
        await lab.SweepAsync<LeaseIssue>();
        Assert.Equal(1, await lab.CountAsync("leases"));
        Assert.Contains("revoked", (await lab.BookingAsync(second.Name)).StateReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_procedure_beyond_the_channels_limits_is_refused_at_booking_and_when_the_limits_are_lowered_later_gets_no_lease()
    {
        await using var lab = await RunLab.StartAsync();
        var strong = Programs.Cycle();
        strong.Steps[0].Ampere = 11;
        var refused = await Refused.WithAsync(Reason.BookingRefused, async () => await lab.BookAsync(procedure: await StoreAsync(lab, "strong", strong)));
        Assert.Contains("asks for a discharge current of 11 A", refused.Status.Detail, StringComparison.Ordinal);

        var booking = await lab.BookAsync(procedure: await StoreAsync(lab, "cycle", Programs.Cycle()));
        Assert.Contains("may last up to 15", Assert.Single(booking.Notices), StringComparison.Ordinal);
        await ExecuteAsync(lab, "UPDATE rigs SET doc = replace(doc, '\"maxDischargeAmpere\": 10', '\"maxDischargeAmpere\": 1')");
        lab.Get<BattKomp.Lab.Server.Features.Catalogue.Catalogue>().Forget();
        await lab.SweepAsync<LeaseIssue>();
        Assert.Equal(0, await lab.CountAsync("leases"));
        Assert.Contains("asks for a discharge current of 1.5 A, and rigs/ebc-1/channels/1 allows 1 A", (await lab.BookingAsync(booking.Name)).StateReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_procedure_that_is_no_longer_the_program_it_was_stored_as_gets_no_lease()
    {
        await using var lab = await RunLab.StartAsync();
        var name = await StoreAsync(lab, "cycle", Programs.Cycle());
        var booking = await lab.BookAsync(procedure: name);
        await ExecuteAsync(lab, "UPDATE procedures SET doc = (SELECT @d)", ("d", new Procedure { Name = name, Title = "x", Program = Programs.Cycle(repeat: 3), Sha256 = (await FindAsync(lab, name)).Sha256 }.ToByteArray()));
        await lab.SweepAsync<LeaseIssue>();
        Assert.Equal(0, await lab.CountAsync("leases"));
        Assert.Contains("is not the program it was stored as", (await lab.BookingAsync(booking.Name)).StateReason, StringComparison.Ordinal);
    }

    private static async Task<string> StoreAsync(RunLab lab, string id, BattKomp.Lab.V1.Program program) =>
        (await new ProcedureService.ProcedureServiceClient(lab.Lab.As(TestSeed.DoctoralStudent)).CreateProcedureAsync(Programs.Create(id, program), cancellationToken: Cancel)).Name;

    private static async Task<Procedure> FindAsync(RunLab lab, string name) =>
        await new ProcedureService.ProcedureServiceClient(lab.Lab.As(TestSeed.DoctoralStudent)).GetProcedureAsync(new GetProcedureRequest { Name = name }, cancellationToken: Cancel);

    private static Task ExecuteAsync(RunLab lab, string sql, params (string, object?)[] values) =>
        lab.Get<CalendarDatabase>().WriteAsync(tx => tx.ExecuteAsync(sql, Cancel, values), Cancel);

    [Fact]
    public async Task Cancelling_ends_the_lease_and_its_run_has_missed_once_the_agent_answered()
    {
        await using var lab = await RunLab.StartAsync();
        var booking = await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var lease = await agent.TakeLeaseAsync();
        await lab.Bookings(TestSeed.DoctoralStudent).CancelBookingAsync(new CancelBookingRequest { Name = booking.Name }, cancellationToken: Cancel);
        await lab.SweepAsync<LeaseEnd>();

        var end = await agent.ExpectAsync(AgentOrder.OrderOneofCase.EndLease);
        Assert.Equal((lease.Name, "booking_cancelled"), (end.EndLease.Lease, end.EndLease.Reason));
        await lab.SweepAsync<LeaseEnd>();
        Assert.Equal(RunState.Ready, (await lab.RunAsync(lease.Channels[0].Run)).State);
        await agent.SayAsync(new AgentReport { OrderDone = new OrderDone { OrderId = end.OrderId, Done = true } });
        await Eventually.Async(async () => await lab.CountAsync("orders WHERE answered_us IS NULL") == 0, TimeSpan.FromSeconds(15), "the end is answered");
        await lab.SweepAsync<LeaseEnd>();
        Assert.Equal(RunState.Missed, (await lab.RunAsync(lease.Channels[0].Run)).State);
    }

    [Fact]
    public async Task A_lease_the_agent_refuses_is_over()
    {
        await using var lab = await RunLab.StartAsync();
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var lease = Lease.Parser.ParseFrom((await agent.ExpectAsync(AgentOrder.OrderOneofCase.Lease)).Lease.Lease);
        await agent.SayAsync(new AgentReport { LeaseTaken = new LeaseTaken { Lease = lease.Name, Detail = "unknown channel" } });
        var run = await lab.AwaitStateAsync(lease.Channels[0].Run, RunState.Missed);
        Assert.Equal("refused_by_agent: unknown channel", run.EndReason);
    }

    [Theory, InlineData("sqlite"), InlineData("postgres")]
    public async Task The_clock_issues_leases_by_itself(string dialect)
    {
        await using var lab = await RunLab.StartAsync(dialect, o => o.Runs.SweepSeconds = 0.1);
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        await lab.BookAsync();
        await agent.TakeLeaseAsync();
    }
}
