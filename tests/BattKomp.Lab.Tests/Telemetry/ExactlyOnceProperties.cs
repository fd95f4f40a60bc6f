using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.DuckDb;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry;

/// <summary>Whatever an agent repeats, cuts otherwise, reorders or sends around a restart: rows = distinct sequences, ledger = rows.</summary>
public sealed class ExactlyOnceProperties
{
    private sealed record Step(int Stream, int First, int Count, bool Restart);

    private static readonly Gen<Step[]> Steps =
        Gen.Select(Gen.Int[0, 2], Gen.Int[1, 60], Gen.Int[1, 25], Gen.Int[0, 19])
            .Select((stream, first, count, restart) => new Step(stream, first, count, restart == 0)).Array[1, 30];

    [Fact]
    public void Rows_are_the_distinct_sequences_and_the_ledger_agrees() =>
        Steps.Sample(steps => RunAsync(steps).GetAwaiter().GetResult(), iter: 25, threads: 1);

    private static async Task RunAsync(Step[] steps)
    {
        var folder = Directory.CreateTempSubdirectory("battlab-once-").FullName;
        var options = new DuckDbOptions { Path = Path.Combine(folder, "records.duckdb"), LedgerRowsPerStream = 4 };
        var model = new HashSet<long>[] { [], [], [] };
        var store = new DuckDbTelemetryStore(options, TimeProvider.System);
        try
        {
            foreach (var step in steps)
            {
                if (step.Restart)
                {
                    await store.DisposeAsync();
                    store = new DuckDbTelemetryStore(options, TimeProvider.System);
                }

                var key = Entries.Key($"s{step.Stream}");
                var outcomes = await store.AppendAsync([Entries.Opened(key), Entries.Records(key, step.First, step.First + step.Count - 1)], CancellationToken.None);
                Assert.DoesNotContain(outcomes, o => o.Result is AppendResult.Quarantined or AppendResult.UnknownStream);
                for (var k = 0; k < step.Count; k++) model[step.Stream].Add(step.First + k);
            }

            await CheckAsync(store, model);
        }
        finally
        {
            await store.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task CheckAsync(DuckDbTelemetryStore store, HashSet<long>[] model)
    {
        var counts = await store.CountAsync("runs/1", CancellationToken.None);
        Assert.Equal(new RunCounts(model.Sum(m => m.Count), 0, 0, 0), counts);
        foreach (var stream in await store.GetStreamsAsync("runs/1", CancellationToken.None))
        {
            var expected = model[int.Parse(stream.Key.Stream[1..], System.Globalization.CultureInfo.InvariantCulture)];
            var ledger = stream.Stored.SelectMany(r => Enumerable.Range((int)r.First, (int)r.Count)).Select(s => (long)s);
            Assert.Equal(expected.Append(0).Order(), ledger);
            Assert.Equal(expected.Count, stream.Records);
        }
    }
}
