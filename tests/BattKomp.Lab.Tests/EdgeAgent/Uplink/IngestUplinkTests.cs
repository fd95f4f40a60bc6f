using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Uplink;
using BattKomp.Lab.Tests.EdgeAgent.Journal;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using Entry = BattKomp.Lab.V1.Entry;

namespace BattKomp.Lab.Tests.EdgeAgent.Uplink;

public sealed class IngestUplinkTests : IAsyncLifetime
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);
    private readonly FaultyDisk _disk = new();
    private readonly CancellationTokenSource _stop = new();
    private FakeLabServer _server = null!;
    private AgentJournal _journal = null!;
    private ServerLine _line = null!;
    private Task _running = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeLabServer.StartAsync();
        _journal = AgentJournal.Open(_disk, new JournalOptions { SegmentBytes = 20_000 });
        _line = new ServerLine(_server.Address, new AgentIdentity("agents/a", "secret"), TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _line.Dispose();
        _journal.Dispose();
        await _server.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    public async Task Every_entry_arrives_byte_for_byte_and_the_cursor_reaches_the_end()
    {
        _server.AckEvery = 7;
        Start();
        await Produce(300, close: true);
        await Delivered();
        var stream = Assert.Single(_server.Streams);
        Assert.True(stream.Complete);
        Assert.Equal("Bearer secret", _server.Token);
        var reader = _journal.Read(new JournalPosition(0, 0));
        while (reader.TryRead() is { } frame)
            if (EntryPeek.Of(frame.Payload) is { Body: not Entry.BodyOneofCase.Closed } peek)
                Assert.Equal(frame.Payload, stream.Entries[peek.FirstSeq]);
    }

    [Fact]
    public async Task Calls_that_are_cut_lose_nothing_and_repeated_acknowledgements_free_nothing_twice()
    {
        _server.AckTwice = true;
        Start();
        for (var round = 0; round < 4; round++)
        {
            _server.CutAfter(20 + (round * 7));
            await Produce(60, close: false);
        }
        await Produce(1, close: true);
        await Delivered();
        Assert.All(_server.Streams, s => Assert.Equal(0, s.Conflicts));
        Assert.Equal(241 * 2, _server.Streams.Sum(s => s.Records.Count));
    }

    [Fact]
    public async Task Unacknowledged_entries_stay_and_are_sent_by_the_next_start()
    {
        _server.Mute = true;
        Start();
        await Produce(50, close: true);
        await Eventually.Async(() => _server.Streams.Any(s => s.Complete), Bound, "all entries reach the server");
        Assert.Equal(default, _journal.AckCursor with { Segment = 0 });
        await _stop.CancelAsync();
        await _running;
        _journal.Dispose();
        _server.Mute = false;
        _journal = AgentJournal.Open(_disk);
        using var again = new CancellationTokenSource();
        var running = new IngestUplink(_journal, _line.Invoker, "agents/a", "b1", TimeProvider.System).RunAsync(again.Token);
        await Delivered();
        await again.CancelAsync();
        await running;
        Assert.All(_server.Streams, s => Assert.Equal(0, s.Conflicts));
    }

    [Fact]
    public async Task A_range_asked_for_again_is_sent_from_the_retained_segments()
    {
        Start();
        await Produce(40, close: false);
        await Delivered();
        var stream = Assert.Single(_server.Streams);
        lock (stream)
        {
            foreach (var seq in stream.Records.Keys.Where(s => s is >= 10 and <= 20).ToList())
                stream.Records.Remove(seq);
        }
        _server.Resends.Enqueue(new Resend { Key = JournalTests.Key("b0", "s1"), FirstSeq = 10, LastSeq = 20 });
        await Produce(1, close: false, name: "other");
        await Eventually.Async(() => Enumerable.Range(10, 11).All(s => stream.Records.ContainsKey(s)), Bound, "the range is there again");
    }

    private void Start() =>
        _running = new IngestUplink(_journal, _line.Invoker, "agents/a", "b0", TimeProvider.System).RunAsync(_stop.Token);

    private int _streams;

    private async Task Produce(int batches, bool close, string? name = null)
    {
        var stream = AgentJournal.NewStream(JournalTests.Key("b0", name ?? $"s{++_streams}"));
        var appends = new List<Task> { _journal.Append(stream, JournalTests.Opened()) };
        for (var k = 0; k < batches; k++)
            appends.Add(_journal.Append(stream, JournalTests.Records(2, k)));
        if (close)
            appends.Add(_journal.Append(stream, new Entry { Closed = new StreamClosed { Reason = "test" } }));
        await Task.WhenAll(appends);
    }

    private Task Delivered() => Eventually.Async(() => _journal.AckCursor.CompareTo(_journal.End) >= 0, Bound, "the acknowledgement cursor reaches the end");
}
