using System.Text;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Folder;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments.Folder;

public sealed class FolderChannelTests : IDisposable
{
    private readonly FolderBench _bench = new();

    public void Dispose() => _bench.Dispose();

    public static TheoryData<string> Formats => [.. ExportFiles.Formats];

    [Theory]
    [MemberData(nameof(Formats))]
    public Task A_file_fed_in_500_pieces_with_kills_between_them_is_one_full_import(string format) => InPieces(ExportFiles.Make(format, 300), 1);

    [Theory]
    [MemberData(nameof(Formats))]
    [Trait("lane", "full")]
    public Task Any_file_fed_in_any_500_pieces_is_one_full_import(string format) => InPieces(ExportFiles.Make(format, 400), 12);

    [Theory]
    [Trait("lane", "full")]
    [InlineData("neware/nw_regular_export_ife_example.csv", 9295)]
    [InlineData("arbin/arbin_example.csv", 2142)]
    [InlineData("maccor/PredictionDiagnostics_000109_tztest.010", 2165)]
    [InlineData("biologic/test_loopsnewoutput_MB_CE1_short10k.csv", 9999)]
    public Task A_real_export_fed_in_500_pieces_is_one_full_import(string file, int rows)
    {
        var export = File.ReadAllBytes(SharedFiles.Path(["data", .. file.Split('/')]));
        Assert.Equal(rows, ExportFiles.Import(export).Count);
        return InPieces(export, 1, restartOf: 40);
    }

    private static async Task InPieces(byte[] export, int times, int restartOf = 10)
    {
        await Gen.Select(Gen.Int[0, export.Length].Array[499], Gen.Int[0, restartOf - 1].Array[500]).SampleAsync(async (cuts, whims) =>
        {
            using var bench = new FolderBench();
            var from = 0;
            foreach (var (to, whim) in cuts.Order().Append(export.Length).Zip(whims))
            {
                bench.Append("test.csv", export.AsSpan(from, to - from));
                from = to;
                if (whim == 0)
                    bench.Restart();
                if (whim * 10 < restartOf * 4)
                    await bench.LookAsync();
            }
            await bench.LookAsync();
            bench.AssertRows(export);
            Assert.DoesNotContain("file_rewritten", bench.Notes());
        }, iter: times, threads: 1);
    }

    [Fact]
    public async Task A_half_written_line_is_waited_for()
    {
        var export = ExportFiles.Make("arbin", 3);
        _bench.Write("test.csv", export.AsSpan(0, export.Length - 1));
        await _bench.LookAsync();
        Assert.Equal([1L, 2], _bench.Records().Select(r => r.Row));

        _bench.Append("test.csv", "\n"u8);
        await _bench.LookAsync();
        _bench.AssertRows(export);
    }

    [Fact]
    public async Task Rows_of_a_file_are_watched_for_alarms()
    {
        _bench.Channel.Use(new ChannelConfig
        {
            Channel = _bench.Channel.Channel,
            Protocol = FolderChannel.Protocol,
            Alarms = [new AlarmRule { Id = "any-voltage", Kind = AlarmRule.Types.Kind.Above, Signal = "voltage_volt", Limit = 0.1, Action = AlarmRule.Types.Action.Record }],
        });
        _bench.Write("test.csv", ExportFiles.Make("neware-flat", 5));
        await _bench.LookAsync();
        await Eventually.Async(() => _bench.Bench.Events(StreamEvent.Types.Kind.Alarm).Any(e => e.Cause == "any-voltage"), TimeSpan.FromSeconds(10), "the alarm stands in the stream");
        Assert.Single(_bench.Bench.Events(StreamEvent.Types.Kind.Alarm));
    }

