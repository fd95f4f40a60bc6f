using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.EdgeAgent.Uplink;
using BattKomp.Lab.V1;
using EventKind = BattKomp.Lab.V1.StreamEvent.Types.Kind;
using ReportState = BattKomp.Lab.V1.ChannelReport.Types.State;

namespace BattKomp.Lab.EdgeAgent.Instruments;

/// <summary>
/// An instrument on a line, whatever its protocol: reconnects for ever, records what it says, runs a leased program step by step or listens for as long as a
/// monitor's lease holds. State that must outlive a restart is read back from the journal, so a lost port and a lost agent are continued by the same code.
/// </summary>
public sealed class LineChannel : ChannelDriver
{
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(60);
    private static readonly string[] OwnIncidents = ["limit_volt", "limit_ampere", "limit_watt", "limit_celsius", "device_alarm", "output_stays_on"];
    private readonly LineDriver _driver;
    private volatile ChannelConfig _config;
    private readonly Func<IInstrumentLine> _open;
    private readonly LineRecords _records;
    private volatile IInstrumentSession? _session;
    private volatile CancellationTokenSource? _halt;
    private volatile CancellationTokenSource? _cutSafeStep;
    private volatile string? _haltCause;
    private volatile bool _haltSafely;
    private string _told = "";

    /// <summary>Prepares the channel; nothing is opened before <see cref="RunAsync"/>. <paramref name="open"/> throws <see cref="IOException"/>.</summary>
    public LineChannel(LineDriver driver, ChannelConfig config, Func<IInstrumentLine> open, DriverContext context)
        : base(config.Channel, context)
    {
        (_driver, _config, _open) = (driver, config, () => new CapturedLine(open(), Watch));
        _records = new LineRecords(driver, config, context, () => _halt is not null, Watch, TakeAlarms);
        Use(config);
    }

    /// <inheritdoc/>
    public override double Ampere => _session?.Last?.Ampere ?? double.NaN;

    /// <inheritdoc/>
    public override string LastReading => _session?.Last is { } last
        ? string.Join(", ", _driver.Signals.Zip(last.Values).Where(v => !double.IsNaN(v.Second)).Select(v => FormattableString.Invariant($"{v.First} {v.Second:0.####}"))) + $", output {last.Output.ToString().ToLowerInvariant()}"
        : "";

    /// <inheritdoc/>
    protected override ChannelRecorder Stream => _records.Recorder;

    /// <summary>Limits and alarms apply at once; anything else is another channel.</summary>
    public override bool Use(ChannelConfig config)
    {
        if (config with { Limits = _config.Limits, Alarms = _config.Alarms, Text = _config.Text, Settings = _config.Settings, Transport = _config.Transport } != _config || !SameSettings(config))
            return false;
        _config = config;
        return base.Use(config);
    }

