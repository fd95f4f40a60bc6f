using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Agents;

/// <summary>Registers the slice.</summary>
public static class AgentsFeature
{
    /// <summary>The register, the lines, the orders and their handler.</summary>
    public static IServiceCollection AddAgents(this IServiceCollection services) => services
        .AddSingleton<AgentLines>().AddSingleton<AgentRegister>().AddSingleton<Orders>().AddSingleton<AgentSession>().AddSingleton<AgentServiceHandler>();
}

/// <summary>agents.proto on the wire.</summary>
public sealed class AgentServiceHandler(
    AgentRegister agents, AgentSession session, Orders orders, Leases.Leases leases, LeaseKeyFile key, Policy policy, RequestLog requests, CallerResolver callers,
    Ingest.AgentFence fence)
    : AgentService.AgentServiceBase
{
    /// <inheritdoc/>
    public override async Task<ListAgentsResponse> ListAgents(ListAgentsRequest request, ServerCallContext context)
    {
        var person = context.Person();
        var (page, next) = await VisiblePage.ReadAsync(
            (after, limit) => agents.AfterAsync(after, limit, context.CancellationToken),
            agent => person.IsStaffOf(agent.Lab), agent => agent.Name, Paging.Size(request.PageSize, 50, 200), Paging.After(request.PageToken));
        return new ListAgentsResponse { Agents = { page }, NextPageToken = next };
    }

    /// <inheritdoc/>
    public override async Task<Agent> RevokeAgent(RevokeAgentRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        var person = context.Person();
        new FieldChecks()
            .Require(request.Reason.Trim().Length is > 0 and <= 500, "reason", "is required, at most 500 characters: it is kept in the audit.")
            .ThrowIfAny();
        var agent = await agents.FindAsync(request.Name, cancel);
        if (agent is null || !person.IsStaffOf(agent.Lab)) throw LabErrors.NotFound(request.Name);
        policy.RequireManager(person, agent.Lab, $"revoke {agent.Name}");
        agent.Revoked = true;
        var answer = await requests.OnceAsync(person.Name, context.Method, request.RequestId, request, Agent.Parser, async tx =>
        {
            if (await agents.RevokeAsync(tx, agent.Name, person.Name, request.Reason, cancel))
                await leases.EndOfAgentAsync(tx, agent.Name, "agent_revoked", cancel);
            return agent;
        }, cancel);
        callers.Forget();
        fence.EndCalls(agent.Name, $"{agent.Name} is revoked; what it sends from now on is kept in quarantine. Ask the lab manager.");
        orders.Wake();
        return answer;
    }

    /// <inheritdoc/>
    public override Task<LeaseKey> GetLeaseKey(GetLeaseKeyRequest request, ServerCallContext context) => Task.FromResult(key.Public);

    /// <inheritdoc/>
    public override Task Control(IAsyncStreamReader<AgentReport> requestStream, IServerStreamWriter<AgentOrder> responseStream, ServerCallContext context) =>
        session.RunAsync(context.Agent(), requestStream, responseStream, context.CancellationToken);
}
