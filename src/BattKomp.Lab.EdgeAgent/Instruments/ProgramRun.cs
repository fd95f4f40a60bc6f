using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.V1;
using NodaTime;
using EventKind = BattKomp.Lab.V1.StreamEvent.Types.Kind;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Instruments;

/// <summary>What a program is run with.</summary>
/// <param name="Session">The instrument.</param>
/// <param name="Driver">Its kind.</param>
/// <param name="Lease">What allows it.</param>
/// <param name="Context">Clocks and journal.</param>
/// <param name="Recorder">Where step events go.</param>
/// <param name="Local">Limits of the agent's own configuration.</param>
/// <param name="OnStep">Told of each execution.</param>
/// <param name="OnTurn">Told of each reading that the program has judged: the loop turns.</param>
internal sealed record ProgramSetup(IPoweredSession Session, InstrumentDriver Driver, ChannelLease Lease, DriverContext Context, ChannelRecorder Recorder,
    Func<ChannelLimits> Local, Action<StepExecution> OnStep, Action OnTurn);

/// <summary>Carries one run's program out on one session. Ends by returning why the run ends; a lost line is an <see cref="IOException"/> and ends nothing.</summary>
internal sealed class ProgramRun(ProgramSetup setup)
{
    private const int DoubtfulReadings = 3;
    private const string StaysOn = "output_stays_on: the device did not confirm output off";
    private readonly IPoweredSession _session = setup.Session;
    private EarlyEnd _early;

    private DriverContext Context => setup.Context;

    /// <summary>Runs from the journalled position (null = the beginning) to the end. Returns the end's cause, "completed" when all steps are done.</summary>
    public async Task<string> StepsAsync(RunTrack? track, CancellationToken halt)
    {
        var cursor = new ProgramCursor(setup.Lease.Part.Program);
        var resuming = track is not null;
        if (track is { StepCount: > 0 })
        {
            if (cursor.SkipTo(track.StepCount, track.Jumps) is not { } open)
                return $"position_lost: the program has no execution {track.StepCount}";
            cursor.TakeJump(track.Jumps);
            if (track.StepOpen && (await ContinueAsync(open, track.StepUtcNs, halt) ?? Onward(cursor)) is { } end)
                return end;
        }
        else if (_session.Last is { Output: OutputState.On } && !resuming)
        {
            await _session.OffAsync(halt);
        }
        while (cursor.Next() is { } next)
        {
            if (!Fits(next.Step))
                return $"lease_end: step {next.StepId} cannot be shown to end {setup.Lease.Held.Lease.BufferSeconds} s before the lease does";
            if ((await BeginAsync(next, resuming, halt) ?? Onward(cursor)) is { } end)
                return end;
            resuming = false;
        }
        return "completed";
    }

    /// <summary>The program's safe step, when it has one that fits into the lease; its end is not told as a step of the program.</summary>
    public async Task SafeStepAsync(CancellationToken halt)
    {
        if (setup.Lease.Part.Program?.SafeStep is not { } step || !Fits(step))
            return;
        await BeginAsync(new StepExecution(step, 0, 0, 0), resuming: false, halt);
    }

    private bool Fits(Step step) =>
        LeaseRules.StepFits(setup.Lease.Held.Verdict, Duration.FromTimeSpan(Context.Clock.ToMachine(step.MaxSeconds)), setup.Lease.Held.Buffer);

    private string? Onward(ProgramCursor cursor)
    {
        var early = _early;
        _early = default;
        if (early.EndsRun)
            return early.Cause;
        if (early.Goto > 0)
            cursor.JumpTo(early.Goto);
        return null;
    }

    // The agent or the port was away in the middle of a step: what the device does now decides.
    private async Task<string?> ContinueAsync(StepExecution open, long startedNs, CancellationToken halt)
    {
        setup.OnStep(open);
        // The wall clock may have been set while nobody was here: time into a step is never negative, nor more than the step has.
        var into = Context.Clock.Stopwatch(Math.Clamp((Context.Clock.LabNowNs - startedNs) / 1e9, 0, open.Step.MaxSeconds));
        if (open.Step.Kind == Kind.Rest)
            return await WatchAsync(open, energised: false, into, halt);
        // What was read while connecting may be of the connecting itself, and one reading may be torn: it takes as many as in a step.
        for (var doubtful = 1; !_session.Holds(open.Step) && doubtful < DoubtfulReadings; doubtful++)
            await _session.NextAsync(halt);
        if (_session.Last is not { } now || !_session.Holds(open.Step))
            return $"device_changed: the device no longer holds the settings of step {open.StepId}, execution {open.StepCount}{(_session.SetValues is { Length: > 0 } held ? $"; it reports {held}" : "")}";
        return now.Output switch
        {
            OutputState.On => await WatchAsync(open, energised: true, into, halt),
            OutputState.Finished => await StepEndedAsync(open, "device_finished"),
            _ => "device_stopped: the device was switched off meanwhile",
        };
    }

