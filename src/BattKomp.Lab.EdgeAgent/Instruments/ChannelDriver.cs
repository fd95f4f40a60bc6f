using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Leases;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments;

/// <summary>What every driver works with.</summary>
/// <param name="Journal">Where records go.</param>
/// <param name="Names">Names of this boot's streams.</param>
/// <param name="Clock">Record stamps.</param>
/// <param name="Machine">Deadlines.</param>
/// <param name="Locks">Stops that hold until released.</param>
/// <param name="Report">Tells the server of a channel's state.</param>
/// <param name="Log">Tells the operator.</param>
public sealed record DriverContext(AgentJournal Journal, StreamNames Names, StampClock Clock, TimeProvider Machine, StopLocks Locks,
    Action<ChannelReport> Report, Action<string> Log);

/// <summary>The lease that governs a channel, and the part of it that speaks of the channel.</summary>
public sealed record ChannelLease(HeldLease Held, LeasedChannel Part);

/// <summary>One channel's driver: records always, energises only under a lease that is active, an unlocked channel and a journal with room.</summary>
public abstract class ChannelDriver(string channel, DriverContext context)
{
    private volatile ChannelLease? _lease;
    private volatile ChannelReport _state = new() { Channel = channel, State = ChannelReport.Types.State.Idle };

    /// <summary>rigs/…/channels/…</summary>
    public string Channel { get; } = channel;

    /// <summary>Last reported state.</summary>
    public ChannelReport State => _state;

    /// <summary>Runs until cancelled; then takes the channel's streams to a clean close. Never throws for anything an instrument does.</summary>
    public abstract Task RunAsync(CancellationToken cancel);

    /// <summary>Why a leased part cannot be carried out here; null when it can. The lease is in force afterwards.</summary>
    public string? Take(HeldLease held, LeasedChannel part)
    {
        if (Refuse(part) is { } problem)
            return problem;
        _lease = new ChannelLease(held, part);
        return null;
    }

    /// <summary>Ends a lease before its window does: safe stop.</summary>
    public abstract void EndLease(string lease, string reason);

    /// <summary>Takes the channel to its safe state; the time it took is measured.</summary>
    public abstract Task<OrderDone> StopAsync(StopMode mode, string reason);

    /// <summary>The lease in force, over or not; null = none.</summary>
    protected ChannelLease? Lease => _lease;

    /// <summary>Shared parts.</summary>
    protected DriverContext Context { get; } = context;

    /// <summary>Driver's own grounds to refuse a leased part.</summary>
    protected abstract string? Refuse(LeasedChannel part);

    /// <summary>Forgets the lease when it is still that one.</summary>
    protected void DropLease(ChannelLease lease)
    {
        if (ReferenceEquals(_lease, lease))
            _lease = null;
    }

    /// <summary>Reports a state.</summary>
    protected void Tell(ChannelReport.Types.State state, string run, string detail, string endReason = "")
    {
        _state = new ChannelReport { Channel = Channel, Run = run, State = state, Detail = detail, EndReason = endReason };
        Context.Report(_state.Clone());
    }

    /// <summary>Why no new run may start now; null when one may.</summary>
    protected string? Blocked() =>
        Context.Locks.Reason(Channel) is { } reason ? $"locked: {reason}"
        : Context.Journal.UsedFraction >= JournalOptions.NoNewStarts ? $"the journal is {Context.Journal.UsedFraction:P0} full{(Context.Journal.Stall is { } stall ? $" ({stall})" : "")}; no new run starts above {JournalOptions.NoNewStarts:P0}"
        : null;
}
