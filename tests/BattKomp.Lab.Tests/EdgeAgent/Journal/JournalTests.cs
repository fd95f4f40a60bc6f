using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using CsCheck;
using Xunit;
using Entry = BattKomp.Lab.V1.Entry;

namespace BattKomp.Lab.Tests.EdgeAgent.Journal;

public class JournalTests
{
    private static readonly JournalOptions Small = new() { SegmentBytes = 2000, MaxBytes = 1 << 20, ReserveBytes = 1000 };

    [Fact]
    public void Whatever_happens_to_the_power_every_committed_entry_is_there_once_and_in_order()
    {
        var round =
            from entries in Gen.Int[1, 6].Array[1, 40]
            from cut in Gen.Int[1, 60]
            from seed in Gen.Int
            select (entries, cut, seed);
        round.Array[1, 4].Sample(rounds =>
        {
            var disk = new FaultyDisk();
            var committed = new Dictionary<string, List<(long Seq, int Records)>>();
            for (var boot = 0; boot < rounds.Length; boot++)
            {
                var (entries, cut, seed) = rounds[boot];
                AppendUntilTheCut(disk, $"b{boot}", entries, cut, committed);
                disk.PowerUp(new Random(seed));
                AssertHolds(disk, committed);
            }
        }, iter: 300);
    }

    [Fact]
    public async Task A_torn_tail_is_cut_and_the_rest_survives()
    {
        var disk = new FaultyDisk();
        await Fill(disk, 5);
        var name = disk.List().Single(n => n.EndsWith(".seg", StringComparison.Ordinal));
        using (var file = disk.Open(name))
            file.Write(file.Length, [9, 0, 0, 0, 1, 2, 3]);
        using var journal = AgentJournal.Open(disk, Small);
        Assert.Empty(journal.Losses);
        Assert.Equal(5, ReadAll(journal).Count);
    }

    [Fact]
    public async Task A_damaged_segment_is_set_aside_its_sound_entries_are_kept_and_the_loss_is_told()
    {
        var disk = new FaultyDisk();
        await Fill(disk, 60);
        var first = disk.List().Where(n => n.EndsWith(".seg", StringComparison.Ordinal)).Order(StringComparer.Ordinal).First();
        disk.Damage(first, 600);
        using var journal = AgentJournal.Open(disk, Small);
        Assert.Contains(first + ".bad", disk.List());
        Assert.Contains(journal.Losses, l => l.Segment == first + ".bad");
        Assert.Contains(journal.Losses, l => l.Detail.Contains("are lost", StringComparison.Ordinal));
        Assert.Equal(59, ReadAll(journal).Count);
    }

    [Fact]
    public async Task An_open_stream_of_an_earlier_boot_is_known_with_its_next_sequence_even_after_its_segments_were_freed()
    {
        var disk = new FaultyDisk();
        var tight = Small with { MaxBytes = 6000 };
        using (var journal = AgentJournal.Open(disk, tight))
        {
            await journal.Append(AgentJournal.NewStream(Key("b0", "quiet")), Opened());
            var busy = AgentJournal.NewStream(Key("b0", "busy"));
            for (var k = 0; k < 100; k++)
            {
                await journal.Append(busy, Records(3, k));
                journal.Acknowledge(journal.End);
            }
        }
        Assert.DoesNotContain("journal-000000000001.seg", disk.List());
        using var again = AgentJournal.Open(disk, tight);
        Assert.Equal([("busy", 300L), ("quiet", 1L)], again.State.OpenStreams.Select(s => (s.Stream, s.NextSeq)).Order());
        Assert.Empty(again.Losses);
    }

