using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.V1;
using NodaTime;
using EventKind = BattKomp.Lab.V1.StreamEvent.Types.Kind;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Instruments.Ebc;

/// <summary>Carries one run's program out on one session. Ends by returning why the run ends; a lost line is an <see cref="IOException"/> and ends nothing.</summary>
internal sealed class EbcRun(EbcSession session, ChannelLease lease, DriverContext context, ChannelRecorder recorder, ChannelLimits local, Action<StepExecution> onStep)
{
    private const double VoltTolerance = 0.05;
    private const double AmpereTolerance = 0.05;
    private const int DoubtfulReports = 3;
    private static readonly TimeSpan SetTime = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan SyncInterval = TimeSpan.FromSeconds(1);
    private int _syncedMinutes;
    private long _syncedAt;

    /// <summary>Runs from the journalled position (null = the beginning) to the end. Returns the end's cause, "completed" when all steps are done.</summary>
    public async Task<string> StepsAsync(RunTrack? track, CancellationToken halt)
    {
        var cursor = new ProgramCursor(lease.Part.Program);
        var resuming = track is not null;
        if (track is { StepCount: > 0 })
        {
            if (cursor.SkipTo(track.StepCount) is not { } open)
                return $"position_lost: the program has no execution {track.StepCount}";
            if (track.StepOpen && await ContinueAsync(open, track.StepUtcNs, halt) is { } end)
                return end;
        }
        else if (session.Last is { Phase: EbcPhase.Active } && !resuming)
        {
            await session.StopAsync(halt);
        }
        while (cursor.Next() is { } next)
        {
            if (!LeaseRules.StepFits(lease.Held.Verdict, Duration.FromTimeSpan(context.Clock.ToMachine(next.Step.MaxSeconds)), lease.Held.Buffer))
                return $"lease_end: step {next.StepId} cannot be shown to end {lease.Held.Lease.BufferSeconds} s before the lease does";
            if (await BeginAsync(next, resuming, halt) is { } end)
                return end;
            resuming = false;
        }
        return "completed";
    }

    // The agent or the port was away in the middle of a step: what the device does now decides.
    private async Task<string?> ContinueAsync(StepExecution open, long startedNs, CancellationToken halt)
    {
        onStep(open);
        if (open.Step.Kind == Kind.Rest)
            return await WatchAsync(open, null, startedNs, halt);
        var (mode, settings) = EbcSteps.Of(open.Step);
        if (session.Last is not { } now || session.Settings != settings || now.Mode != mode)
            return "device_changed: the device no longer holds the step's settings";
        return now.Phase switch
        {
            EbcPhase.Active => await WatchAsync(open, settings, startedNs, halt),
            EbcPhase.Finished => await StepEndedAsync(open, "device_finished"),
            _ => "device_stopped: the device was switched off meanwhile",
        };
    }

    private async Task<string?> BeginAsync(StepExecution next, bool resuming, CancellationToken halt)
    {
        onStep(next);
        if (next.Step.Kind == Kind.Rest)
        {
            if (session.Last is { Phase: EbcPhase.Active } && !await session.StopAsync(halt))
                return "output_stays_on: the device did not confirm output off";
            var rested = context.Clock.LabNowNs;
            await recorder.Event(EventKind.StepStarted, "", EbcSteps.TypeOf(next.Step.Kind), rested, null, next.StepId, next.StepCount);
            return await WatchAsync(next, null, rested, halt);
        }
        var (mode, settings) = EbcSteps.Of(next.Step);
        var started = context.Clock.LabNowNs;
        // Killed between the start and its event: the device already does exactly this.
        var adopted = resuming && session.Last is { Phase: EbcPhase.Active } now && now.Mode == mode && session.Settings == settings;
        if (!adopted)
        {
            if (session.Last is { Phase: not EbcPhase.Idle })
                await session.StopAsync(halt);
            if (!await session.SetAsync(EbcCommand.Start, mode, settings, SetTime, halt))
                return "set_refused: the device's reports do not show the set values";
        }
        await recorder.Event(EventKind.StepStarted, "", EbcSteps.TypeOf(next.Step.Kind), started, null, next.StepId, next.StepCount);
        return await WatchAsync(next, settings, started, halt);
    }

