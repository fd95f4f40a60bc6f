using BattKomp.Lab.Telemetry;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry;

/// <summary>What every telemetry store must do; each implementation derives one class from it.</summary>
public abstract class TelemetryStoreContract : IAsyncLifetime
{
    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected ITelemetryStore Store { get; private set; } = null!;

    /// <summary>Opens the store of this test; called again after <see cref="ReopenAsync"/> it finds the same data.</summary>
    protected abstract Task<ITelemetryStore> OpenAsync();

    protected async Task ReopenAsync()
    {
        await Store.DisposeAsync();
        Store = await OpenAsync();
    }

    public async ValueTask InitializeAsync() => Store = await OpenAsync();

    public virtual async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected async Task<AppendOutcome> Put(StreamEntry entry) => (await Store.AppendAsync([entry], Cancellation))[0];

    protected async Task<StreamState> State(StreamKey key) => (await Store.FindStreamAsync(key, Cancellation))!;

    [Fact]
    public async Task Records_are_read_back_bit_for_bit_in_order_of_their_stamps()
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 5000), Entries.Records(key, 5001, 9000)], Cancellation);

        var seqs = new List<long>();
        await foreach (var batch in Store.ReadAsync(new RecordQuery("runs/1") { BatchRows = 1000 }, Cancellation))
        {
            Assert.True(batch.Length <= 1000);
            var voltage = (Apache.Arrow.DoubleArray)batch.Column("voltage_volt");
            var current = (Apache.Arrow.DoubleArray)batch.Column("current_ampere");
            var seq = (Apache.Arrow.Int64Array)batch.Column("_seq");
            for (var k = 0; k < batch.Length; k++)
            {
                var s = seq.GetValue(k)!.Value;
                seqs.Add(s);
                Assert.Equal(Entries.Voltage(s), voltage.GetValue(k));
                Assert.Equal(s % 7 == 0 ? double.NaN : s, current.GetValue(k));
            }
        }

        Assert.Equal(Enumerable.Range(1, 9000).Select(k => (long)k), seqs);
    }

    [Fact]
    public async Task Questions_about_a_run_are_answered_while_its_next_streams_are_opened()
    {
        const int streams = 150;
        await Store.AppendAsync([Entries.Opened(Entries.Key("s0")), Entries.Records(Entries.Key("s0"), 1, 3)], Cancellation);
        var writing = Task.Run(async () =>
        {
            for (var n = 1; n < streams; n++)
                await Store.AppendAsync([Entries.Opened(Entries.Key($"s{n}")), Entries.Records(Entries.Key($"s{n}"), 1, 3)], Cancellation);
        }, Cancellation);
        while (!writing.IsCompleted)
        {
            Assert.All(await Store.GetLatestAsync("runs/1", Cancellation), r => Assert.Equal(3, r.Seq));
            Assert.Equal(0, (await Store.CountAsync("runs/1", Cancellation)).Duplicates);
        }
        await writing;
        Assert.Equal(streams, (await Store.GetLatestAsync("runs/1", Cancellation)).Count);
        Assert.Equal(streams * 3, (await Store.CountAsync("runs/1", Cancellation)).Records);
    }

    [Fact]
    public async Task A_repeat_is_acknowledged_again_and_adds_nothing()
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 100)], Cancellation);
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Records(key, 1, 100))).Result);
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Opened(key))).Result);
        await ReopenAsync();
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Records(key, 1, 100))).Result);
        Assert.Equal(new RunCounts(100, 0, 0, 0), await Store.CountAsync("runs/1", Cancellation));
    }

    [Fact]
    public async Task The_same_key_with_other_content_goes_to_quarantine_with_its_bytes()
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 100)], Cancellation);
        var outcome = await Put(Entries.Records(key, 1, 100, flavour: 0.5));
        Assert.Equal(AppendResult.Quarantined, outcome.Result);
        Assert.Contains("other content", outcome.Detail);
        await Put(Entries.Records(key, 1, 100, flavour: 0.5));

        var kept = Assert.Single(await Store.GetQuarantineAsync("runs/1", 10, Cancellation));
        Assert.Equal(Entries.Records(key, 1, 100, 0.5).Raw(), kept.Bytes);
        Assert.Equal(new RunCounts(100, 0, 0, 1), await Store.CountAsync("runs/1", Cancellation));
    }

    [Theory]
    [InlineData(0, AppendResult.Stored, 150)]
    [InlineData(0.5, AppendResult.Quarantined, 100)]
    public async Task A_partial_overlap_stores_only_what_is_missing_and_only_when_the_rest_agrees(double flavour, AppendResult expected, long records)
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 100)], Cancellation);
        Assert.Equal(expected, (await Put(Entries.Records(key, 51, 150, flavour))).Result);
        Assert.Equal(records, (await Store.CountAsync("runs/1", Cancellation)).Records);
        Assert.Equal(0, (await Store.CountAsync("runs/1", Cancellation)).Duplicates);
        Assert.Equal([new SequenceRange(0, records)], (await State(key)).Stored);
    }

    [Fact]
    public async Task A_hole_is_stored_shown_and_asked_for_and_filling_it_completes_the_stream()
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 10)], Cancellation);
        var outcome = await Put(Entries.Records(key, 21, 30));
        Assert.Equal(AppendResult.Stored, outcome.Result);
        Assert.Equal(new SequenceRange(11, 20), outcome.MissingBefore);
        Assert.Equal([new SequenceRange(11, 20)], (await State(key)).Gaps);
        Assert.Equal(AppendResult.Stored, (await Put(Entries.Records(key, 11, 20))).Result);
        Assert.Empty((await State(key)).Gaps);
    }

    [Fact]
    public async Task Without_a_close_the_end_is_unknown_and_with_one_it_is_expected()
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 9)], Cancellation);
        var open = await RunCompleteness.OfAsync(Store, "runs/1", Cancellation);
        Assert.Equal((-1, false), (open.Expected, open.Complete));
        Assert.Equal("expected unknown (1 of 1 streams not closed), stored 10, gaps: none seen so far", open.Sentence);

        var closed = await Put(Entries.Closed(key, 12));
        Assert.Equal(new SequenceRange(10, 12), closed.MissingBefore);
        var holey = await RunCompleteness.OfAsync(Store, "runs/1", Cancellation);
        Assert.Equal("expected 13, stored 10, gaps: 3 missing in 1 ranges", holey.Sentence);

        await Put(Entries.Records(key, 10, 12));
        var full = await RunCompleteness.OfAsync(Store, "runs/1", Cancellation);
        Assert.True(full.Complete);
        Assert.Equal("expected 13, stored 13, gaps: none", full.Sentence);
    }

    [Fact]
    public async Task A_close_that_denies_stored_records_or_another_close_is_kept_aside()
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 9)], Cancellation);
        Assert.Equal(AppendResult.Quarantined, (await Put(Entries.Closed(key, 5))).Result);
        Assert.Equal(AppendResult.Stored, (await Put(Entries.Closed(key, 9))).Result);
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Closed(key, 9))).Result);
        Assert.Equal(AppendResult.Quarantined, (await Put(Entries.Closed(key, 10))).Result);
        Assert.Equal(AppendResult.Quarantined, (await Put(Entries.Records(key, 10, 11))).Result);
    }

    [Fact]
    public async Task A_stream_that_nobody_opened_is_not_kept_and_not_acknowledged()
    {
        Assert.Equal(AppendResult.UnknownStream, (await Put(Entries.Records(Entries.Key(), 5, 9))).Result);
        Assert.Null(await Store.FindStreamAsync(Entries.Key(), Cancellation));
        Assert.Equal(AppendResult.Stored, (await Put(Entries.Closed(Entries.Key(), -1))).Result);
    }

    [Fact]
    public async Task A_quarantined_stream_keeps_every_entry_aside_also_after_a_restart()
    {
        var key = Entries.Key();
        Assert.Equal(AppendResult.Quarantined, (await Put(Entries.Opened(key, "", "channel belongs to agents/other"))).Result);
        await ReopenAsync();
        var outcome = await Put(Entries.Records(key, 1, 10));
        Assert.Equal((AppendResult.Quarantined, "channel belongs to agents/other"), (outcome.Result, outcome.Detail));
        Assert.Equal(2, (await Store.GetQuarantineAsync("", 10, Cancellation)).Count);
    }

    [Fact]
    public async Task A_malformed_batch_is_kept_aside_and_blocks_nothing()
    {
        var key = Entries.Key();
        var good = Entries.Block(1, 3);
        StreamEntry Poison(RecordBlock block) => Entries.Entry(key, 1, new RecordsBody(block));
        var broken = new[]
        {
            Poison(new RecordBlock { UtcNs = good.UtcNs, MonotonicNs = [1], Signals = good.Signals, Values = good.Values }),
            Poison(new RecordBlock { UtcNs = [5, 5, 6], MonotonicNs = good.MonotonicNs, Signals = good.Signals, Values = good.Values }),
            Poison(new RecordBlock { UtcNs = good.UtcNs, MonotonicNs = good.MonotonicNs, Signals = new(["a\"; DROP TABLE ledger; --", "b"], []), Values = good.Values }),
            Poison(new RecordBlock { UtcNs = good.UtcNs, MonotonicNs = good.MonotonicNs, Signals = good.Signals, Values = [good.Values[0], [1, double.PositiveInfinity, 2]] }),
            Poison(new RecordBlock { UtcNs = good.UtcNs, MonotonicNs = good.MonotonicNs, Signals = new(["a"], ["a"]), Values = [good.Values[0]], Texts = [new(["x"], [0, 0, 0])] }),
            Poison(new RecordBlock { UtcNs = good.UtcNs, MonotonicNs = good.MonotonicNs, Signals = new(["a"], ["t"]), Values = [good.Values[0]], Texts = [new(["x"], [0, 1, 0])] }),
            Entries.Entry(key, -4, new RecordsBody(good)),
        };
        await Put(Entries.Opened(key));
        foreach (var entry in broken) Assert.Equal(AppendResult.Quarantined, (await Put(entry)).Result);
        Assert.Equal(AppendResult.Stored, (await Put(Entries.Records(key, 1, 3))).Result);
        Assert.Equal(3, (await Store.CountAsync("runs/1", Cancellation)).Records);
    }

    [Fact]
    public async Task Stamps_that_step_back_between_batches_are_kept_aside()
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 10)], Cancellation);
        var back = Entries.Entry(key, 11, new RecordsBody(Entries.Block(10, 12)));
        Assert.Equal(AppendResult.Quarantined, (await Put(back)).Result);
        await ReopenAsync();
        Assert.Equal(AppendResult.Quarantined, (await Put(back)).Result);
    }

    [Fact]
    public async Task Text_signals_and_changing_signal_sets_of_one_run_are_read_under_one_set_of_columns()
    {
        var key = Entries.Key();
        var block = new RecordBlock
        {
            UtcNs = [Entries.AnchorUtcNs + 3_000_000, Entries.AnchorUtcNs + 4_000_000],
            MonotonicNs = [3, 4],
            Quality = [1, 3],
            Signals = new(["voltage_volt"], ["step_type"]),
            Values = [[3.1, 3.2]],
            Texts = [new(["hvile – ladning", ""], [0, 1])],
        };
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 2), Entries.Entry(key, 3, new RecordsBody(block))], Cancellation);
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Entry(key, 3, new RecordsBody(block)))).Result);

        var batches = new List<Apache.Arrow.RecordBatch>();
        await foreach (var batch in Store.ReadAsync(new RecordQuery("runs/1"), Cancellation)) batches.Add(batch);
        var all = Assert.Single(batches);
        var text = (Apache.Arrow.StringArray)all.Column("step_type");
        Assert.Equal([null, null, "hvile – ladning", ""], Enumerable.Range(0, 4).Select(k => text.GetString(k)));
        Assert.Equal([0, 0, 1, 3], ((Apache.Arrow.UInt8Array)all.Column("_quality")).Values.ToArray().Select(b => (int)b));
        Assert.True(double.IsNaN(((Apache.Arrow.DoubleArray)all.Column("current_ampere")).GetValue(2)!.Value));
    }

    [Fact]
    public async Task Merging_the_ledger_keeps_what_is_stored_and_repeats_are_still_judged_by_the_rows()
    {
        var key = Entries.Key();
        await Put(Entries.Opened(key));
        for (var first = 1; first <= 91; first += 10) await Put(Entries.Records(key, first, first + 9));
        await Put(Entries.Event(key, 101));
        await Store.MergeLedgerAsync("runs/1", Cancellation);
        await ReopenAsync();

        Assert.Equal([new SequenceRange(0, 101)], (await State(key)).Stored);
        Assert.Equal(100, (await State(key)).Records);
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Opened(key))).Result);
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Records(key, 1, 10))).Result);
        Assert.Equal(AppendResult.Quarantined, (await Put(Entries.Records(key, 11, 20, flavour: 1))).Result);
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Event(key, 101))).Result);
        Assert.Equal(AppendResult.Quarantined, (await Put(Entries.Event(key, 101, cause: "other"))).Result);
    }

    [Fact]
    public async Task A_deleted_run_is_gone_and_its_repeats_do_not_bring_it_back()
    {
        var key = Entries.Key();
        var other = Entries.Key("s2");
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 10), Entries.Opened(other, "runs/2"), Entries.Records(other, 1, 5)], Cancellation);
        await Store.DeleteRunAsync("runs/1", Cancellation);
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Records(key, 3, 8))).Result);
        Assert.Equal(0, (await Store.CountAsync("runs/1", Cancellation)).Records);
        Assert.Equal(5, (await Store.CountAsync("runs/2", Cancellation)).Records);
    }

    [Fact]
    public async Task A_boot_that_a_newer_one_has_followed_is_known_as_old()
    {
        Assert.True(await Store.NoteBootAsync("agents/a1", "b1", Cancellation));
        Assert.True(await Store.NoteBootAsync("agents/a1", "b1", Cancellation));
        Assert.True(await Store.NoteBootAsync("agents/a1", "b2", Cancellation));
        await ReopenAsync();
        Assert.False(await Store.NoteBootAsync("agents/a1", "b1", Cancellation));
        Assert.True(await Store.NoteBootAsync("agents/a2", "b1", Cancellation));
    }

    [Fact]
    public async Task Latest_events_and_unfinished_streams_are_answered()
    {
        var key = Entries.Key();
        var done = Entries.Key("s2");
        await Store.AppendAsync(
            [Entries.Opened(key), Entries.Event(key, 1, "OUTAGE", "agent_restart"), Entries.Records(key, 2, 10), Entries.Opened(done), Entries.Records(done, 1, 3), Entries.Closed(done, 3)], Cancellation);
        var latest = (await Store.GetLatestAsync("runs/1", Cancellation))[0];
        Assert.Equal((10, Entries.Voltage(10)), (latest.Seq, latest.Values["voltage_volt"]));
        Assert.Equal("agent_restart", Assert.Single((await RunCompleteness.OfAsync(Store, "runs/1", Cancellation)).Outages).Event.Cause);
        Assert.Equal(key, Assert.Single(await Store.GetUnfinishedStreamsAsync("agents/a1", Cancellation)).Key);
    }

    [Fact]
    public async Task A_segment_holds_exactly_the_ranges_asked_for()
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 100)], Cancellation);
        var path = Path.Combine(Path.GetTempPath(), $"battlab-segment-{Guid.NewGuid():n}.parquet");
        try
        {
            var segment = await Store.ExportSegmentAsync("runs/1", [new StreamRange(key, new SequenceRange(11, 20)), new StreamRange(key, new SequenceRange(0, 4))], path, Cancellation);
            Assert.Equal(14, segment!.Records);
            Assert.Equal(Entries.AnchorUtcNs + 20_000_000, segment.LastUtcNs);
            Assert.Equal(new FileInfo(path).Length, segment.Bytes);
            Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(path, Cancellation))), segment.Sha256);
            Assert.False(File.Exists(path + ".tmp"));
            Assert.Null(await Store.ExportSegmentAsync("runs/1", [new StreamRange(key, new SequenceRange(500, 600))], path + "2", Cancellation));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