    [Fact]
    public async Task Stamps_are_the_testers_own_where_the_file_has_dates()
    {
        _bench.Write("test.csv", ExportFiles.Make("neware-flat", 2));
        await _bench.LookAsync();

        var records = _bench.Records();
        Assert.All(records, r => Assert.Equal(ClockQuality.Device, r.Clock));
        Assert.Equal(new DateTimeOffset(2026, 5, 13, 6, 0, 10, TimeSpan.Zero).ToUnixTimeMilliseconds() * 1_000_000, records[0].UtcNs);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_written_anew_with_the_same_rows_goes_on(bool restart)
    {
        // The hierarchical export changes its totals with each writing, never its record rows.
        var first = Encoding.UTF8.GetString(ExportFiles.Make("neware-hierarchical", 50));
        _bench.Write("test.csv", Encoding.UTF8.GetBytes(first));
        await _bench.LookAsync();
        if (restart)
            _bench.Restart();
        var whole = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(ExportFiles.Make("neware-hierarchical", 90)).Replace("1,0.5\n", "1,0.77\n", StringComparison.Ordinal));
        foreach (var written in (int[])[0, 40, 700, 2000, whole.Length])
        {
            _bench.Write("test.csv", whole.AsSpan(0, written));
            await _bench.LookAsync();
        }

        _bench.AssertRows(whole);
        Assert.Single(_bench.Records().Select(r => r.Identity).Distinct());
        Assert.DoesNotContain("file_rewritten", _bench.Notes());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_whose_rows_have_changed_is_a_new_source_and_the_old_stream_says_so(bool restart)
    {
        var before = ExportFiles.Make("arbin", 50);
        _bench.Write("test.csv", before);
        await _bench.LookAsync();
        if (restart)
            _bench.Restart();
        var after = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(ExportFiles.Make("arbin", 60)).Replace("\n50,", "\n50,\t", StringComparison.Ordinal).Replace(",500.25,", ",500.35,", StringComparison.Ordinal).Replace("\n50,\t", "\n50,", StringComparison.Ordinal));
        _bench.Write("test.csv", after);
        await _bench.LookAsync();

        var sources = _bench.Records().GroupBy(r => r.Identity).ToList();
        Assert.Equal(2, sources.Count);
        _bench.AssertRows(before, sources[0]);
        _bench.AssertRows(after, sources[1]);
        Assert.EndsWith("~2", sources[1].Key, StringComparison.Ordinal);
        Assert.Contains("file_rewritten", _bench.Notes());

        _bench.Restart();
        await _bench.LookAsync();
        Assert.Equal(110, _bench.Records().Count);
    }

    [Fact]
    public async Task A_file_that_has_become_shorter_waits_for_its_rows_and_goes_on()
    {
        var export = ExportFiles.Make("maccor", 80);
        _bench.Write("test.csv", export.AsSpan(0, 4000));
        await _bench.LookAsync();
        _bench.Write("test.csv", export.AsSpan(0, 2000));
        await _bench.LookAsync();
        await Eventually.Async(() => _bench.Notes().Contains("file_shortened"), TimeSpan.FromSeconds(10), "the note is journalled");
        _bench.Write("test.csv", export);
        await _bench.LookAsync();

        _bench.AssertRows(export);
    }

