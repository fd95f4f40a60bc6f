using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Agents;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>What is to be stopped, by whom and why.</summary>
/// <param name="Person">Who stops.</param>
/// <param name="Method">The call.</param>
/// <param name="Request">As received, for its request_id.</param>
/// <param name="RequestId">Empty = none.</param>
/// <param name="Mode">Safe or immediate; unset means immediate.</param>
/// <param name="Reason">Kept in the audit.</param>
/// <param name="WaitSeconds">How long to wait for the agents; 0 = 5 s.</param>
public sealed record StopWish(PersonCaller Person, string Method, IMessage Request, string RequestId, StopMode Mode, string Reason, double WaitSeconds);

/// <summary>
/// The human stop. The order is durable before anyone is asked to wait; the answer carries what the agents measured, or says
/// that they have not answered yet, in which case the order stays in force.
/// </summary>
public sealed class Stops(RequestLog requests, Catalogue.Catalogue catalogue, Orders orders, Audit audit, Incidents.Incidents incidents)
{
    /// <summary>Stops a run's channel.</summary>
    /// <exception cref="LabException">FIELDS_INVALID; WRONG_STATE when the run is over.</exception>
    public Task<StopResult> RunAsync(StopWish wish, RunRow run, CancellationToken cancel)
    {
        if (run.Stage is not (RunStage.Ready or RunStage.Running)) throw LabErrors.WrongState(run.Name, RunStore.StateOf(run.Stage), "READY or RUNNING_NOW");
        return StopAsync(wish, run.Name, [(run.Channel, run.Agent)], [], cancel);
    }

    /// <summary>Locks the rigs and stops all their channels.</summary>
    public Task<StopResult> RigsAsync(StopWish wish, string subject, IReadOnlyList<Rig> rigs, CancellationToken cancel) =>
        StopAsync(wish, subject, [.. rigs.SelectMany(r => r.Channels).Where(c => c.Agent.Length > 0).Select(c => (c.Name, c.Agent))], rigs, cancel);

    /// <summary>Unlocks a rig and its channels.</summary>
    /// <exception cref="LabException">FIELDS_INVALID without a reason; WRONG_STATE when the rig is not locked.</exception>
    public async Task<Rig> ReleaseAsync(PersonCaller person, string method, ReleaseRigRequest request, Rig rig, CancellationToken cancel)
    {
        new FieldChecks()
            .Require(request.Reason.Trim().Length is > 0 and <= 500, "reason", "is required, at most 500 characters: it is kept in the audit.")
            .ThrowIfAny();
        var answer = await requests.OnceAsync(person.Name, method, request.RequestId, request, Rig.Parser, async tx =>
        {
            if (!await Catalogue.Catalogue.IsLockedAsync(tx, rig.Name, cancel)) throw LabErrors.WrongState(rig.Name, "UNLOCKED", "LOCKED");
            await incidents.ReleaseRigAsync(tx, rig, person.Name, request.Reason, cancel);
            var released = rig.Clone();
            released.Locked = false;
            return released;
        }, cancel);
        catalogue.Forget();
        orders.Wake();
        return answer;
    }

    private async Task<StopResult> StopAsync(
        StopWish wish, string subject, IReadOnlyList<(string Channel, string Agent)> channels, IReadOnlyList<Rig> rigs, CancellationToken cancel)
    {
        Check(wish);
        // A replay of the call waits for the same orders.
        var batch = wish.RequestId.Length > 0 ? RequestLog.ContentHash(wish.Person.Name + "\n" + wish.RequestId, wish.Request) : Guid.NewGuid().ToString("N");
        await requests.OnceAsync(wish.Person.Name, wish.Method, wish.RequestId, wish.Request, StopResult.Parser, async tx =>
        {
            foreach (var rig in rigs) await incidents.StoppedAsync(tx, rig, wish.Person.Name, wish.Reason, batch, cancel);
            foreach (var (channel, agent) in channels) await OrderAsync(tx, wish, batch, channel, agent, rigs.Count > 0, cancel);
            await audit.WriteAsync(tx, wish.Person.Name, "stop", subject, wish.Reason, $"{wish.Mode}, {channels.Count} channels", cancel);
            return new StopResult();
        }, cancel);
        catalogue.Forget();
        orders.Wake();
        var wait = TimeSpan.FromSeconds(wish.WaitSeconds == 0 ? 5 : wish.WaitSeconds);
        return ResultOf(await orders.AwaitBatchAsync(batch, wait, cancel));
    }

    private async Task OrderAsync(CalendarTransaction tx, StopWish wish, string batch, string channel, string agent, bool locked, CancellationToken cancel)
    {
        var run = await RunRegister.ActiveOnChannelAsync(tx, channel, cancel);
        var message = new AgentOrder
        {
            Stop = new StopChannel { Channel = channel, Mode = wish.Mode is StopMode.Unspecified ? StopMode.Immediate : wish.Mode, Reason = wish.Reason, Lock = locked },
        };
        await orders.GiveAsync(tx, new Order("", batch, agent, OrderKind.Stop, channel, run?.Name ?? "", run?.Lease ?? "", message), cancel);
    }

    private static void Check(StopWish wish) => new FieldChecks()
        .Require(Enum.IsDefined(wish.Mode), "mode", "is unknown; use SAFE or IMMEDIATE.")
        .Require(wish.Reason.Length <= 500, "reason", "must be at most 500 characters.")
        .Require(wish.WaitSeconds is >= 0 and <= 60, "wait_seconds", $"is {wish.WaitSeconds}; use 0 (the default, 5 s) to 60.")
        .ThrowIfAny();

    private static StopResult ResultOf(IReadOnlyList<Order> orders) => new()
    {
        Acknowledged = orders.All(o => o.Done),
        Channels =
        {
            orders.Select(o => new StoppedChannel
            {
                Channel = o.Channel,
                Run = o.Run,
                Acknowledged = o.Done,
                SecondsToSafe = o.SecondsToSafe,
                Detail = o.Answered ? o.Detail : "not answered yet; the order stays in force",
            }),
        },
    };
}
