using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Datasets;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Telemetry.DuckDb;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.V1;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Datasets;

/// <summary>Sealing writes each record once, whatever happened before; rolling waits for a step border.</summary>
public sealed class SegmentsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sealing_twice_writes_once_and_late_records_make_one_more_segment()
    {
        await using var lab = await DatasetLab.StartAsync(stage: RunStage.Final);
        var segments = lab.Lab.Services.GetRequiredService<Segments>();
        var key = IngestLab.Key();
        await lab.IngestAsync(IngestLab.Opened(key), IngestLab.Records(key, 1, 100));
        var first = Assert.Single(await segments.SealAsync(DatasetLab.Run, Cancellation));
        Assert.Equal(first.Sha256, Assert.Single(await segments.SealAsync(DatasetLab.Run, Cancellation)).Sha256);
        await lab.IngestAsync(IngestLab.Records(key, 101, 150), IngestLab.Closed(key, 150));
        var both = await segments.SealAsync(DatasetLab.Run, Cancellation);
        Assert.Equal([100, 50], both.Select(s => s.Records));
        Assert.Equal(150, SegmentReader.Read([.. both.Select(s => s.File)]).Sum(b => b.Length));
        Assert.Equal("segments/l1-2", (await segments.MessagesOfRunAsync(DatasetLab.Run, Cancellation))[1].Name);
    }

    [Fact]
    public async Task A_crash_between_file_and_row_leaves_the_same_segment_after_the_next_seal()
    {
        await using var lab = await DatasetLab.StartAsync(stage: RunStage.Final);
        var segments = lab.Lab.Services.GetRequiredService<Segments>();
        var key = IngestLab.Key();
        await lab.IngestAsync(IngestLab.Opened(key), IngestLab.Records(key, 1, 100), IngestLab.Closed(key, 100));
        var before = Assert.Single(await segments.SealAsync(DatasetLab.Run, Cancellation));
        await lab.Lab.Services.GetRequiredService<CalendarDatabase>().WriteAsync(tx => tx.ExecuteAsync("DELETE FROM segments", Cancellation), Cancellation);
        var after = Assert.Single(await segments.SealAsync(DatasetLab.Run, Cancellation));
        Assert.Equal((before.Name, before.File, before.Records), (after.Name, after.File, after.Records));
        Assert.Equal([after.File], Directory.GetFiles(Path.GetDirectoryName(after.File)!));
    }

    [Fact]
    public async Task A_long_run_rolls_at_the_first_step_border_after_a_day_and_without_one_at_the_hard_limit()
    {
        await using var lab = await DatasetLab.StartAsync();
        var segments = lab.Lab.Services.GetRequiredService<Segments>();
        var key = IngestLab.Key();
        await lab.IngestAsync(IngestLab.Opened(key), Hourly(key, 1, 23));
        Assert.Null(await segments.RollAsync(DatasetLab.Run, Cancellation));
        await lab.IngestAsync(Hourly(key, 24, 25));
        Assert.Null(await segments.RollAsync(DatasetLab.Run, Cancellation));
        await lab.IngestAsync(Step(key, 26, 25.4), Step(key, 27, 25.6), HourlyFrom(key, 28, 26));
        var rolled = await segments.RollAsync(DatasetLab.Run, Cancellation);
        Assert.Equal((25, 26), (rolled!.Records, rolled.Ranges.Max(r => r.Range.Last)));
        Assert.Null(await segments.RollAsync(DatasetLab.Run, Cancellation));

        await lab.IngestAsync(HourlyFrom(key, 29, 25 + 27));
        Assert.Equal(2, (await segments.RollAsync(DatasetLab.Run, Cancellation))!.Records);
    }

    private static Entry Hourly(StreamKey key, int first, int last) => Hours(key, first, [.. Enumerable.Range(first, last - first + 1)]);

    private static Entry HourlyFrom(StreamKey key, long seq, params int[] hours) => Hours(key, seq, hours);

    private static Entry Hours(StreamKey key, long seq, int[] hours)
    {
        var batch = new Batch { Columns = { new Column { Signal = "voltage_volt" } } };
        foreach (var hour in hours)
        {
            batch.UtcNs.Add(IngestLab.Anchor + hour * 3600L * 1_000_000_000);
            batch.MonotonicNs.Add(hour * 3600L * 1_000_000_000);
            batch.Columns[0].Values.Add(hour);
        }

        return new Entry { Key = key, FirstSeq = seq, Batch = batch };
    }

    private static Entry Step(StreamKey key, long seq, double hour) =>
        new() { Key = key, FirstSeq = seq, Event = new StreamEvent { Kind = StreamEvent.Types.Kind.StepStarted, UtcNs = IngestLab.Anchor + (long)(hour * 3600) * 1_000_000_000, Step = 1, StepCount = 1 } };
}
