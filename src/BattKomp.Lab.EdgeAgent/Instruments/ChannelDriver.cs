using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Leases;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.EdgeAgent.Safety.Alarms;
using BattKomp.Lab.V1;
using Google.Protobuf;

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
    Action<ChannelReport> Report, Action<string> Log)
{
    /// <summary>Stops that only a person may undo.</summary>
    public IncidentBook Incidents { get; init; } = new(Locks);

    /// <summary>Why a channel's relay guard lets no run start now; null when it does or there is none.</summary>
    public Func<string, string?> Guard { get; init; } = _ => null;
}

/// <summary>The lease that governs a channel, and the part of it that speaks of the channel.</summary>
public sealed record ChannelLease(HeldLease Held, LeasedChannel Part);

/// <summary>One channel's driver: records always, energises only under a lease that is active, an unlocked channel and a journal with room.</summary>
public abstract class ChannelDriver(string channel, DriverContext context)
{
    private readonly Lock _gate = new();
    private readonly List<ChannelLease> _leases = [];
    private string _configText = "";
    private volatile ChannelReport _state = new() { Channel = channel, State = ChannelReport.Types.State.Idle };

    /// <summary>rigs/…/channels/…</summary>
    public string Channel { get; } = channel;

    /// <summary>Alarms, evidence, and whether the channel's loop still turns.</summary>
    public ChannelWatch Watch { get; } = new(context.Clock, context.Machine);

    /// <summary>Current that flows by the instrument's last word, A; NaN when it has not said or cannot.</summary>
    public virtual double Ampere => double.NaN;

    /// <summary>Last reading in words; empty when there is none.</summary>
    public virtual string LastReading => "";

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

    /// <summary>
    /// Takes the channel to its safe state at once, locks it until a person releases it, and freezes the evidence. Causes as in
    /// <see cref="IncidentReport.Cause"/>.
    /// </summary>
    public async Task<OrderDone> StopForIncidentAsync(string cause, string detail)
    {
        var run = Lease?.Part.Run ?? "";
        _ = Stream?.Event(StreamEvent.Types.Kind.Incident, cause, detail);
        if (Lease is not null)
            Halt($"{cause}: {detail}");
        var stopping = StopAsync(StopMode.Immediate, detail);
        RaiseIncident(cause, run, detail);
        return await stopping;
    }

    /// <summary>Called four times a second, whatever the instrument does: looks for silence.</summary>
    public void Supervise() => TakeAlarms(Watch.Tick());

    /// <summary>Takes what may change while the channel runs; false when it needs a new channel.</summary>
    public virtual bool Use(ChannelConfig config)
    {
        _configText = config.Text;
        Watch.UseLocal(config.Alarms);
        return true;
    }

    /// <summary>Called once after the channel has ended and another takes its place or none does.</summary>
    public virtual void Retire()
    {
    }

    /// <summary>The lease that governs the channel now, by name; empty when none does.</summary>
    public string LeaseInForce => Lease?.Held.Lease.Name ?? "";

    /// <summary>True while a run is under way, so that the channel must not be taken away.</summary>
    public bool Busy => Lease is { } lease && Context.Journal.Query(s => s.Run(lease.Part.Run) is { Ended: false });

    /// <summary>Where events of alarms and incidents go.</summary>
    protected virtual ChannelRecorder? Stream => null;

    /// <summary>Writes alarms that begin or are over into the stream and does what their rules say.</summary>
    protected void TakeAlarms(IReadOnlyList<AlarmChange> changes)
    {
        foreach (var change in changes)
        {
            var text = $"{ChannelWatch.Words(change.Rule)} ({change.Value:0.######})";
            _ = Stream?.Event(change.Raised ? StreamEvent.Types.Kind.Alarm : StreamEvent.Types.Kind.AlarmCleared, change.Rule.Id, text);
            Context.Log($"{Channel}: alarm {change.Rule.Id} {(change.Raised ? "begins" : "is over")}: {text}");
            if (!change.Raised)
                continue;
            // Never on the reader's own thread: what a stop waits for is the next reading.
            if (change.Rule.Action == AlarmRule.Types.Action.StopIncident)
                _ = Task.Run(() => StopForIncidentAsync("alarm", $"{change.Rule.Id}: {text}"));
            else if (change.Rule.Action == AlarmRule.Types.Action.StopSafe && Lease is not null)
                _ = Task.Run(() => HaltSafely($"alarm: {change.Rule.Id}: {text}"));
        }
    }

    /// <summary>Ends the run of the lease in force through the program's safe step, where the driver has such.</summary>
    protected virtual void HaltSafely(string cause) => Halt(cause);

    /// <summary>Locks the channel and freezes the evidence; the output is off already, or cannot be switched off.</summary>
    protected void RaiseIncident(string cause, string run, string detail)
    {
        var incident = new IncidentReport { Channel = Channel, Run = run, Cause = cause, Detail = detail, UtcNs = Context.Clock.MachineNowNs };
        Context.Incidents.Raise(incident, () => new Evidence(new Dictionary<string, string>
        {
            ["channel.json"] = _configText,
            ["lease.json"] = Lease is { } lease ? JsonFormatter.Default.Format(lease.Held.Lease) : "{}",
            ["readings.csv"] = Watch.Capture.Readings(Watch.Signals),
            ["line.txt"] = Watch.Capture.Lines(),
        }));
    }

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
        : Context.Guard(Channel) is { } guard ? guard
        : Context.Journal.UsedFraction >= JournalOptions.NoNewStarts ? $"the journal is {Context.Journal.UsedFraction:P0} full{(Context.Journal.Stall is { } stall ? $" ({stall})" : "")}; no new run starts above {JournalOptions.NoNewStarts:P0}"
        : null;
}
