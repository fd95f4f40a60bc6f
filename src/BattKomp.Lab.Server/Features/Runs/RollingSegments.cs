using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Datasets;
using BattKomp.Lab.Server.Platform.Sweeps;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>Closes a segment of every running run for which one is due.</summary>
public sealed class RollingSegments(RunRegister runs, Segments segments, ILogger<RollingSegments> log) : ISweep
{
    /// <inheritdoc/>
    public string Name => "rolling-segments";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var running = await runs.InStageAsync(RunStage.Running, cancel);
        await running.EachAsync(run => RollAsync(run.Name, cancel), run => run.Name, log, cancel);
    }

    private async Task RollAsync(string run, CancellationToken cancel)
    {
        while (await segments.RollAsync(run, cancel) is not null) runs.NoteChanged();
    }
}
