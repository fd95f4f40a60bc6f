using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Datasets;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.Telemetry;
using BookingState = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>
/// Makes ended runs final: every stream closed, nothing missing, nothing new for the settle time; or the grace time is over,
/// and what is missing becomes a flag. The segments are written first, so that a final run always has its archive.
/// </summary>
public sealed class RunFinal(
    CalendarDatabase database, RunRegister runs, BookingCalendar bookings, Segments segments, ITelemetryStore store, LabOptions options, MachineClock clock,
    ILogger<RunFinal> log) : ISweep
{
    private readonly Stillness _still = new(clock.Provider);

    /// <inheritdoc/>
    public string Name => "run-final";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var ended = await runs.InStageAsync(RunStage.Ended, cancel);
        _still.Keep(ended.Select(r => r.Name));
        await ended.EachAsync(run => SettleAsync(run, cancel), run => run.Name, log, cancel);
        var late = await database.ReadAsync(tx => RunStore.LateAsync(tx, cancel), cancel);
        await late.EachAsync(run => SealAgainAsync(run, cancel), run => run.Name, log, cancel);
    }

    private async Task SettleAsync(RunRow run, CancellationToken cancel)
    {
        var streams = await store.GetStreamsAsync(run.Name, cancel);
        var open = streams.Count == 0 || streams.Any(s => s.ClosedLastSeq is null);
        var gaps = streams.Any(s => s.Gaps.Count > 0);
        var still = _still.For(run.Name, $"{streams.Count}/{streams.Sum(s => s.StoredCount)}/{open}");
        var over = Micros.FromInstant(clock.Now) - (run.EndUs ?? 0) >= options.Runs.GraceSeconds * 1e6;
        if (over || (!open && !gaps && still.TotalSeconds >= options.Runs.SettleSeconds)) await FinaliseAsync(run, open && streams.Count > 0, gaps, cancel);
    }

    // Records that came for a final run become one more segment; a new dataset version may then supersede the old.
    private async Task SealAgainAsync(RunRow run, CancellationToken cancel)
    {
        // A report of records that the last segment holds already may come after the sealing: then nothing is new.
        var before = (await segments.OfRunAsync(run.Name, cancel)).Count;
        var grew = (await segments.SealAsync(run.Name, cancel)).Count > before;
        var counts = await store.CountAsync(run.Name, cancel);
        await database.WriteAsync(async tx =>
        {
            if (await RunStore.FindAsync(tx, run.Name, cancel) is not { Stage: RunStage.Final } now) return;
            if (grew) await RunStore.UpdateAsync(tx, now with { Flags = [.. now.Flags.Union([StreamFlags.LateRecords])] }, RunStage.Final, cancel);
            await RunStore.SetFinalAsync(tx, run.Name, counts.Records, Micros.FromInstant(clock.Now), cancel);
        }, cancel);
        runs.NoteChanged();
    }

    private async Task FinaliseAsync(RunRow run, bool open, bool gaps, CancellationToken cancel)
    {
        await segments.SealAsync(run.Name, cancel);
        var counts = await store.CountAsync(run.Name, cancel);
        var flags = new List<string>(run.Flags);
        if (open) flags.Add(StreamFlags.UnclosedStream);
        if (gaps) flags.Add(StreamFlags.Gaps);
        await database.WriteAsync(async tx =>
        {
            var moved = await runs.MoveAsync(tx, run.Name, RunEvent.Finalised, r => r with { Flags = [.. r.Flags.Union(flags)] }, cancel);
            if (moved is null) return;
            await RunStore.SetFinalAsync(tx, run.Name, counts.Records, Micros.FromInstant(clock.Now), cancel);
            await CompleteAsync(tx, run.Booking, cancel);
        }, cancel);
        runs.NoteChanged();
    }

    // A booking is used and over when every run made from it is.
    private async Task CompleteAsync(CalendarTransaction tx, string booking, CancellationToken cancel)
    {
        if (booking.Length == 0) return;
        var all = await RunStore.WhereAsync(tx, "booking = @v", booking, cancel);
        if (all.All(r => r.Stage is RunStage.Final or RunStage.Missed) && await bookings.FindAsync(tx, booking, cancel) is { State: BookingState.Running })
            await bookings.MarkCompletedAsync(tx, booking, cancel);
    }
}