    // Until the step ends (null) or the run must end (its cause).
    private async Task<string?> WatchAsync(StepExecution step, EbcSettings? settings, long startedNs, CancellationToken halt)
    {
        var doubtful = 0;
        while (true)
        {
            var report = await session.NextAsync(halt);
            var seconds = (context.Clock.LabNowNs - startedNs) / 1e9;
            if (settings is not null && report.ChecksumValid)
            {
                if (report.Phase == EbcPhase.Finished)
                    return await StepEndedAsync(step, "device_finished");
                var wrong = report.Phase == EbcPhase.Idle ? "device_stopped: nobody here ordered it"
                    : report.Settings is { } now && now != settings ? "set_changed: the device reports other set values than were set"
                    : LimitBroken(report);
                doubtful = wrong is null ? 0 : doubtful + 1;
                if (doubtful >= DoubtfulReports)
                    return wrong;
            }
            if (MustEnd() is { } end)
                return end;
            if (seconds >= step.Step.MaxSeconds)
                return await TimeIsUpAsync(step, settings, halt);
            await SyncMinuteAsync(settings is null ? 0 : seconds, halt);
        }
    }

    private async Task<string?> TimeIsUpAsync(StepExecution step, EbcSettings? settings, CancellationToken halt)
    {
        if (settings is not null && !await session.StopAsync(halt))
            return "output_stays_on: the device did not confirm output off";
        return await StepEndedAsync(step, "time_limit");
    }

    private async Task<string?> StepEndedAsync(StepExecution step, string cause)
    {
        await recorder.Event(EventKind.StepEnded, cause, EbcSteps.TypeOf(step.Step.Kind), null, null, step.StepId, step.StepCount);
        return null;
    }

    private string? MustEnd() =>
        lease.Held.Verdict.MustStop ? "lease_over: the lease's window has ended"
        : context.Journal.UsedFraction >= JournalOptions.SafeStop ? $"journal_full: {context.Journal.Stall ?? "the bound is near"}"
        : null;

    private string? LimitBroken(EbcReport report) =>
        new[] { local, lease.Part.Limits ?? new ChannelLimits() }.Select(l => LimitBroken(report, l)).FirstOrDefault(f => f is not null);

    private static string? LimitBroken(EbcReport report, ChannelLimits limits)
    {
        var ampere = report.Mode == EbcMode.CvCharge ? limits.MaxChargeAmpere : limits.MaxDischargeAmpere;
        return limits.MaxVolt > 0 && report.Volt > limits.MaxVolt + VoltTolerance ? $"limit_volt: {report.Volt} V, highest {limits.MaxVolt} V"
            : limits.MinVolt > 0 && report.Mode != EbcMode.CvCharge && report.Volt < limits.MinVolt - VoltTolerance ? $"limit_volt: {report.Volt} V, lowest {limits.MinVolt} V"
            : ampere > 0 && report.Ampere > ampere * (1 + AmpereTolerance) ? $"limit_ampere: {report.Ampere} A, limit {ampere} A"
            : null;
    }

    // Once a lab minute, but never faster than once a second of machine time on a scaled clock.
    private async Task SyncMinuteAsync(double seconds, CancellationToken halt)
    {
        var minutes = (int)Math.Min(999, seconds / 60);
        if (minutes == 0 || minutes == _syncedMinutes || context.Machine.GetElapsedTime(_syncedAt) < SyncInterval)
            return;
        (_syncedMinutes, _syncedAt) = (minutes, context.Machine.GetTimestamp());
        await session.SyncMinuteAsync(minutes, halt);
    }
}
