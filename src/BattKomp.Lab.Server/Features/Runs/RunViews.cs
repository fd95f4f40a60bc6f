using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Datasets;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>Runs as a caller may see them. The slice's way out: whoever shows a run asks here.</summary>
public sealed class RunViews(RunRegister runs, Segments segments, MachineClock clock)
{
    /// <summary>How much of a run the caller sees.</summary>
    public ViewLevel LevelOf(Caller caller, RunRow run) => Views.View(caller, run.Viewable, clock.Now);

    /// <summary>The run, and how much of it the caller sees: never hidden.</summary>
    /// <exception cref="LabException">RESOURCE_NOT_FOUND when absent or hidden.</exception>
    public async Task<(RunRow Run, ViewLevel Level)> GetAsync(Caller caller, string name, CancellationToken cancel)
    {
        var run = await runs.FindAsync(name, cancel);
        var level = run is null ? ViewLevel.Hidden : LevelOf(caller, run);
        return level == ViewLevel.Hidden ? throw LabErrors.NotFound(name) : (run!, level);
    }

    /// <summary>The message; the safety view says that it is there, when, where and how it stands, not what is tested or for whom.</summary>
    public async Task<Run> MessageAsync(RunRow run, ViewLevel level, CancellationToken cancel)
    {
        var message = new Run
        {
            Name = run.Name,
            Channel = run.Channel,
            Booking = run.Stage is RunStage.Missed ? "" : run.Booking,
            Lease = run.Lease,
            State = StateOf(run.Stage),
            StartTime = Timestamps.FromMicros(run.StartUs),
            EndTime = Timestamps.FromMicros(run.EndUs),
            EndReason = run.EndReason,
            Flags = { run.Flags },
            Calibrations = { run.Calibrations },
        };
        if (level != ViewLevel.Full) return message;
        message.CellTest = run.CellTest;
        message.Procedure = run.Procedure;
        message.ProcedureSha256 = run.ProcedureSha256;
        message.ProcedurePosition = run.Position;
        message.RecordsStored = run.Records;
        message.Segments.AddRange(await segments.MessagesOfRunAsync(run.Name, cancel));
        return message;
    }

    /// <summary>The state on the wire.</summary>
    public static RunState StateOf(RunStage stage) => stage switch
    {
        RunStage.Ready => RunState.Ready,
        RunStage.Running => RunState.RunningNow,
        RunStage.Ended => RunState.Ended,
        RunStage.Final => RunState.Final,
        RunStage.Missed => RunState.Missed,
        _ => throw new ArgumentOutOfRangeException(nameof(stage)),
    };
}
