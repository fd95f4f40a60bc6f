using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Live;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Ingest;

/// <summary>The way in for records: authorise, then read, store and acknowledge until the agent ends the call.</summary>
public sealed class IngestServiceHandler(ITelemetryStore store, IRunRegister runs, ILiveFeed live, ProgressReporter progress, AgentFence fence, Agents.AgentRegister agents) : IngestService.IngestServiceBase
{
    /// <inheritdoc/>
    public override async Task Ingest(IAsyncStreamReader<IngestRequest> requestStream, IServerStreamWriter<IngestReply> responseStream, ServerCallContext context)
    {
        var agent = context.Agent();
        if (!await requestStream.MoveNext(context.CancellationToken) || requestStream.Current.Hello is not { } hello)
            throw new LabException(Reason.BatchMalformed, "The first message of a call must be 'hello' with agent and boot.");
        if (hello.Agent != agent.Name)
            throw new LabException(Reason.AgentFenced, $"hello.agent is '{hello.Agent}', but the token is that of {agent.Name}. Use the agent's own token, or enrol it again.");
        try
        {
            var aside = await AsideAsync(agent, hello, context.CancellationToken);
            using var leaf = fence.Enter(agent.Name, hello.Boot, newest: aside is null, context.CancellationToken);
            await RunAsync(new IngestCall(new IngestParts(store, runs, live, progress), agent, aside), hello, aside, requestStream, responseStream, leaf);
        }
        catch (StoreUnavailableException e)
        {
            throw LabErrors.StoreUnavailable(e.Message, e);
        }
        catch (IOException)
        {
            // The agent's connection broke under a read; what had arrived is stored, what was not acknowledged comes again.
            throw new RpcException(new Status(StatusCode.Cancelled, "The agent went away."));
        }
    }

    private async Task<string?> AsideAsync(AgentCaller agent, IngestHello hello, CancellationToken cancel)
    {
        if (agent.Revoked) return $"{agent.Name} is revoked";
        // An agent that does not tell its order is judged by who came first.
        var newest = hello.BootOrder > 0 ? await agents.IsNewestAsync(agent.Name, hello.Boot, hello.BootOrder, cancel) : await store.NoteBootAsync(agent.Name, hello.Boot, cancel);
        return newest ? null : $"boot {hello.Boot} of {agent.Name} was followed by a newer one; this is a copy of the agent or its leftover";
    }

    private static async Task RunAsync(
        IngestCall call, IngestHello hello, string? aside, IAsyncStreamReader<IngestRequest> requests, IServerStreamWriter<IngestReply> replies, AgentFence.Leaf leaf)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(leaf.Cancelled);
        if (aside is null) await call.AskForGapsAsync(hello, replies, both.Token);
        var reading = call.ReadAsync(requests, both.Token);
        var answering = call.AnswerAsync(replies, both.Token);
        // Whichever side fails ends the other; the agent keeps all that was not acknowledged.
        if ((await Task.WhenAny(reading, answering)).IsFaulted || answering.IsCompleted) await both.CancelAsync();
        var all = Task.WhenAll(reading, answering);
        await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (leaf.Why is { } why) throw new LabException(Reason.AgentFenced, why);
        if ((all.Exception?.InnerExceptions.FirstOrDefault(e => e is not OperationCanceledException)) is { } cause)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(cause);
        await all;
    }
}
