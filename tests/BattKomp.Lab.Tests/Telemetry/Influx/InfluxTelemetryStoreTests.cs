using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.Influx;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry.Influx;

/// <summary>The contract on a real InfluxDB 1.6, and what only that store does.</summary>
public sealed class InfluxTelemetryStoreTests : TelemetryStoreContract
{
    private InfluxOptions? _options;

    protected override async Task<ITelemetryStore> OpenAsync()
    {
        _options ??= await InfluxFixture.NewDatabaseAsync();
        _options.LedgerRowsPerStream = 64;
        return new InfluxTelemetryStore(_options, TimeProvider.System);
    }

    [Fact]
    public async Task A_long_ledger_is_merged_while_the_stream_still_runs()
    {
        var key = Entries.Key();
        await Put(Entries.Opened(key));
        for (var first = 1L; first < 10_000; first += 100) await Put(Entries.Records(key, first, first + 99));
        await ReopenAsync();
        Assert.Equal([new SequenceRange(0, 10_000)], (await State(key)).Stored);
        Assert.Equal(10_000, (await State(key)).Records);
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Records(key, 1, 100))).Result);
        Assert.Equal(AppendResult.Quarantined, (await Put(Entries.Records(key, 201, 300, flavour: 1))).Result);
        Assert.Equal(new RunCounts(10_000, 0, 0, 1), await Store.CountAsync("runs/1", Cancellation));
    }

    [Fact]
    public async Task Many_callers_share_writes_and_each_gets_its_own_answers()
    {
        var calls = Enumerable.Range(0, 32).Select(async k =>
        {
            var key = Entries.Key($"s{k}");
            // As ingest does: handed over in order, without waiting for the one before.
            var puts = new List<Task<AppendOutcome>> { Put(Entries.Opened(key)) };
            for (var first = 1; first < 500; first += 10) puts.Add(Put(Entries.Records(key, first, first + 9)));
            puts.Add(Put(Entries.Closed(key, 500)));
            Assert.All(await Task.WhenAll(puts), o => Assert.Equal(AppendResult.Stored, o.Result));
        });
        await Task.WhenAll(calls);
        var run = await RunCompleteness.OfAsync(Store, "runs/1", Cancellation);
        Assert.True(run.Complete, run.Sentence);
        Assert.Equal((32 * 501, 32 * 500, 0), (run.Stored, run.Counts.Records, run.Counts.Duplicates));
    }
}
