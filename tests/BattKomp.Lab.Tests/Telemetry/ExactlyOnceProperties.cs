using System.Net;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.DuckDb;
using BattKomp.Lab.Telemetry.Influx;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.Tests.Telemetry.Influx;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry;

/// <summary>Whatever an agent repeats, cuts otherwise, reorders or sends around a restart: rows = distinct sequences, ledger = rows.</summary>
public sealed class ExactlyOnceProperties
{
    private sealed record Step(int Stream, int First, int Count, bool Restart, bool Fails);

    private static readonly Gen<Step[]> Steps =
        Gen.Select(Gen.Int[0, 2], Gen.Int[1, 60], Gen.Int[1, 25], Gen.Int[0, 19], Gen.Int[0, 3])
            .Select((stream, first, count, restart, fails) => new Step(stream, first, count, restart == 0, fails == 0)).Array[1, 30];

    [Fact]
    public void Rows_are_the_distinct_sequences_and_the_ledger_agrees() => Steps.Sample(steps => InDuckDbAsync(steps).GetAwaiter().GetResult(), iter: 25, threads: 1);

    [Fact]
    public Task Rows_are_the_distinct_sequences_in_InfluxDB_also_when_writes_fail_before_or_after_they_are_made() => Steps.SampleAsync(InInfluxAsync, iter: 12, threads: 1);

    private static async Task InDuckDbAsync(Step[] steps)
    {
        using var folder = new TempFolder();
        var options = new DuckDbOptions { Path = folder.File("records.duckdb"), LedgerRowsPerStream = 4 };
        await RunAsync(steps, () => new DuckDbTelemetryStore(options, TimeProvider.System), _ => { });
    }

    private static async Task InInfluxAsync(Step[] steps)
    {
        var options = await InfluxFixture.NewDatabaseAsync();
        options.LedgerRowsPerStream = 4;
        using var network = new Network();
        var (armed, count) = (false, 0);
        network.Instead = (request, _) =>
        {
            if (!armed || !Network.IsWrite(request)) return null;
            armed = false;
            // Refused, or made and the answer lost: by turns.
            if (++count % 2 == 0) return Network.Answer(HttpStatusCode.ServiceUnavailable, "{}");
            request.Headers.Add(Network.LoseAnswer, "1");
            return null;
        };
        await RunAsync(steps, () => new InfluxTelemetryStore(options, TimeProvider.System, network.Shared()), step => armed = step.Fails);
    }

    private static async Task RunAsync(Step[] steps, Func<ITelemetryStore> open, Action<Step> before)
    {
        var model = new HashSet<long>[] { [], [], [] };
        var store = open();
        try
        {
            foreach (var step in steps)
            {
                if (step.Restart)
                {
                    await store.DisposeAsync();
                    store = open();
                }

                before(step);
                var key = Entries.Key($"s{step.Stream}");
                var outcomes = await UntilTakenAsync(store, [Entries.Opened(key), Entries.Records(key, step.First, step.First + step.Count - 1)]);
                Assert.DoesNotContain(outcomes, o => o.Result is AppendResult.Quarantined or AppendResult.UnknownStream);
                for (var k = 0; k < step.Count; k++) model[step.Stream].Add(step.First + k);
            }

            await CheckAsync(store, model);
            await store.DisposeAsync();
            store = open();
            await CheckAsync(store, model);
        }
        finally
        {
            await store.DisposeAsync();
        }
    }

    private static async Task<IReadOnlyList<AppendOutcome>> UntilTakenAsync(ITelemetryStore store, StreamEntry[] entries)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await store.AppendAsync(entries, CancellationToken.None);
            }
            catch (StoreUnavailableException) when (attempt < 5)
            {
                // As an agent does: the same entries again.
            }
        }
    }

    private static async Task CheckAsync(ITelemetryStore store, HashSet<long>[] model)
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