    [Fact]
    public async Task A_full_disk_holds_entries_back_and_takes_them_with_the_same_sequences_when_space_returns()
    {
        var disk = new FaultyDisk { Capacity = 3000 };
        using var journal = AgentJournal.Open(disk, Small);
        var stream = AgentJournal.NewStream(Key("b0", "s"));
        var appends = Enumerable.Range(0, 40).Select(k => journal.Append(stream, Records(4, k))).ToList();
        await Eventually.Async(() => journal.Stall is not null, TimeSpan.FromSeconds(5), "the journal notices the full disk");
        Assert.Equal(1, journal.UsedFraction);
        Assert.Contains(appends, a => !a.IsCompleted);
        disk.Capacity = long.MaxValue;
        Assert.Equal(Enumerable.Range(0, 40).Select(k => 4L * k), await Task.WhenAll(appends));
        Assert.Null(journal.Stall);
        Assert.Equal(40, ReadAll(journal).Count);
    }

    [Fact]
    public async Task A_journal_at_its_bound_refuses_until_the_server_acknowledges()
    {
        var disk = new FaultyDisk();
        using var journal = AgentJournal.Open(disk, new JournalOptions { SegmentBytes = 1000, MaxBytes = 4000, ReserveBytes = 1000 });
        var stream = AgentJournal.NewStream(Key("b0", "s"));
        var appends = Enumerable.Range(0, 60).Select(k => journal.Append(stream, Records(4, k))).ToList();
        await Eventually.Async(() => journal.Stall is not null || appends.All(a => a.IsCompleted), TimeSpan.FromSeconds(5), "the bound is met");
        Assert.Contains("has not acknowledged", journal.Stall);
        await Eventually.Async(() =>
        {
            journal.Acknowledge(journal.End);
            return appends.All(a => a.IsCompletedSuccessfully);
        }, TimeSpan.FromSeconds(10), "every entry is taken after acknowledgements");
    }

    [Fact]
    public async Task Entries_that_wait_are_committed_together_by_one_flush()
    {
        using var gate = new ManualResetEventSlim(true);
        var disk = new FaultyDisk { OnFlush = gate.Wait };
        using var journal = AgentJournal.Open(disk);
        var stream = AgentJournal.NewStream(Key("b0", "s"));
        await journal.Append(stream, Opened());
        var before = disk.Flushes;
        gate.Reset();
        var appends = Enumerable.Range(0, 500).Select(k => journal.Append(stream, Records(1, k))).ToList();
        gate.Set();
        await Task.WhenAll(appends);
        Assert.InRange(disk.Flushes - before, 1, 5);
    }

    [Fact]
    public async Task Acknowledged_segments_stay_readable_while_space_allows_and_unacknowledged_ones_survive_a_restart()
    {
        var disk = new FaultyDisk();
        await Fill(disk, 50);
        using (var journal = AgentJournal.Open(disk, Small))
        {
            var reader = journal.Read(journal.AckCursor);
            var frames = Enumerable.Range(0, 30).Select(_ => reader.TryRead()!).ToList();
            journal.Acknowledge(frames[^1].Next);
        }
        using var again = AgentJournal.Open(disk, Small);
        Assert.Equal(50, ReadAll(again).Count);
        var rest = again.Read(again.AckCursor);
        Assert.Equal(20, Drain(rest).Count);
        Assert.NotEmpty(again.SegmentsWith(Key("b0", "s"), 0, 3));
    }

    [Fact]
    public async Task The_report_counts_distinct_sequences_from_the_files()
    {
        var disk = new FaultyDisk();
        await Fill(disk, 7);
        var report = JournalReport.Of(disk);
        var row = Assert.Single(report.Streams);
        Assert.Equal((0L, 18L, 18L, 1L, 19L), (row.FirstSeq, row.LastSeq, row.Records, row.Events, row.DistinctSequences));
    }

    [Fact]
    public void Boot_order_always_grows_even_when_the_clock_goes_back()
    {
        var disk = new FaultyDisk();
        var late = AgentBoot.Next(disk, new FixedClock(DateTimeOffset.UnixEpoch.AddYears(50)));
        var early = AgentBoot.Next(disk, new FixedClock(DateTimeOffset.UnixEpoch));
        Assert.True(early.Order > late.Order);
        Assert.NotEqual(early.Boot, late.Boot);
    }

