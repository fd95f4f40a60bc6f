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
    private readonly Lock _gate = new();
    private readonly List<ChannelLease> _leases = [];
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
        lock (_gate)
        {
            // A copy sent again takes the place of the one before it; the lease of a later booking waits its turn.
            _leases.RemoveAll(l => l.Held.Lease.Name == held.Lease.Name);
            _leases.Add(new ChannelLease(held, part));
            _leases.Sort((a, b) => a.Held.Window.Start.CompareTo(b.Held.Window.Start));
        }
        return null;
    }

    /// <summary>Ends a lease before its window does: safe stop when it is the one in force.</summary>
    public void EndLease(string lease, string reason)
    {
        if (Lease is { } mine && mine.Held.Lease.Name == lease)
        {
            Halt($"lease_ended: {reason}");
            return;
        }
        lock (_gate)
            _leases.RemoveAll(l => l.Held.Lease.Name == lease);
    }

    /// <summary>Takes the channel to its safe state; the time it took is measured.</summary>
    public abstract Task<OrderDone> StopAsync(StopMode mode, string reason);

    /// <summary>The lease in force, over or not: the one whose window begins first; null = none.</summary>
    protected ChannelLease? Lease
    {
        get
        {
            lock (_gate)
                return _leases.Count > 0 ? _leases[0] : null;
        }
    }

    /// <summary>Ends the run of the lease in force as soon as the driver can.</summary>
    protected abstract void Halt(string cause);

    /// <summary>Shared parts.</summary>
    protected DriverContext Context { get; } = context;

    /// <summary>Driver's own grounds to refuse a leased part.</summary>
    protected abstract string? Refuse(LeasedChannel part);

    /// <summary>Forgets a lease whose run has ended.</summary>
    protected void DropLease(ChannelLease lease)
    {
        lock (_gate)
            _leases.RemoveAll(l => l.Held.Lease.Name == lease.Held.Lease.Name);
    }

    /// <summary>Reports a state. A FAULT that names a run ends that run; one that will pass names none.</summary>
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
