using System.Collections.Concurrent;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Uplink;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Tests.EdgeAgent.Journal;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Microsoft.Extensions.DependencyInjection;
using Xunit;
using Entry = BattKomp.Lab.V1.Entry;
using StreamKey = BattKomp.Lab.V1.StreamKey;

namespace BattKomp.Lab.Tests.EdgeAgent.Uplink;

/// <summary>After an outage, against the real server and its ledger: what is new goes first, the backlog behind, and in the end nothing is missing, doubled or set aside.</summary>
public sealed class TwoLanesTests
{
    private const int Backlog = 600;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);
    private static readonly UplinkOptions Slow = new() { HistoryFromBytes = 1000, HistoryBytesPerSecond = 60_000 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task New_records_of_a_running_stream_are_stored_while_its_backlog_is_still_on_the_way()
    {
        var (lab, _) = await IngestLab.StartAsync();
        await using var _2 = lab;
        var store = lab.Services.GetRequiredService<ITelemetryStore>();
        using var journal = AgentJournal.Open(new FaultyDisk(), new JournalOptions { SegmentBytes = 40_000 });
        var key = IngestLab.Key();
        var stream = AgentJournal.NewStream(key);
        await journal.Append(stream, IngestLab.Opened(key));
        await ProduceAsync(journal, stream, key, 1, Backlog);

        var log = new ConcurrentQueue<string>();
        using var stop = new CancellationTokenSource();
        var running = new IngestUplink(journal, lab.As(TestSeed.Agent), TestSeed.AgentName, key.Boot, TimeProvider.System, log.Enqueue, options: Slow).RunAsync(stop.Token);
        await Eventually.Async(async () => (await StateAsync(store, key))?.StoredCount > 0, Bound, $"the stream is known: {string.Join("; ", log)}");
        await ProduceAsync(journal, stream, key, Backlog + 1, Backlog + 5);
        await Eventually.Async(async () => (await StateAsync(store, key))!.MaxSeq == Backlog + 5, Bound, "the newest record is stored");
        var meanwhile = (await StateAsync(store, key))!;
        Assert.NotEmpty(meanwhile.Gaps);

        await journal.Append(stream, new Entry { Closed = new StreamClosed { Reason = "test" } });
        await Eventually.Async(() => journal.AckCursor.CompareTo(journal.End) >= 0, Bound, "everything is acknowledged");
        await stop.CancelAsync();
        await running;
        var all = await RunCompleteness.OfAsync(store, "runs/l1", Cancellation);
        Assert.Equal($"expected {Backlog + 6}, stored {Backlog + 6}, gaps: none", all.Sentence);
        Assert.Empty(await store.GetQuarantineAsync("", 10, Cancellation));
    }

    [Fact]
    public async Task A_call_that_breaks_in_the_middle_of_both_lanes_begins_again_at_the_cursor_and_loses_nothing()
    {
        var (lab, _) = await IngestLab.StartAsync();
        await using var _2 = lab;
        var store = lab.Services.GetRequiredService<ITelemetryStore>();
        var disk = new FaultyDisk();
        var options = new JournalOptions { SegmentBytes = 20_000 };
        var key = IngestLab.Key();
        using var journal = AgentJournal.Open(disk, options);
        var stream = AgentJournal.NewStream(key);
        await journal.Append(stream, IngestLab.Opened(key));
        await ProduceAsync(journal, stream, key, 1, Backlog);
        for (var call = 0; call < 4; call++)
        {
            using var stop = new CancellationTokenSource();
            var running = new IngestUplink(journal, lab.As(TestSeed.Agent), TestSeed.AgentName, key.Boot, TimeProvider.System, options: Slow).RunAsync(stop.Token);
            var fresh = Backlog + (call * 3);
            await ProduceAsync(journal, stream, key, fresh + 1, fresh + 3);
            await Eventually.Async(async () => (await StateAsync(store, key))?.MaxSeq == fresh + 3, Bound, "the newest record is stored");
            await stop.CancelAsync();
            await running;
        }
        await journal.Append(stream, new Entry { Closed = new StreamClosed { Reason = "test" } });
        using var last = new CancellationTokenSource();
        var ending = new IngestUplink(journal, lab.As(TestSeed.Agent), TestSeed.AgentName, key.Boot, TimeProvider.System).RunAsync(last.Token);
        await Eventually.Async(() => journal.AckCursor.CompareTo(journal.End) >= 0, Bound, "everything is acknowledged");
        await last.CancelAsync();
        await ending;
        Assert.Equal($"expected {Backlog + 13}, stored {Backlog + 13}, gaps: none", (await RunCompleteness.OfAsync(store, "runs/l1", Cancellation)).Sentence);
    }

    private static async Task ProduceAsync(AgentJournal journal, JournalStream stream, StreamKey key, int from, int to) =>
        await Task.WhenAll(Enumerable.Range(from, to - from + 1).Select(n => journal.Append(stream, IngestLab.Records(key, n, n))));

    private static Task<StreamState?> StateAsync(ITelemetryStore store, StreamKey key) =>
        store.FindStreamAsync(new BattKomp.Lab.Telemetry.StreamKey(key.Agent, key.Boot, key.Stream), Cancellation);
}
