using BattKomp.Lab.Contracts;
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
        .AddSingleton<AgentLines>().AddSingleton<AgentRegister>().AddSingleton<Orders>().AddSingleton<AgentKeys>().AddSingleton<Enrolments>().AddSingleton<AgentSession>().AddSingleton<AgentServiceHandler>();
}

/// <summary>agents.proto on the wire.</summary>
public sealed class AgentServiceHandler(
    AgentRegister agents, AgentSession session, Orders orders, Leases.Leases leases, LeaseKeyFile key, Policy policy, RequestLog requests, CallerResolver callers,
    Ingest.AgentFence fence, Enrolments enrolments, AgentKeys keys, AgentLines lines, Catalogue.Catalogue catalogue)
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
    public override async Task<Enrolment> CreateEnrolment(CreateEnrolmentRequest request, ServerCallContext context)
    {
        var person = context.Person();
        var expires = request.ExpireTime;
        new FieldChecks()
            .Require(ResourceNames.Is(request.Lab, "labs"), "lab", "must be a name like labs/trondheim.")
            .Require(ResourceNames.IsId(request.AgentId), "agent_id", "must be 1–63 of a–z, 0–9 and '-'.")
            .Require(expires is null || (expires.Seconds is >= 0 and < 253_402_300_800 && expires.Nanos is >= 0 and < 1_000_000_000), "expire_time", "is no instant.")
            .ThrowIfAny();
        if ((await catalogue.GetAsync(context.CancellationToken)).Lab(request.Lab) is null || !person.IsStaffOf(request.Lab)) throw LabErrors.NotFound(request.Lab);
        policy.RequireManager(person, request.Lab, $"invite an agent of {request.Lab}");
        return await enrolments.CreateAsync("agents/" + request.AgentId, request.Lab,
            expires is null ? null : Micros.ToInstant(expires.ToMicros()), person.Name, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override async Task<Agent> EnrolAgent(EnrolAgentRequest request, ServerCallContext context)
    {
        var (name, changed) = await enrolments.UseAsync(request.Token, request.PublicKey.ToByteArray(), context.CancellationToken);
        if (changed)
        {
            callers.Forget();
            lines.End(name);
            fence.EndCalls(name, $"{name} was enrolled anew; its earlier key is no longer trusted. If this is the right machine, start the agent again.");
        }
        return (await agents.FindAsync(name, context.CancellationToken))!;
    }

    /// <inheritdoc/>
    public override Task<AgentChallenge> BeginAgentSession(BeginAgentSessionRequest request, ServerCallContext context)
    {
        new FieldChecks().Require(ResourceNames.Is(request.Name, "agents"), "name", "must be a name like agents/edge-1.").ThrowIfAny();
        return Task.FromResult(new AgentChallenge { Challenge = keys.Challenge(request.Name) });
    }

    /// <inheritdoc/>
    public override async Task<AgentSessionToken> FinishAgentSession(FinishAgentSessionRequest request, ServerCallContext context) =>
        await keys.OpenAsync(request.Name, request.Challenge.ToByteArray(), request.Signature.ToByteArray(), context.CancellationToken) ?? throw AgentErrors.NotProven(request.Name);

    /// <inheritdoc/>
    public override Task<LeaseKey> GetLeaseKey(GetLeaseKeyRequest request, ServerCallContext context) => Task.FromResult(key.Public);

    /// <inheritdoc/>
    public override Task Control(IAsyncStreamReader<AgentReport> requestStream, IServerStreamWriter<AgentOrder> responseStream, ServerCallContext context) =>
        session.RunAsync(context.Agent(), requestStream, responseStream, context.CancellationToken);
}