    private async Task<string?> BeginAsync(StepExecution next, bool resuming, CancellationToken halt)
    {
        setup.OnStep(next);
        var (started, into) = (Context.Clock.LabNowNs, Context.Clock.Stopwatch());
        if (next.Step.Kind == Kind.Rest)
        {
            if (!setup.Driver.RestHolds && _session.Last is { Output: OutputState.On } && !await _session.OffAsync(halt))
                return StaysOn;
            await StepStartedAsync(next, started);
            return await WatchAsync(next, energised: false, into, halt);
        }
        // Killed between the start and its event: the device already does exactly this.
        var adopted = resuming && _session.Last is { Output: OutputState.On } && _session.Holds(next.Step);
        if (!adopted && await _session.BeginAsync(next.Step, halt) is { } refused)
            return refused;
        await StepStartedAsync(next, started);
        return await WatchAsync(next, energised: true, into, halt);
    }

    private Task StepStartedAsync(StepExecution step, long startedNs) =>
        setup.Recorder.Event(EventKind.StepStarted, "", TypesOfSteps.Of(step.Step.Kind), startedNs, null, step.StepId, step.StepCount);

    // Until the step ends (null) or the run must end (its cause).
    private async Task<string?> WatchAsync(StepExecution step, bool energised, LabStopwatch into, CancellationToken halt)
    {
        var doubtful = 0;
        var ends = new StepEnd(step.Step, setup.Driver.Signals, !energised || _session.EndsSteps);
        while (true)
        {
            setup.OnTurn();
            var reading = await _session.NextAsync(halt);
            Context.Clock.LookForStep();
            var second = into.Seconds;
            var sound = reading.Quality != Quality.Suspect;
            if (energised && sound && reading.Output == OutputState.Finished)
                return await StepEndedAsync(step, "device_finished");
            if (sound)
            {
                var wrong = Wrong(step.Step, reading, energised);
                doubtful = wrong is null ? 0 : doubtful + 1;
                if (doubtful >= DoubtfulReadings)
                    return wrong;
                if (wrong is null && ends.Judge(reading, second) is { } early)
                    return await EndEarlyAsync(step, energised, early, halt);
            }
            if (MustEnd() is { } end)
                return end;
            if (second >= step.Step.MaxSeconds)
                return await EndEarlyAsync(step, energised, new EarlyEnd("time_limit"), halt);
            if (energised)
                await _session.KeepAliveAsync(TimeSpan.FromSeconds(second), halt);
        }
    }

    private string? Wrong(Step step, Reading reading, bool energised) =>
        LimitCheck.Broken(reading, step, setup.Local(), setup.Lease.Part.Limits)
        ?? (reading.DeviceAlarm.Length > 0 && energised ? $"device_alarm: {reading.DeviceAlarm}" : null)
        ?? (!energised ? null
            : reading.Output == OutputState.Off ? "device_stopped: nobody here ordered it"
            : !_session.Holds(step) ? "set_changed: the device reports other set values than were set"
            : null);

    private async Task<string?> EndEarlyAsync(StepExecution step, bool energised, EarlyEnd early, CancellationToken halt)
    {
        // A chamber that has reached its temperature stays there.
        if (energised && step.Step.Kind != Kind.Temperature && !await _session.OffAsync(halt))
            return StaysOn;
        _early = early;
        return await StepEndedAsync(step, early.Cause, early.Goto);
    }

    private async Task<string?> StepEndedAsync(StepExecution step, string cause, int gotoStep = 0)
    {
        await setup.Recorder.Event(EventKind.StepEnded, cause, TypesOfSteps.Of(step.Step.Kind), null, null, step.StepId, step.StepCount, gotoStep);
        return null;
    }

    private string? MustEnd() =>
        setup.Lease.Held.Verdict.MustStop ? "lease_over: the lease's window has ended"
        : Context.Journal.UsedFraction >= JournalOptions.SafeStop ? $"journal_full: {Context.Journal.Stall ?? "the bound is near"}"
        : null;
}
