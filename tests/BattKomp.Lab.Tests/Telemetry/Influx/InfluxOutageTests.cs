using System.Net;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.Influx;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry.Influx;

/// <summary>The server away, slow, refusing or lying about what it has done: never acknowledged, never lost, never doubled.</summary>
public sealed class InfluxOutageTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(HttpStatusCode.Unauthorized, "Correct Telemetry:Influx:Username and Password")]
    [InlineData(HttpStatusCode.Forbidden, "Correct Telemetry:Influx:Username and Password")]
    [InlineData(HttpStatusCode.TooManyRequests, "answered 429")]
    [InlineData(HttpStatusCode.ServiceUnavailable, "answered 503")]
    public async Task An_answer_that_may_pass_is_unavailable_and_the_repeat_is_stored(HttpStatusCode status, string says)
    {
        using var network = new Network();
        await using var store = new InfluxTelemetryStore(await InfluxFixture.NewDatabaseAsync(), TimeProvider.System, network);
        var key = Entries.Key();
        await store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 10)], Cancellation);
        network.Instead = (_, _) => Network.Answer(status, """{"error":"not now"}""");
        var refused = await Assert.ThrowsAsync<StoreUnavailableException>(() => store.AppendAsync([Entries.Records(key, 11, 20)], Cancellation));
        Assert.Contains(says, refused.Message);
        Assert.False(store.Available);
        Assert.Equal(11, (await store.FindStreamAsync(key, Cancellation))!.StoredCount);

        network.Instead = null;
        await Eventually.Async(() => store.Available, TimeSpan.FromSeconds(20), "the store notices that the server is back");
        Assert.Equal(AppendResult.Stored, (await store.AppendAsync([Entries.Records(key, 11, 20)], Cancellation))[0].Result);
        Assert.Equal(new RunCounts(20, 0, 0, 0), await store.CountAsync("runs/1", Cancellation));
    }

    [Fact]
    public async Task A_server_that_is_away_at_start_is_unavailable_and_found_later()
    {
        await using var server = await InfluxServer.StartAsync();
        await server.KillAsync();
        await using var store = new InfluxTelemetryStore(new InfluxOptions { Url = server.Url }, TimeProvider.System);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.AppendAsync([Entries.Opened(Entries.Key())], Cancellation));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.GetStreamsAsync("runs/1", Cancellation));
        await server.RunAsync();
        await Eventually.Async(() => store.Available, TimeSpan.FromSeconds(20), "the store notices that the server is there");
        Assert.Equal(AppendResult.Stored, (await store.AppendAsync([Entries.Opened(Entries.Key())], Cancellation))[0].Result);
    }

    [Fact]
    public async Task A_database_that_was_dropped_is_made_again_and_streams_are_asked_for_from_their_start()
    {
        var options = await InfluxFixture.NewDatabaseAsync();
        await using var store = new InfluxTelemetryStore(options, TimeProvider.System);
        var key = Entries.Key();
        await store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 10)], Cancellation);
        using (var http = new HttpClient())
            (await http.PostAsync(new Uri($"{options.Url}/query?q=DROP%20DATABASE%20{options.Database}"), null, Cancellation)).EnsureSuccessStatusCode();
        var refused = await Assert.ThrowsAsync<StoreUnavailableException>(() => store.AppendAsync([Entries.Records(key, 11, 20)], Cancellation));
        Assert.Contains("no such database", refused.Message);
        Assert.Equal(AppendResult.UnknownStream, (await store.AppendAsync([Entries.Records(key, 11, 20)], Cancellation))[0].Result);
        await store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 20)], Cancellation);
        Assert.Equal(new RunCounts(20, 0, 0, 0), await store.CountAsync("runs/1", Cancellation));
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6)]
    public async Task A_crash_after_any_write_is_healed_by_the_repeat_however_it_is_cut(int writes)
    {
        var options = await InfluxFixture.NewDatabaseAsync();
        var key = Entries.Key();
        using (var network = new Network())
        {
            var left = writes;
            // The write is made, the answer never comes back: the worst moment for a crash. What comes after never arrives.
            network.Instead = (request, _) => Network.IsWrite(request) && Interlocked.Decrement(ref left) < 0 ? throw new HttpRequestException("cut") : null;
            await using var dying = new InfluxTelemetryStore(options, TimeProvider.System, network);
            var calls = new List<Task> { dying.AppendAsync([Entries.Opened(key)], Cancellation) };
            for (var first = 1; first <= 91; first += 10) calls.Add(dying.AppendAsync([Entries.Records(key, first, first + 9)], Cancellation));
            await Task.WhenAll(calls).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        await using var store = new InfluxTelemetryStore(options, TimeProvider.System);
        var outcomes = await store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 7), Entries.Records(key, 8, 100), Entries.Closed(key, 100)], Cancellation);
        Assert.DoesNotContain(outcomes, o => o.Result is AppendResult.Quarantined or AppendResult.UnknownStream);
        var run = await RunCompleteness.OfAsync(store, "runs/1", Cancellation);
        Assert.Equal("expected 101, stored 101, gaps: none", run.Sentence);
        Assert.Equal(new RunCounts(100, 0, 0, 0), run.Counts);
        await using var again = new InfluxTelemetryStore(options, TimeProvider.System);
        Assert.Equal((101, 100), ((await again.FindStreamAsync(key, Cancellation))!.StoredCount, (await again.FindStreamAsync(key, Cancellation))!.Records));
    }

    [Fact]
    public async Task What_InfluxDB_itself_has_lost_after_acknowledging_it_becomes_a_gap_and_not_a_claim()
    {
        await using var server = await InfluxServer.StartAsync();
        await using var store = new InfluxTelemetryStore(new InfluxOptions { Url = server.Url }, TimeProvider.System);
        var key = Entries.Key();
        await store.AppendAsync([Entries.Opened(key), Entries.Records(key, 1, 100)], Cancellation);
        await server.KillAsync();
        // As a kill in the middle of a write leaves it. After the restart 1.6.7 cuts this off and writes on behind the hole.
        server.TearLogs();
        await server.RunAsync();
        await Again(Entries.Records(key, 101, 200));
        Assert.Equal(new RunCounts(200, 0, 0, 0), await store.CountAsync("runs/1", Cancellation));
        await server.KillAsync();
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.AppendAsync([Entries.Records(key, 201, 300)], Cancellation));
        await server.RunAsync();

        await Again(Entries.Records(key, 201, 300));
        Assert.Equal(new RunCounts(200, 0, 0, 0), await store.CountAsync("runs/1", Cancellation));
        Assert.Equal([new SequenceRange(101, 200)], Assert.Single(await store.GetUnfinishedStreamsAsync("agents/a1", Cancellation)).Gaps);
        await Again(Entries.Records(key, 101, 200));
        await Again(Entries.Closed(key, 300));
        Assert.Equal("expected 301, stored 301, gaps: none", (await RunCompleteness.OfAsync(store, "runs/1", Cancellation)).Sentence);
        Assert.Equal(300, (await store.CountAsync("runs/1", Cancellation)).Records);

        async Task Again(StreamEntry entry) => await Eventually.Async(async () =>
        {
            try
            {
                return (await store.AppendAsync([entry], Cancellation))[0].Result == AppendResult.Stored;
            }
            catch (StoreUnavailableException)
            {
                return false;
            }
        }, TimeSpan.FromSeconds(30), "the entry is stored");
    }

    [Fact]
    public async Task Killed_and_frozen_under_load_it_loses_no_acknowledged_record_and_doubles_none()
    {
        const int streams = 4, last = 6000;
        await using var server = await InfluxServer.StartAsync();
        await using var store = new InfluxTelemetryStore(new InfluxOptions { Url = server.Url }, TimeProvider.System);
        var (acknowledged, failures) = (0, 0);
        var senders = Enumerable.Range(0, streams).Select(s => SendAsync(Entries.Key($"s{s}"))).ToArray();
        foreach (var at in new[] { 20, 90, 160 })
        {
            await Eventually.Async(() => Volatile.Read(ref acknowledged) >= at, TimeSpan.FromSeconds(60), $"{at} acknowledgements");
            if (at == 90)
            {
                server.Freeze();
                using var timer = new PeriodicTimer(TimeSpan.FromSeconds(3));
                await timer.WaitForNextTickAsync(Cancellation);
                server.Thaw();
                continue;
            }

            await server.KillAsync();
            await Eventually.Async(() => Volatile.Read(ref failures) > 0, TimeSpan.FromSeconds(60), "an append fails");
            await server.RunAsync();
        }

        await Task.WhenAll(senders);
        // What this InfluxDB has forgotten at its second kill shows as gaps, and is asked for again.
        foreach (var stream in await store.GetUnfinishedStreamsAsync("agents/a1", Cancellation))
            foreach (var gap in stream.Gaps) await store.AppendAsync([Entries.Records(stream.Key, gap.First, gap.Last)], Cancellation);
        var run = await RunCompleteness.OfAsync(store, "runs/1", Cancellation);
        Assert.Equal($"expected {streams * (last + 1)}, stored {streams * (last + 1)}, gaps: none", run.Sentence);
        Assert.Equal(new RunCounts(streams * last, 0, 0, 0), run.Counts);

        async Task SendAsync(StreamKey key)
        {
            var entries = new List<StreamEntry> { Entries.Opened(key) };
            for (var first = 1; first <= last; first += 100) entries.Add(Entries.Records(key, first, first + 99));
            entries.Add(Entries.Closed(key, last));
            foreach (var entry in entries)
                await Eventually.Async(async () =>
                {
                    try
                    {
                        Assert.NotEqual(AppendResult.Quarantined, (await store.AppendAsync([entry], Cancellation))[0].Result);
                        Interlocked.Increment(ref acknowledged);
                        return true;
                    }
                    catch (StoreUnavailableException)
                    {
                        Interlocked.Increment(ref failures);
                        return false;
                    }
                }, TimeSpan.FromSeconds(120), "an entry is acknowledged in the end");
        }
    }
}
