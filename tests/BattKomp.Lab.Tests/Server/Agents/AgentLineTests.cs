using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Agents;

public sealed class AgentLineTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agent_is_welcomed_and_seen()
    {
        await using var lab = await TestLab.StartAsync();
        var agents = new AgentService.AgentServiceClient(lab.As(TestSeed.LabManager));
        await using var agent = await ScriptedAgent.ConnectAsync(lab);
        var welcome = await agent.ExpectAsync(AgentOrder.OrderOneofCase.Welcome);

        var key = await agents.GetLeaseKeyAsync(new GetLeaseKeyRequest(), cancellationToken: Cancel);
        Assert.Equal(key.KeyId, welcome.Welcome.KeyId);
        // Staff of one lab see its agents only.
        var seen = Assert.Single((await agents.ListAgentsAsync(new ListAgentsRequest(), cancellationToken: Cancel)).Agents);
        Assert.Equal((TestSeed.AgentName, true, "boot-1"), (seen.Name, seen.Connected, seen.Boot));
        Assert.NotNull(seen.LastSeen);
    }

    [Fact]
    public async Task A_newer_boot_takes_the_line_and_an_older_one_is_refused()
    {
        await using var lab = await TestLab.StartAsync();
        await using var old = await ScriptedAgent.ConnectAsync(lab, boot: "old", order: 1);
        await old.ExpectAsync(AgentOrder.OrderOneofCase.Welcome);
        await using var young = await ScriptedAgent.ConnectAsync(lab, boot: "young", order: 2);
        await young.ExpectAsync(AgentOrder.OrderOneofCase.Welcome);

        Refused.Is(Reason.AgentFenced, await old.ExpectEndAsync());
        await using var again = await ScriptedAgent.ConnectAsync(lab, boot: "old", order: 1);
        Refused.Is(Reason.AgentFenced, await again.ExpectEndAsync());
        await using var copy = await ScriptedAgent.ConnectAsync(lab, boot: "copy", order: 2);
        Refused.Is(Reason.AgentFenced, await copy.ExpectEndAsync());
        await young.SayAsync(new AgentReport { Heartbeat = new Heartbeat() });
        Assert.Null(young.Ended);
    }

    [Fact]
    public async Task An_agent_that_says_it_is_another_is_fenced()
    {
        await using var lab = await TestLab.StartAsync();
        await using var agent = await ScriptedAgent.ConnectAsync(lab, name: TestSeed.OtherAgentName);
        Refused.Is(Reason.AgentFenced, await agent.ExpectEndAsync());
    }

    [Fact]
    public async Task A_line_that_does_not_begin_with_hello_is_malformed()
    {
        await using var lab = await TestLab.StartAsync();
        using var call = new AgentService.AgentServiceClient(lab.As(TestSeed.Agent)).Control(cancellationToken: Cancel);
        await call.RequestStream.WriteAsync(new AgentReport { Heartbeat = new Heartbeat() }, Cancel);
        await Refused.WithAsync(Reason.BatchMalformed, () => call.ResponseStream.MoveNext(Cancel));
    }

    [Fact]
    public async Task Only_a_manager_of_the_agents_lab_revokes_and_gives_a_reason()
    {
        await using var lab = await TestLab.StartAsync();
        var manager = new AgentService.AgentServiceClient(lab.As(TestSeed.LabManager));
        await Refused.WithAsync(Reason.FieldsInvalid, () => manager.RevokeAgentAsync(new RevokeAgentRequest { Name = TestSeed.AgentName }, cancellationToken: Cancel).ResponseAsync);
        await Refused.WithAsync(Reason.ResourceNotFound,
            () => manager.RevokeAgentAsync(new RevokeAgentRequest { Name = TestSeed.OtherAgentName, Reason = "stolen" }, cancellationToken: Cancel).ResponseAsync);
        var revoked = await manager.RevokeAgentAsync(new RevokeAgentRequest { Name = TestSeed.AgentName, Reason = "stolen" }, cancellationToken: Cancel);
        Assert.True(revoked.Revoked);
        Assert.True(Assert.Single((await manager.ListAgentsAsync(new ListAgentsRequest(), cancellationToken: Cancel)).Agents).Revoked);
    }
}