    /// <inheritdoc/>
    public override async Task RunAsync(CancellationToken cancel)
    {
        var backOff = new BackOff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(3), Context.Machine);
        while (!cancel.IsCancellationRequested)
        {
            Watch.Promise(ConnectPatience);
            try
            {
                await using var session = await _driver.ConnectAsync(new SessionSetup(_open(), _config, _records.Take, Context.Machine, Context.Clock.Speed), cancel);
                Identified(session);
                _session = session;
                backOff.Reset();
                _records.LineIsBack(session.Identity);
                _told = "";
                await ServeAsync(session, cancel);
            }
            catch (IOException e)
            {
                LineIsLost(e.Message);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                // The agent stops; the program, if any, has ended itself already.
            }
            catch (Exception e)
            {
                // A defect in a driver ends its session, not the agent and the channels beside it; what the run is to do next is judged anew.
                LineIsLost($"a defect in the driver {_driver.Protocol}: {e.GetType().Name}: {e.Message}");
            }
            finally
            {
                _session = null;
            }
            if (!cancel.IsCancellationRequested)
                await backOff.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        Watch.Rest();
        await _records.Recorder.CloseAsync("agent_stopped").ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public override async Task<OrderDone> StopAsync(StopMode mode, string reason)
    {
        var started = Context.Machine.GetTimestamp();
        _haltSafely = mode == StopMode.Safe && Lease is not null;
        Halt($"stopped: {reason}");
        if (!_haltSafely)
            Cancel(_cutSafeStep);
        var done = new OrderDone { Channel = Channel };
        try
        {
            if (_session is not { } session)
                done.Detail = "the port is lost: the output goes off when it returns, or by the device's own limits";
            else if (session is not IPoweredSession powered)
                done.Done = true;
            else if (_haltSafely && Lease?.Part.Program?.SafeStep is not null)
                done.Detail = "the run goes to its safe step, then off; watch the run";
            else
                done.Done = await powered.OffAsync(CancellationToken.None);
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
        if (_driver.Control != ControlClass.Full || part.Control != ControlClass.Full)
            return $"control {part.Control} is leased; {_driver.Title} allows {_driver.Control}";
        var faults = ProgramCheck.Faults(part, _config.Limits).ToList();
        if (part.Program is { } program)
            faults.AddRange(program.Steps.Append(program.SafeStep).OfType<Step>()
                .Select((s, k) => s.Kind is Step.Types.Kind.Rest or Step.Types.Kind.Loop ? null : _driver.Fault(s, _config) is { } fault ? $"step {k + 1}: {fault}" : null).OfType<string>());
        return faults.Count == 0 ? null : string.Join("; ", faults);
    }

    /// <inheritdoc/>
    protected override void Halt(string cause)
    {
        // Without a lease there is nothing to end, and the next one must not find an old cause standing.
        if (Lease is null)
            return;
        _haltCause ??= cause;
        Cancel(_halt);
    }

    /// <inheritdoc/>
    protected override void HaltSafely(string cause)
    {
        _haltSafely = _haltCause is null;
        Halt(cause);
    }

    // Mappings and profiles are read afresh each time: the file's own words tell whether they are the same.
    private bool SameSettings(ChannelConfig config) =>
        config.Text == _config.Text || ConfigText.Without(config.Text, "limits", "alarms") == ConfigText.Without(_config.Text, "limits", "alarms");

    private static void Cancel(CancellationTokenSource? source)
    {
        try
        {
            source?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // What it would have stopped has ended by itself in this very moment.
        }
    }

    private void Identified(IInstrumentSession session)
    {
        if (_config.Identity.Length > 0 && !session.Identity.Contains(_config.Identity, StringComparison.Ordinal))
            throw new IOException($"{_config.Device} is \"{session.Identity}\", not \"{_config.Identity}\"; nothing is ordered of it. Correct device or identity.");
        if (SimulatedIdentity.Problem(session.Identity, _config.Simulated, _driver.NamesItself) is { } problem)
            throw new IOException($"{_config.Device}: {problem}.");
    }

    private void LineIsLost(string why)
    {
        if (!_records.LineIsLost())
            return;
        Context.Log($"{Channel}: {why}");
        Tell(ReportState.Fault, "", why);
    }

    private async Task ServeAsync(IInstrumentSession session, CancellationToken cancel)
    {
        while (true)
        {
            Promise();
            await EndOrphansAsync(session);
            if (Lease is { } lease)
                await UnderLeaseAsync(session, lease, cancel);
            else
                TellOnce(ReportState.Idle, "", session.Identity);
            cancel.ThrowIfCancellationRequested();
            Context.Clock.LookForStep();
            await session.NextAsync(cancel);
        }
    }

    private void Promise() => Watch.Promise(_driver.LongestSilence + TimeSpan.FromSeconds(5));

    private async Task UnderLeaseAsync(IInstrumentSession session, ChannelLease lease, CancellationToken cancel)
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
            await EndRunAsync(session, lease, track, _haltCause ?? "lease_over");
        else if (track is null && Blocked() is { } problem)
            TellOnce(ReportState.Fault, "", $"{run} does not start: {problem}");
        else if (Context.Locks.Reason(Channel) is { } locked)
            await EndRunAsync(session, lease, track, $"stopped: {locked}");
        else if (!verdict.MayEnergise)
            TellOnce(ReportState.Idle, run, "waiting for the lease's window");
        else if (lease.Part.Control == ControlClass.Monitor)
            Listen(session, lease, track);
        else
            await ProgramAsync((IPoweredSession)session, lease, track, cancel);
    }

    private void Listen(IInstrumentSession session, ChannelLease lease, RunTrack? track)
    {
        _records.OpenRun(lease, track, session.Identity);
        TellOnce(ReportState.Energised, lease.Part.Run, "listening");
    }

    private async Task ProgramAsync(IPoweredSession session, ChannelLease lease, RunTrack? track, CancellationToken cancel)
    {
        _records.OpenRun(lease, track, session.Identity);
        using var halt = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        _halt = halt;
        var run = new ProgramRun(new ProgramSetup(session, _driver, lease, Context, _records.Recorder, () => _config.Limits, step => Begun(lease, step), Promise));
        string end;
        try
        {
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
        if (_haltSafely)
            await SafeStepAsync(run, cancel);
        await EndRunAsync(session, lease, track, end);
    }

    private async Task SafeStepAsync(ProgramRun run, CancellationToken cancel)
    {
        using var cut = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        _cutSafeStep = cut;
        try
        {
            await run.SafeStepAsync(cut.Token);
        }
        catch (OperationCanceledException) when (cut.IsCancellationRequested)
        {
            // Stopped at once after all: the output goes off next.
        }
        finally
        {
            _cutSafeStep = null;
        }
    }

    private void Begun(ChannelLease lease, StepExecution step)
    {
        _records.Step = step;
        Watch.Promise(ConnectPatience);
        var where = step.StepId == 0 ? "safe step" : $"step {step.StepId} of {lease.Part.Program.Steps.Count}";
        Tell(ReportState.Energised, lease.Part.Run, $"{where}, {TypesOfSteps.Of(step.Step.Kind)}");
    }

    // Output off first; only then is the run called ended. A line that breaks here leaves the cause standing for the next session.
    private async Task EndRunAsync(IInstrumentSession session, ChannelLease lease, RunTrack? track, string end)
    {
        var off = lease.Part.Control == ControlClass.Monitor || session is not IPoweredSession powered || await powered.OffAsync(CancellationToken.None);
        var cause = end.Split(':')[0];
        var incident = !off ? "output_stays_on" : OwnIncidents.Contains(cause) ? cause : null;
        if (track is not null || _records.Recorder.Run == lease.Part.Run)
        {
            _records.OpenRun(lease, track, session.Identity);
            if (incident is not null)
                _ = _records.Recorder.Event(EventKind.Incident, incident, end);
            await _records.Recorder.Event(EventKind.Stopped, cause, off ? end : $"{end}; the device did not confirm output off");
            await _records.Recorder.CloseAsync(cause);
        }
        _records.Step = null;
        if (incident is not null)
            RaiseIncident(incident, lease.Part.Run, end);
        Tell(off ? ReportState.Ended : ReportState.Fault, lease.Part.Run, end, cause);
        Finished(lease);
    }

    private void Finished(ChannelLease lease)
    {
        DropLease(lease);
        Watch.UseLease([]);
        (_haltCause, _haltSafely) = (null, false);
        _told = "";
    }

    // A run that the journal knows as begun and not ended, and no lease for it: output off, and the run is closed with that reason.
    private async Task EndOrphansAsync(IInstrumentSession session)
    {
        var leased = Lease?.Part.Run ?? "";
        var orphan = Context.Journal.Query(s => s.Runs.LastOrDefault(r => r.Channel == Channel && !r.Ended && r.Run != leased && !r.Run.StartsWith("no-run/", StringComparison.Ordinal)) is { } t ? t with { } : null);
        if (orphan is null)
            return;
        if (session is IPoweredSession powered)
            await powered.OffAsync(CancellationToken.None);
        await _records.EndOrphanAsync(orphan, session.Identity);
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
