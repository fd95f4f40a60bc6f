using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.EdgeAgent.Uplink;
using BattKomp.Lab.V1;
using ReportState = BattKomp.Lab.V1.ChannelReport.Types.State;

namespace BattKomp.Lab.EdgeAgent.Instruments.Ebc;

/// <summary>Settings of one EBC channel.</summary>
/// <param name="Channel">rigs/…/channels/…</param>
/// <param name="Limits">Local limits; the lease's own come on top.</param>
/// <param name="Simulated">True for a simulator.</param>
/// <param name="Open">Opens the line to the device; throws <see cref="IOException"/>.</param>
public sealed record EbcOptions(string Channel, ChannelLimits Limits, bool Simulated, Func<IInstrumentLine> Open);

/// <summary>
/// An EBC-A20 on a line: reconnects for ever, records whatever flows, runs a leased program step by step. State that must outlive a restart is read back
/// from the journal, so a lost port and a lost agent are continued by the same code.
/// </summary>
public sealed class EbcChannel : ChannelDriver
{
    /// <summary>Protocol name, as the catalogue spells it.</summary>
    public const string Protocol = "ebc-a20";

    private static readonly string[] Signals =
        ["test_time_second", "voltage_volt", "current_ampere", "step_count", "cycle_count", "step_id", "step_cumulative_capacity_ah"];

    private readonly EbcOptions _options;
    private readonly ChannelRecorder _recorder;
    private volatile EbcSession? _session;
    private volatile StepExecution? _step;
    private volatile CancellationTokenSource? _halt;
    private volatile string? _haltCause;
    private long _runStartNs;
    private long _lostFromNs;
    private long _droppedFromNs;
    private string _told = "";

    /// <summary>Prepares the channel; nothing is opened before <see cref="RunAsync"/>.</summary>
    public EbcChannel(EbcOptions options, DriverContext context)
        : base(options.Channel, context)
    {
        _options = options;
        _recorder = new ChannelRecorder(context.Journal, context.Names, context.Clock,
            new RecordedChannel(options.Channel, Protocol, options.Simulated, Signals, ["step_type"]));
    }

