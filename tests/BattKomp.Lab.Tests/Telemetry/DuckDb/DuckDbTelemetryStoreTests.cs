using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.DuckDb;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry.DuckDb;

/// <summary>The contract on the embedded store, and what only it does.</summary>
public sealed class DuckDbTelemetryStoreTests : TelemetryStoreContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory("battlab-duckdb-").FullName;

    protected override Task<ITelemetryStore> OpenAsync() =>
        Task.FromResult<ITelemetryStore>(new DuckDbTelemetryStore(new DuckDbOptions { Path = Path.Combine(_folder, "records.duckdb"), LedgerRowsPerStream = 64 }, TimeProvider.System));

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_long_ledger_is_merged_while_the_stream_still_runs()
    {
        var key = Entries.Key();
        await Put(Entries.Opened(key));
        // More than the rows kept single and more than the bound of this store, one entry at a time.
        for (var first = 1L; first < 10_000; first += 100)
            await Put(Entries.Records(key, first, first + 99));
        Assert.Equal([new SequenceRange(0, 10_000)], (await State(key)).Stored);
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Records(key, 1, 100))).Result);
        await ReopenAsync();
        Assert.Equal(AppendResult.Duplicate, (await Put(Entries.Records(key, 101, 200))).Result);
        Assert.Equal(AppendResult.Quarantined, (await Put(Entries.Records(key, 201, 300, flavour: 1))).Result);
        Assert.Equal(new RunCounts(10_000, 0, 0, 1), await Store.CountAsync("runs/1", Cancellation));
    }

    [Fact]
    public async Task Many_callers_share_commits_and_each_gets_its_own_answers()
    {
        var calls = Enumerable.Range(0, 32).Select(async k =>
        {
            var key = Entries.Key($"s{k}");
            await Put(Entries.Opened(key));
            for (var first = 1; first < 500; first += 10) Assert.Equal(AppendResult.Stored, (await Put(Entries.Records(key, first, first + 9))).Result);
            await Put(Entries.Closed(key, 500));
        });
        await Task.WhenAll(calls);
        var run = await RunCompleteness.OfAsync(Store, "runs/1", Cancellation);
        Assert.True(run.Complete);
        Assert.Equal((32 * 501, 32 * 500, 0), (run.Stored, run.Counts.Records, run.Counts.Duplicates));
    }
}
