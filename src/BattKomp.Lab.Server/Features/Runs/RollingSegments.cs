using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Datasets;
using BattKomp.Lab.Server.Platform.Sweeps;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>Closes a segment of every running run for which one is due.</summary>
public sealed class RollingSegments(RunRegister runs, Segments segments) : ISweep
{
    /// <inheritdoc/>
    public string Name => "rolling-segments";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        foreach (var run in await runs.InStageAsync(RunStage.Running, cancel))
            while (await segments.RollAsync(run.Name, cancel) is not null)
                runs.NoteChanged();
    }
}