    /// <inheritdoc/>
    public override async Task RunAsync(CancellationToken cancel)
    {
        var backOff = new BackOff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(3), Context.Machine);
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await using var session = await EbcSession.ConnectAsync(_options.Open(), Record, Context.Machine, cancel);
                _session = session;
                backOff.Reset();
                PortIsBack();
                await ServeAsync(session, cancel);
            }
            catch (IOException e)
            {
                PortIsLost(e.Message);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                // The agent stops; the program, if any, has ended itself already.
            }
            finally
            {
                _session = null;
            }
            if (!cancel.IsCancellationRequested)
                await backOff.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await _recorder.CloseAsync("agent_stopped").ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public override async Task<OrderDone> StopAsync(StopMode mode, string reason)
    {
        var started = Context.Machine.GetTimestamp();
        // Output off is this device's safe state and can be entered at any moment: SAFE and IMMEDIATE are the same.
        Halt($"stopped: {reason}");
        var done = new OrderDone { Channel = Channel };
        try
        {
            if (_session is { } session)
                done.Done = await session.StopAsync(CancellationToken.None);
            else
                done.Detail = "the port is lost: the output goes off when it returns, or by the device's own limits";
        }
        catch (IOException e)
        {
            done.Detail = $"the port broke during the stop: {e.Message}";
        }
        done.SecondsToSafe = Context.Machine.GetElapsedTime(started).TotalSeconds;
        return done;
    }

    /// <inheritdoc/>
    protected override string? Refuse(LeasedChannel part)
    {
        if (part.Control == ControlClass.Monitor)
            return null;
        var faults = ProgramCheck.Faults(part, _options.Limits).ToList();
        if (part.Program is not null)
            faults.AddRange(part.Program.Steps.Select((s, k) => EbcSteps.Fault(s) is { } fault ? $"step {k + 1}: {fault}" : null).OfType<string>());
        return faults.Count == 0 ? null : string.Join("; ", faults);
    }

    /// <inheritdoc/>
    protected override void Halt(string cause)
    {
        _haltCause ??= cause;
        try
        {
            _halt?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The run has ended by itself in this very moment.
        }
    }

    private void PortIsLost(string why)
    {
        if (_lostFromNs == 0)
        {
            _lostFromNs = _recorder.IsOpen ? _recorder.LastStampNs : Context.Clock.LabNowNs;
            Context.Log($"{Channel}: {why}");
            Tell(ReportState.Fault, "", why);
        }
    }

    private void PortIsBack()
    {
        if (_lostFromNs != 0 && _recorder.IsOpen)
            _ = _recorder.Event(StreamEvent.Types.Kind.Outage, "port_lost", "", _lostFromNs, Context.Clock.LabNowNs);
        _lostFromNs = 0;
        _told = "";
    }

    // Runs on the reader: every report of a run, and of any current that flows without one.
    private void Record(EbcReport report)
    {
        var run = _recorder.Run.Length > 0;
        if (!_recorder.IsOpen && report.Phase == EbcPhase.Active && _halt is null && _session is { } session)
        {
            _runStartNs = Context.Clock.LabNowNs;
            _recorder.Open("", "", session.Identity);
        }
        if (!_recorder.IsOpen || _lostFromNs != 0)
            return;
        var now = Context.Clock.LabNowNs;
        if (_recorder.IsCongested)
        {
            _droppedFromNs = _droppedFromNs == 0 ? now : _droppedFromNs;
            return;
        }
        if (_droppedFromNs != 0)
        {
            _ = _recorder.Event(StreamEvent.Types.Kind.Outage, "journal_full", Context.Journal.Stall ?? "", _droppedFromNs, now);
            _droppedFromNs = 0;
        }
        var step = run ? _step : null;
        _ = _recorder.Add(new RecordRow(now,
            [(now - _runStartNs) / 1e9, report.Volt, report.SignedAmpere, step?.StepCount ?? double.NaN, step?.Cycle ?? double.NaN, step?.StepId ?? double.NaN, report.AmpereHour],
            [step is null ? "" : EbcSteps.TypeOf(step.Step.Kind)],
            report.ChecksumValid ? Quality.Good : Quality.Suspect));
        if (!run && report.Phase != EbcPhase.Active)
            _ = _recorder.CloseAsync("no_current_without_lease");
    }

    private async Task ServeAsync(EbcSession session, CancellationToken cancel)
    {
        // The first reports after connect carry the firmware in place of the set values; both are needed before anything is judged.
        await session.WaitAsync(r => r.Settings is not null, TimeSpan.FromSeconds(3), cancel);
        while (true)
        {
            await EndOrphansAsync(session);
            if (Lease is { } lease && lease.Part.Control != ControlClass.Monitor)
                await UnderLeaseAsync(session, lease, cancel);
            else
                TellOnce(ReportState.Idle, "", session.Identity);
            cancel.ThrowIfCancellationRequested();
            Context.Clock.LookForStep();
            await session.NextAsync(cancel);
        }
    }

    private async Task UnderLeaseAsync(EbcSession session, ChannelLease lease, CancellationToken cancel)
    {
        var run = lease.Part.Run;
        var track = Context.Journal.Query(s => s.Run(run) is { } t ? t with { } : null);
        var verdict = lease.Held.Verdict;
        if (track is { Ended: true })
        {
            Tell(ReportState.Ended, run, "the run has ended", track.EndReason);
            Finished(lease);
        }
        else if (_haltCause is { } cause || verdict.MustStop)
        {
            await EndRunAsync(session, lease, track, _haltCause ?? "lease_over");
        }
        else if (track is null && Blocked() is { } problem)
        {
            TellOnce(ReportState.Fault, "", $"{run} does not start: {problem}");
        }
        else if (Context.Locks.Reason(Channel) is { } locked)
        {
            await EndRunAsync(session, lease, track, $"stopped: {locked}");
        }
        else if (verdict.MayEnergise)
        {
            await ProgramAsync(session, lease, track, cancel);
        }
        else
        {
            TellOnce(ReportState.Idle, run, "waiting for the lease's window");
        }
    }

    private async Task ProgramAsync(EbcSession session, ChannelLease lease, RunTrack? track, CancellationToken cancel)
    {
        OpenRunStream(session, lease, track);
        using var halt = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        _halt = halt;
        string end;
        try
        {
            var run = new EbcRun(session, lease, Context, _recorder, _options.Limits, step =>
            {
                _step = step;
                Tell(ReportState.Energised, lease.Part.Run, $"step {step.StepId} of {lease.Part.Program.Steps.Count}, {EbcSteps.TypeOf(step.Step.Kind)}");
            });
            end = _haltCause ?? await run.StepsAsync(track, halt.Token);
        }
        catch (OperationCanceledException) when (halt.IsCancellationRequested)
        {
            end = _haltCause ?? "agent_stopped";
        }
        finally
        {
            _halt = null;
        }
        _haltCause ??= end;
        await EndRunAsync(session, lease, track, end);
    }

    private void OpenRunStream(EbcSession session, ChannelLease lease, RunTrack? track)
    {
        if (_recorder.IsOpen && _recorder.Run == lease.Part.Run)
            return;
        var now = Context.Clock.LabNowNs;
        Volatile.Write(ref _runStartNs, track?.StartUtcNs ?? now);
        _recorder.Open(lease.Held.Lease.Name, lease.Part.Run, session.Identity);
        if (track is not null)
            _ = _recorder.Event(StreamEvent.Types.Kind.Outage, "agent_restart", "", track.LastUtcNs, now);
    }

    // Output off first; only then is the run called ended. A port that breaks here leaves the cause standing for the next session.
    private async Task EndRunAsync(EbcSession session, ChannelLease lease, RunTrack? track, string end)
    {
        var off = await session.StopAsync(CancellationToken.None);
        var cause = end.Split(':')[0];
        if (track is not null || _recorder.Run == lease.Part.Run)
        {
            OpenRunStream(session, lease, track);
            await _recorder.Event(StreamEvent.Types.Kind.Stopped, cause, off ? end : $"{end}; the device did not confirm output off");
            await _recorder.CloseAsync(cause);
        }
        _step = null;
        Tell(off ? ReportState.Ended : ReportState.Fault, lease.Part.Run, end, cause);
        Finished(lease);
    }

    private void Finished(ChannelLease lease)
    {
        DropLease(lease);
        _haltCause = null;
        _told = "";
    }

    // A run that the journal knows as begun and not ended, and no lease for it: output off, and the run is closed with that reason.
    private async Task EndOrphansAsync(EbcSession session)
    {
        var leased = Lease?.Part.Run ?? "";
        var orphan = Context.Journal.Query(s => s.Runs.LastOrDefault(r => r.Channel == Channel && !r.Ended && r.Run != leased && !r.Run.StartsWith("no-run/", StringComparison.Ordinal)) is { } t ? t with { } : null);
        if (orphan is null)
            return;
        await session.StopAsync(CancellationToken.None);
        _recorder.Open("", orphan.Run, session.Identity);
        _ = _recorder.Event(StreamEvent.Types.Kind.Outage, "agent_restart", "", orphan.LastUtcNs, Context.Clock.LabNowNs);
        await _recorder.Event(StreamEvent.Types.Kind.Stopped, "no_lease", "the agent holds no lease for this run any more");
        await _recorder.CloseAsync("no_lease");
        Tell(ReportState.Ended, orphan.Run, "the agent holds no lease for this run any more", "no_lease");
    }

    private void TellOnce(ReportState state, string run, string detail)
    {
        var told = $"{state}|{run}|{detail}";
        if (told == _told)
            return;
        _told = told;
        Tell(state, run, detail);
    }
}
