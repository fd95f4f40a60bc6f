using System.Net;
using System.Text;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.Influx;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry.Influx;

/// <summary>What InfluxDB will not take: narrowed down, kept aside with its reason, or refused before it is sent. Nothing vanishes.</summary>
public sealed class InfluxRefusalTests : IAsyncLifetime
{
    private readonly Network _network = new();
    private InfluxOptions _options = new();
    private InfluxTelemetryStore? _store;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private InfluxTelemetryStore Store => _store ??= new InfluxTelemetryStore(_options, TimeProvider.System, _network);

    public async ValueTask InitializeAsync() => _options = await InfluxFixture.NewDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        _network.Dispose();
    }

    private async Task<AppendOutcome> Put(StreamEntry entry) => (await Store.AppendAsync([entry], Cancellation))[0];

    /// <summary>Lines that somebody else writes into the database.</summary>
    private async Task WriteAsideAsync(string lines)
    {
        using var http = new HttpClient();
        using var body = new StringContent(lines, Encoding.UTF8);
        (await http.PostAsync(new Uri($"{_options.Url}/write?db={_options.Database}&precision=ns"), body, Cancellation)).EnsureSuccessStatusCode();
    }

    private static RecordBlock With(string signal, long first, long last, params long[] present)
    {
        var plain = Entries.Block(first, last);
        return new RecordBlock
        {
            UtcNs = plain.UtcNs,
            MonotonicNs = plain.MonotonicNs,
            Signals = new(["voltage_volt", signal], []),
            Values = [plain.Values[0], [.. Enumerable.Range(0, plain.Count).Select(k => present.Contains(first + k) ? 1.5 : double.NaN)]],
        };
    }

    [Fact]
    public async Task Only_the_refused_records_of_an_entry_stay_out_and_the_entry_is_kept_aside_with_the_reason()
    {
        var (key, other) = (Entries.Key(), Entries.Key("s2"));
        await Store.AppendAsync([Entries.Opened(key), Entries.Opened(other), Entries.Records(key, 1, 10)], Cancellation);
        await WriteAsideAsync($"records,stream=somebody x=\"text\" {Entries.AnchorUtcNs}");
        var entry = Entries.Entry(key, 11, new RecordsBody(With("x", 11, 1000, 17, 420)));
        var outcomes = await Store.AppendAsync([Entries.Records(other, 1, 50), entry, Entries.Records(key, 1001, 1100)], Cancellation);

        Assert.Equal([AppendResult.Stored, AppendResult.Quarantined, AppendResult.Stored], outcomes.Select(o => o.Result));
        Assert.Contains("refused 2 of 990 records, first sequence 17", outcomes[1].Detail);
        Assert.Contains("field type conflict", outcomes[1].Detail);
        var stream = (await Store.FindStreamAsync(key, Cancellation))!;
        Assert.Equal([new SequenceRange(17, 17), new SequenceRange(420, 420)], stream.Gaps);
        Assert.Equal(1098, stream.Records);
        Assert.Equal(new RunCounts(1148, 0, 0, 1), await Store.CountAsync("runs/1", Cancellation));
        var kept = Assert.Single(await Store.GetQuarantineAsync("runs/1", 10, Cancellation));
        Assert.Equal((entry.FirstSeq, outcomes[1].Detail), (kept.FirstSeq, kept.Reason));
        Assert.Equal(entry.Raw(), kept.Bytes);
        // Sent again: refused again, kept once.
        Assert.Equal(AppendResult.Quarantined, (await Put(entry)).Result);
        Assert.Equal(new RunCounts(1148, 0, 0, 1), await Store.CountAsync("runs/1", Cancellation));
    }

    [Fact]
    public async Task An_entry_that_is_refused_whole_does_not_cost_a_write_for_every_record()
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 10)], Cancellation);
        await WriteAsideAsync($"records,stream=somebody x=\"text\" {Entries.AnchorUtcNs}");
        var before = _network.Writes;
        var outcome = await Put(Entries.Entry(key, 11, new RecordsBody(With("x", 11, 5000, [.. Enumerable.Range(11, 4990)]))));
        Assert.Equal(AppendResult.Quarantined, outcome.Result);
        Assert.Contains("refused 4990 of 4990", outcome.Detail);
        Assert.InRange(_network.Writes - before, 1, 400);
        Assert.Equal(AppendResult.Stored, (await Put(Entries.Records(key, 11, 5000))).Result);
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_split_until_it_fits()
    {
        _network.Instead = (request, body) => Network.IsWrite(request) && body.Length > 20_000 ? Network.Answer(HttpStatusCode.RequestEntityTooLarge, """{"error":"too large"}""") : null;
        var key = Entries.Key();
        var outcomes = await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 3000), Entries.Closed(key, 3000)], Cancellation);
        Assert.All(outcomes, o => Assert.Equal(AppendResult.Stored, o.Result));
        Assert.Equal("expected 3001, stored 3001, gaps: none", (await RunCompleteness.OfAsync(Store, "runs/1", Cancellation)).Sentence);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_signal_of_another_kind_is_refused_before_it_is_sent(bool afterRestart)
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 10)], Cancellation);
        if (afterRestart)
        {
            await _store!.DisposeAsync();
            _store = new InfluxTelemetryStore(_options, TimeProvider.System);
        }

        var block = Entries.Block(11, 12);
        var text = new RecordBlock { UtcNs = block.UtcNs, MonotonicNs = block.MonotonicNs, Signals = new([], ["voltage_volt"]), Values = [], Texts = [new(["high"], [0, 0])] };
        _network.Instead = (request, body) =>
        {
            Assert.False(Network.IsWrite(request) && body.Contains("voltage_volt=\"", StringComparison.Ordinal), "it was sent");
            return null;
        };
        var outcome = await Put(Entries.Entry(key, 11, new RecordsBody(text)));
        Assert.Equal(AppendResult.Quarantined, outcome.Result);
        Assert.Contains("signal voltage_volt is text in this batch, but the database holds it as a number", outcome.Detail);
    }

    [Fact]
    public async Task Records_older_than_the_retention_are_kept_aside_and_newer_ones_stored()
    {
        _options.RetentionHours = 48;
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() * 1_000_000;
        var key = Entries.Key();
        var header = Entries.Header() with { AnchorUtcNs = now - 72 * 3_600_000_000_000 };
        StreamEntry At(long seq, double hoursAgo) => Entries.Entry(key, seq, new RecordsBody(new RecordBlock
        {
            UtcNs = [now - (long)(hoursAgo * 3.6e12)],
            MonotonicNs = [seq],
            Signals = Entries.Signals,
            Values = [[3.6], [1]],
        }));
        var outcomes = await Store.AppendAsync([Entries.Opened(key, header: header), At(1, 49), At(2, 47), At(3, 1)], Cancellation);
        Assert.Equal([AppendResult.Stored, AppendResult.Quarantined, AppendResult.Stored, AppendResult.Stored], outcomes.Select(o => o.Result));
        Assert.Contains("older than the retention of 48 h", outcomes[1].Detail);
        Assert.Equal(new RunCounts(2, 0, 0, 1), await Store.CountAsync("runs/1", Cancellation));
        // Another retention is taken over at the next start.
        await _store!.DisposeAsync();
        _options.RetentionHours = 100;
        _store = new InfluxTelemetryStore(_options, TimeProvider.System);
        Assert.Equal(AppendResult.Stored, (await Put(At(1, 49))).Result);
    }

    [Fact]
    public async Task A_new_stream_beyond_the_bound_on_series_waits_with_a_remedy_and_the_others_go_on()
    {
        _options.MaxSeries = 8;
        var (first, second, third) = (Entries.Key("s1"), Entries.Key("s2"), Entries.Key("s3"));
        await Store.AppendAsync([Entries.Opened(first), Entries.Opened(second)], Cancellation);
        var refused = await Assert.ThrowsAsync<SeriesLimitException>(() => Put(Entries.Opened(third)));
        Assert.Contains("Telemetry:Influx:MaxSeries is 8: raise it", refused.Message);
        Assert.Equal(AppendResult.Stored, (await Put(Entries.Records(first, 1, 10))).Result);
        Assert.Null(await Store.FindStreamAsync(third, Cancellation));
    }

    [Fact]
    public async Task A_late_batch_may_not_take_the_stamps_of_another_sequence()
    {
        var key = Entries.Key();
        await Store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 10), Entries.Records(key, 21, 30)], Cancellation);
        var outcome = await Put(Entries.Entry(key, 11, new RecordsBody(Entries.Block(22, 24))));
        Assert.Equal(AppendResult.Quarantined, outcome.Result);
        Assert.Contains("is that of sequence 22", outcome.Detail);
        Assert.Equal(AppendResult.Stored, (await Put(Entries.Records(key, 11, 20))).Result);
        Assert.Equal(new RunCounts(30, 0, 0, 1), await Store.CountAsync("runs/1", Cancellation));
    }
}
