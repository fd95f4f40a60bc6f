using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.EdgeAgent.Safety.Alarms;
using BattKomp.Lab.V1;
using EventKind = BattKomp.Lab.V1.StreamEvent.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Instruments;

/// <summary>
/// What a line channel writes: every reading of a run, and of any current that flows without one, with the step it belongs to; each stretch in which nobody
/// listened as an OUTAGE in its place.
/// </summary>
internal sealed class LineRecords
{
    private static readonly string[] Common = [JournalSignals.TestTime, "step_count", "cycle_count", "step_id"];
    private readonly DriverContext _context;
    private readonly Func<bool> _runs;
    private readonly ChannelWatch _watch;
    private readonly Action<IReadOnlyList<AlarmChange>> _alarms;
    private readonly bool _powered;
    // The session's reader decides on idle streams while the channel's own task opens runs: without it, an idle stream could take a run's place.
    private readonly Lock _streams = new();
    private volatile StepExecution? _step;
    private volatile string _identity = "";
    private volatile LabStopwatch _sinceStart;
    private long _lostFromNs;
    private readonly TimeSpan _longestPause;
    private long _droppedFromNs;
    private long _heard;

    public LineRecords(LineDriver driver, ChannelConfig config, DriverContext context, Func<bool> runs, ChannelWatch watch, Action<IReadOnlyList<AlarmChange>> alarms)
    {
        (_context, _runs, _powered, _watch, _alarms) = (context, runs, driver.Control == ControlClass.Full, watch, alarms);
        _sinceStart = context.Clock.Stopwatch();
        watch.Signals = [.. Common, .. driver.Signals];
        _longestPause = driver.LongestPause;
        Recorder = new ChannelRecorder(context.Journal, context.Names, context.Clock,
            new RecordedChannel(config.Channel, driver.Protocol, config.Simulated, [.. Common, .. driver.Signals], ["step_type", .. driver.Texts]));
    }

    /// <summary>The channel's streams.</summary>
    public ChannelRecorder Recorder { get; }

    /// <summary>Step that readings belong to; null outside a program.</summary>
    public StepExecution? Step
    {
        get => _step;
        set => _step = value;
    }

    /// <summary>Runs on the session's reader. Every reading is judged for alarms; while one stands, an idle channel records too.</summary>
    public void Take(Reading reading)
    {
        var flows = _powered && reading.Output == OutputState.On && !double.IsNaN(reading.Ampere);
        IReadOnlyList<AlarmChange> changes;
        lock (_streams)
            changes = Record(reading, flows);
        _alarms(changes);
        lock (_streams)
        {
            if (Recorder.IsOpen && Recorder.Run.Length == 0 && !flows && !_watch.AnyAlarm)
                _ = Recorder.CloseAsync("no_current_without_lease");
        }
    }

    private IReadOnlyList<AlarmChange> Record(Reading reading, bool flows)
    {
        var row = Row(reading, Recorder.Run.Length > 0 ? _step : null);
        var changes = _watch.Judge(row);
        if (!Recorder.IsOpen && (flows || _watch.AnyAlarm) && !_runs() && _identity.Length > 0)
        {
            _sinceStart = _context.Clock.Stopwatch();
            Recorder.Open("", "", _identity);
            row = Row(reading, null);
        }
        if (Recorder.IsOpen && Volatile.Read(ref _lostFromNs) == 0 && HasRoom())
        {
            TellSilence(row.StampNs);
            // A run may be closing its stream: what is read after its end belongs to it no more.
            _ = Recorder.TryAdd(row);
        }
        return changes;
    }

    // An instrument that answered nothing usable for a while, on a line that held, was not listened to either.
    private void TellSilence(long now)
    {
        var heard = Interlocked.Exchange(ref _heard, _context.Machine.GetTimestamp());
        if (heard != 0 && _context.Machine.GetElapsedTime(heard) > _longestPause)
            _ = Recorder.Event(EventKind.Outage, "no_answer", "", Recorder.LastStampNs, now);
    }

    private RecordRow Row(Reading reading, StepExecution? step)
    {
        var now = _context.Clock.LabNowNs;
        return new RecordRow(now,
            [_sinceStart.Seconds, step?.StepCount ?? double.NaN, step?.Cycle ?? double.NaN, step?.StepId ?? double.NaN, .. reading.Values],
            [step is null ? "" : TypesOfSteps.Of(step.Step.Kind), .. reading.Texts], reading.Quality);
    }

    /// <summary>Opens the run's stream, or keeps the one that is open; what was missed since the journal's last record of it is an outage.</summary>
    public void OpenRun(ChannelLease lease, RunTrack? track, string identity)
    {
        lock (_streams)
            OpenRunAlone(lease, track, identity);
    }

    private void OpenRunAlone(ChannelLease lease, RunTrack? track, string identity)
    {
        if (Recorder.IsOpen && Recorder.Run == lease.Part.Run)
            return;
        var now = _context.Clock.LabNowNs;
        // Test time goes on over a restart by the wall clock, but never backwards when that was set meanwhile.
        _sinceStart = _context.Clock.Stopwatch(track is null ? 0 : Math.Max(track.TestTimeSecond, (now - track.StartUtcNs) / 1e9));
        _watch.UseLease(lease.Part.Alarms);
        Recorder.Open(lease.Held.Lease.Name, lease.Part.Run, identity, calibrations: lease.Part.Calibrations);
        Volatile.Write(ref _heard, 0);
        if (track is not null)
            _ = Recorder.Event(EventKind.Outage, "agent_restart", "", track.LastUtcNs, now);
    }

    /// <summary>Closes a run that has lost its lease.</summary>
    public async Task EndOrphanAsync(RunTrack orphan, string identity)
    {
        lock (_streams)
            Recorder.Open("", orphan.Run, identity);
        _ = Recorder.Event(EventKind.Outage, "agent_restart", "", orphan.LastUtcNs, _context.Clock.LabNowNs);
        await Recorder.Event(EventKind.Stopped, "no_lease", "the agent holds no lease for this run any more");
        await Recorder.CloseAsync("no_lease");
    }

    /// <summary>Notes that the line is gone; false when that was known.</summary>
    public bool LineIsLost()
    {
        if (Volatile.Read(ref _lostFromNs) != 0)
            return false;
        Volatile.Write(ref _lostFromNs, Recorder.IsOpen ? Recorder.LastStampNs : _context.Clock.LabNowNs);
        return true;
    }

    /// <summary>Notes that an identified instrument is on the line again.</summary>
    public void LineIsBack(string identity)
    {
        _identity = identity;
        if (Volatile.Read(ref _lostFromNs) is not 0 and var from && Recorder.IsOpen)
            _ = Recorder.Event(EventKind.Outage, "port_lost", "", from, _context.Clock.LabNowNs);
        Volatile.Write(ref _heard, 0);
        Volatile.Write(ref _lostFromNs, 0);
    }

    // An instrument cannot wait: when the disk is far behind, readings are dropped and the stretch is told.
    private bool HasRoom()
    {
        var now = _context.Clock.LabNowNs;
        if (Recorder.IsCongested)
        {
            _droppedFromNs = _droppedFromNs == 0 ? now : _droppedFromNs;
            return false;
        }
        if (_droppedFromNs != 0)
        {
            _ = Recorder.Event(EventKind.Outage, "journal_full", _context.Journal.Stall ?? "", _droppedFromNs, now);
            Volatile.Write(ref _heard, 0);
            _droppedFromNs = 0;
        }
        return true;
    }
}