    [Fact]
    public async Task A_shorter_file_with_other_rows_loses_none_of_them()
    {
        var first = ExportFiles.Make("maccor", 80);
        var text = Encoding.UTF8.GetString(first);
        _bench.Write("test.csv", first);
        await _bench.LookAsync();
        var second = Encoding.UTF8.GetBytes(text[..2000].Replace("\n3\t", "\n33\t", StringComparison.Ordinal));
        _bench.Write("test.csv", second);
        await _bench.LookAsync();

        _bench.AssertRows(second, _bench.Records().Skip(80));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_rotated_file_goes_on_under_its_new_name_and_the_new_one_begins(bool restart)
    {
        var (old, young) = (ExportFiles.Make("arbin", 40, seed: 1), ExportFiles.Make("arbin", 30, seed: 2));
        _bench.Write("test.csv", old.AsSpan(0, 1500));
        await _bench.LookAsync();
        if (restart)
            _bench.Restart();
        File.Move(_bench.File("test.csv"), _bench.File("test-1.csv"));
        _bench.Append("test-1.csv", old.AsSpan(1500));
        _bench.Write("test.csv", young);
        await _bench.LookAsync();

        var sources = _bench.Records().GroupBy(r => r.Identity).OrderByDescending(g => g.Count()).ToList();
        Assert.Equal(2, sources.Count);
        _bench.AssertRows(old, sources[0]);
        _bench.AssertRows(young, sources[1]);
        if (!restart)
            Assert.Contains("file_renamed", _bench.Notes());
    }

    [Fact]
    public async Task A_file_copied_and_truncated_is_neither_lost_nor_doubled()
    {
        var (old, young) = (ExportFiles.Make("arbin", 40, seed: 1), ExportFiles.Make("arbin", 30, seed: 2));
        _bench.Write("test.csv", old);
        await _bench.LookAsync();
        _bench.Write("test-copy.csv", old);
        await _bench.LookAsync();
        _bench.Write("test.csv", []);
        await _bench.LookAsync();
        _bench.Write("test.csv", young);
        await _bench.LookAsync();

        Assert.Equal(70, _bench.Records().Count);
        _bench.AssertRows(old, _bench.Records().Take(40));
        _bench.AssertRows(young, _bench.Records().Skip(40));
    }

    [Fact]
    public async Task Two_tests_that_begin_alike_are_two_sources()
    {
        var one = ExportFiles.Make("arbin", 40);
        var other = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(ExportFiles.Make("arbin", 40)).Replace(",200.25,", ",200.75,", StringComparison.Ordinal));
        _bench.Write("a.csv", one);
        await _bench.LookAsync();
        _bench.Write("b.csv", other);
        await _bench.LookAsync();

        var sources = _bench.Records().GroupBy(r => r.Identity).ToList();
        Assert.Equal(2, sources.Count);
        _bench.AssertRows(one, sources[0]);
        _bench.AssertRows(other, sources[1]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_deleted_and_created_again_goes_on_after_its_last_row(bool restart)
    {
        var export = ExportFiles.Make("biologic", 60);
        _bench.Write("test.mpt", export.AsSpan(0, 1500));
        await _bench.LookAsync();
        File.Delete(_bench.File("test.mpt"));
        await _bench.LookAsync();
        Assert.Contains("file_gone", _bench.Notes());
        if (restart)
            _bench.Restart();
        _bench.Write("test.mpt", export);
        await _bench.LookAsync();

        _bench.AssertRows(export);
        Assert.Contains("continued", _bench.Notes());
    }

    [Fact]
    public async Task A_poison_row_goes_to_the_dead_letters_and_the_rows_after_it_are_kept()
    {
        var text = Encoding.UTF8.GetString(ExportFiles.Make("arbin", 5)).Replace("\n3,", "\nthree,", StringComparison.Ordinal);
        _bench.Write("test.csv", Encoding.UTF8.GetBytes(text));
        await _bench.LookAsync();

        Assert.Equal([1L, 2, 4, 5], _bench.Records().Select(r => r.Row));
        Assert.Contains("row 3", File.ReadAllText(Assert.Single(Directory.GetFiles(_bench.Letters))), StringComparison.Ordinal);
        var note = Assert.Single(_bench.Bench.Events(StreamEvent.Types.Kind.Note), e => e.Cause == "row_refused");
        Assert.Contains("line 4, column 1 (Data_Point)", note.Detail, StringComparison.Ordinal);

        _bench.Restart();
        await _bench.LookAsync();
        Assert.Equal(4, _bench.Records().Count);
        Assert.Single(Directory.GetFiles(_bench.Letters));
    }

    [Fact]
    public async Task A_header_that_cannot_be_used_is_a_fault_that_names_the_remedy()
    {
        _bench.Write("test.csv", Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(ExportFiles.Make("arbin", 5)).Replace("Current(A)", "Current(kA)", StringComparison.Ordinal)));
        await _bench.LookAsync();

        Assert.Equal(ChannelReport.Types.State.Fault, _bench.Channel.State.State);
        Assert.Contains("column 7 (Current(kA))", _bench.Channel.State.Detail, StringComparison.Ordinal);
        _bench.Write("test.csv", ExportFiles.Make("arbin", 5));
        await _bench.LookAsync();
        Assert.Equal(5, _bench.Records().Count);
        Assert.Equal(ChannelReport.Types.State.Idle, _bench.Channel.State.State);
    }

    [Fact]
    public async Task Rows_belong_to_the_lease_in_force_or_to_none_and_the_run_ends_with_it()
    {
        var export = ExportFiles.Make("arbin", 30);
        _bench.Write("test.csv", export.AsSpan(0, 800));
        await _bench.LookAsync();
        Assert.Null(_bench.Bench.Lease(_bench.Channel, new LeasedChannel { Channel = "rigs/cyc/channels/1", Run = "runs/r1", Control = ControlClass.Monitor }));
        _bench.Append("test.csv", export.AsSpan(800, 800));
        await _bench.LookAsync();
        _bench.Channel.EndLease("leases/r1", "test over");
        await _bench.LookAsync();
        _bench.Append("test.csv", export.AsSpan(1600));
        await _bench.LookAsync();

        _bench.AssertRows(export);
        Assert.Equal(["", "runs/r1", ""], _bench.Records().Select(r => r.Run).Aggregate(new List<string>(), (runs, run) => runs.Count > 0 && runs[^1] == run ? runs : [.. runs, run]));
        Assert.Equal("lease_ended", Assert.Single(_bench.Bench.Events(StreamEvent.Types.Kind.Stopped)).Cause);
        Assert.Equal("control is monitor", _bench.Bench.Lease(_bench.Channel, new LeasedChannel { Channel = "rigs/cyc/channels/1", Run = "runs/r2", Control = ControlClass.StartStop })![^18..]);
    }

    [Fact]
    public async Task A_folder_that_was_away_is_an_outage_in_the_record_and_costs_no_row()
    {
        var export = ExportFiles.Make("neware-flat", 30);
        _bench.Write("test.csv", export.AsSpan(0, 900));
        await _bench.LookAsync();
        Directory.Move(_bench.Exports, _bench.Exports + "-away");
        await _bench.LookAsync();
        Assert.Equal(ChannelReport.Types.State.Fault, _bench.Channel.State.State);
        Directory.Move(_bench.Exports + "-away", _bench.Exports);
        _bench.Append("test.csv", export.AsSpan(900));
        await _bench.LookAsync();

        _bench.AssertRows(export);
        Assert.Equal("folder_unreachable", Assert.Single(_bench.Bench.Events(StreamEvent.Types.Kind.Outage)).Cause);
    }

    [Fact]
    public async Task The_position_outlives_the_segments_that_held_the_rows()
    {
        using var bench = new FolderBench(new() { SegmentBytes = 64 << 10, MaxBytes = 128 << 10 });
        var export = ExportFiles.Make("arbin", 4000);
        for (var at = 0; at < export.Length; at += 20_000)
        {
            bench.Append("test.csv", export.AsSpan(at, Math.Min(20_000, export.Length - at)));
            await bench.LookAsync();
            bench.Bench.Journal.Acknowledge(bench.Bench.Journal.End);
        }
        Assert.DoesNotContain(1L, bench.Records(lenient: true).Select(r => r.Row));
        bench.Restart();
        await bench.LookAsync();

        Assert.Equal(4000, bench.Bench.Journal.Query(s => s.Sources("rigs/cyc/channels/1").Single().Row));
        Assert.DoesNotContain(1L, bench.Records(lenient: true).Select(r => r.Row));
    }
}