    [Fact]
    public void Crc32c_is_the_castagnoli_sum() =>
        Assert.Equal(0xE3069283u, SegmentFormat.Crc("123456789"u8));

    internal static StreamKey Key(string boot, string stream) => new() { Agent = "agents/a", Boot = boot, Stream = stream };

    internal static Entry Opened() => new() { Opened = new StreamOpened { Channel = "rigs/r/channels/c", Run = "runs/1", AnchorUtcNs = 1 } };

    internal static Entry Records(int count, int at)
    {
        var batch = new Batch();
        var volt = new Column { Signal = "voltage_volt" };
        for (var k = 0; k < count; k++)
        {
            batch.UtcNs.Add(1_000 + (at * 100) + k);
            batch.MonotonicNs.Add((at * 100) + k);
            volt.Values.Add(3.7 + k);
        }
        batch.Columns.Add(volt);
        return new Entry { Batch = batch };
    }

    private static async Task Fill(FaultyDisk disk, int entries)
    {
        using var journal = AgentJournal.Open(disk, Small);
        var stream = AgentJournal.NewStream(Key("b0", "s"));
        await journal.Append(stream, Opened());
        for (var k = 1; k < entries; k++)
            await journal.Append(stream, Records(3, k));
    }

    private static void AppendUntilTheCut(FaultyDisk disk, string boot, int[] entries, int cut, Dictionary<string, List<(long, int)>> committed)
    {
        using var journal = AgentJournal.Open(disk, Small);
        disk.CutAfter(cut);
        var streams = new[] { "x", "y" }.Select(n => AgentJournal.NewStream(Key(boot, n))).ToArray();
        var tasks = entries.Select((n, k) => (Stream: streams[k % 2], Records: n, Task: journal.Append(streams[k % 2], Records(n, k)))).ToList();
        Assert.True(SpinWait.SpinUntil(() => journal.Stall is not null || tasks.All(t => t.Task.IsCompleted), TimeSpan.FromSeconds(20)));
        journal.Dispose();
        foreach (var (stream, records, task) in tasks.Where(t => t.Task.IsCompletedSuccessfully))
        {
            var id = JournalState.Id(stream.Key);
            if (!committed.TryGetValue(id, out var list))
                committed[id] = list = [];
            list.Add((task.Result, records));
        }
        foreach (var failed in tasks.Where(t => t.Task.IsFaulted))
            _ = failed.Task.Exception;
    }

    private static void AssertHolds(FaultyDisk disk, Dictionary<string, List<(long Seq, int Records)>> committed)
    {
        using var journal = AgentJournal.Open(disk, Small);
        Assert.Empty(journal.Losses);
        var held = new Dictionary<string, List<(long Seq, int Records)>>();
        foreach (var peek in ReadAll(journal))
        {
            var id = JournalState.Id(peek.Key);
            if (!held.TryGetValue(id, out var list))
                held[id] = list = [];
            Assert.Equal(list.Count == 0 ? 0 : list[^1].Seq + list[^1].Records, peek.FirstSeq);
            list.Add((peek.FirstSeq, (int)peek.Count));
        }
        foreach (var (id, list) in committed)
            Assert.Equal(list, held[id].Take(list.Count));
        // What survived uncommitted (its writer never heard) now counts as journalled: the next boot closes that stream behind it.
        foreach (var (id, list) in held)
            committed[id] = list;
    }

    private static List<EntryPeek> ReadAll(AgentJournal journal)
    {
        using var reader = journal.Read(new JournalPosition(0, 0));
        return Drain(reader);
    }

    private static List<EntryPeek> Drain(JournalReader reader)
    {
        var all = new List<EntryPeek>();
        while (reader.TryRead() is { } frame)
            all.Add(EntryPeek.Of(frame.Payload));
        return all;
    }

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
