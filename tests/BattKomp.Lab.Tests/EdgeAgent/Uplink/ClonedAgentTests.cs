using System.Collections.Concurrent;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Uplink;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Tests.EdgeAgent.Journal;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Uplink;

/// <summary>Two agents of one name, as a copied disk makes them: the newer boot speaks, the older one says that it was fenced, and what it sends is set aside, not lost.</summary>
public sealed class ClonedAgentTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_older_of_two_copies_is_fenced_says_so_and_its_later_records_go_to_quarantine()
    {
        var (lab, _) = await IngestLab.StartAsync();
        await using var _2 = lab;
        var store = lab.Services.GetRequiredService<ITelemetryStore>();
        await using var older = new Copy(lab, "b1", 1);
        await older.ProduceAsync(1, 5);
        await older.DeliveredAsync();
        await using var newer = new Copy(lab, "b2", 2);
        await newer.ProduceAsync(1, 5);
        await newer.DeliveredAsync();
        await older.ProduceAsync(6, 10);
        await older.DeliveredAsync();
        await newer.ProduceAsync(6, 10);
        await newer.DeliveredAsync();

        Assert.Contains(older.Log, l => l.Contains("newer", StringComparison.Ordinal));
        Assert.Contains(older.Log, l => l.Contains("quarantine", StringComparison.Ordinal));
        Assert.DoesNotContain(newer.Log, l => l.Contains("quarantine", StringComparison.Ordinal));
        Assert.Equal(6, (await StateAsync(store, "b1"))!.StoredCount);
        Assert.Equal(11, (await StateAsync(store, "b2"))!.StoredCount);
    }

    private static Task<StreamState?> StateAsync(ITelemetryStore store, string boot) =>
        store.FindStreamAsync(new StreamKey(TestSeed.AgentName, boot, "s1"), Cancellation);

    private sealed class Copy : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly AgentJournal _journal = AgentJournal.Open(new FaultyDisk());
        private readonly JournalStream _stream;
        private readonly string _boot;
        private readonly Task _running;

        public Copy(TestLab lab, string boot, long order)
        {
            _boot = boot;
            _stream = AgentJournal.NewStream(IngestLab.Key(boot: boot));
            _ = _journal.Append(_stream, IngestLab.Opened(IngestLab.Key(boot: boot)));
            _running = new IngestUplink(_journal, lab.As(TestSeed.Agent), TestSeed.AgentName, boot, TimeProvider.System, Log.Enqueue, order).RunAsync(_stop.Token);
        }

        public ConcurrentQueue<string> Log { get; } = new();

        public async Task ProduceAsync(int from, int to) => await _journal.Append(_stream, IngestLab.Records(IngestLab.Key(boot: _boot), from, to));

        public Task DeliveredAsync() => Eventually.Async(() => _journal.AckCursor.CompareTo(_journal.End) >= 0, Bound, $"everything is acknowledged: {string.Join("; ", Log)}");

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _journal.Dispose();
            _stop.Dispose();
        }
    }
}
