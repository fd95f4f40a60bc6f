using System.Collections.Concurrent;
using System.Globalization;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.DuckDb;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry.DuckDb;

/// <summary>SIGKILL at random moments: every acknowledged record is there, none twice, and the ledger is the rows.</summary>
public sealed class KillTests
{
    [Fact]
    public Task No_acknowledged_record_is_lost_or_doubled_when_the_process_is_killed() => KillAsync(rounds: 6);

    [Fact]
    [Trait("lane", "full")]
    public Task No_acknowledged_record_is_lost_or_doubled_over_fifty_kills() => KillAsync(rounds: 50);

    private static async Task KillAsync(int rounds)
    {
        var folder = Directory.CreateTempSubdirectory("battlab-kill-").FullName;
        var file = Path.Combine(folder, "records.duckdb");
        var acknowledged = new ConcurrentDictionary<int, long>();
        var moments = new Random(20261123);
        try
        {
            for (var round = 0; round < rounds; round++) await RoundAsync(file, acknowledged, moments.Next(5, 120));
            await CheckAsync(file, acknowledged);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Killed after a number of acknowledgements rather than a time: the moment within a commit is still random.
    private static async Task RoundAsync(string file, ConcurrentDictionary<int, long> acknowledged, int after)
    {
        using var child = AppendingChild.Start(file);
        var lines = 0;
        child.OutputDataReceived += (_, line) =>
        {
            // A line torn by the kill says nothing.
            if (line.Data?.Split(' ') is not ["ack", var stream, var last] || !long.TryParse(last, CultureInfo.InvariantCulture, out var seq)) return;
            acknowledged.AddOrUpdate(int.Parse(stream, CultureInfo.InvariantCulture), seq, (_, before) => Math.Max(before, seq));
            Interlocked.Increment(ref lines);
        };
        child.BeginOutputReadLine();
        try
        {
            await Eventually.Async(() => Volatile.Read(ref lines) >= after || child.HasExited, TimeSpan.FromSeconds(60), "the child acknowledges");
            Assert.False(child.HasExited, "the child ended by itself");
        }
        finally
        {
            child.Kill();
        }

        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    private static async Task CheckAsync(string file, ConcurrentDictionary<int, long> acknowledged)
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var store = new DuckDbTelemetryStore(new DuckDbOptions { Path = file }, TimeProvider.System);
        var counts = await store.CountAsync("runs/1", cancellation);
        var streams = await store.GetStreamsAsync("runs/1", cancellation);
        Assert.Equal((0, 0), (counts.Duplicates, counts.Quarantined));
        Assert.Equal(counts.Records, streams.Sum(s => s.Records));
        Assert.Equal(counts.Records + streams.Count, streams.Sum(s => s.StoredCount));
        foreach (var stream in streams)
        {
            Assert.Empty(stream.Gaps);
            Assert.True(stream.MaxSeq >= acknowledged[int.Parse(stream.Key.Stream[1..], CultureInfo.InvariantCulture)], $"{stream.Key} lost acknowledged records");
        }
    }
}
