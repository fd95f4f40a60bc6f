using System.Diagnostics;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.DuckDb;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry.DuckDb;

/// <summary>
/// This test program as a child process that only appends to a store and prints what was acknowledged, to be killed with SIGKILL. It is an explicit
/// test: the runner starts it only when asked for by name.
/// </summary>
public sealed class AppendingChild
{
    private const string Variable = "BATTLAB_TEST_APPEND_TO";
    private const int Streams = 4, Batch = 50;
    private readonly Lock _gate = new();

    /// <summary>Starts a child that appends to the file; on its standard output are lines "ack stream last-acknowledged-sequence".</summary>
    public static Process Start(string file)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, Environment = { [Variable] = file } };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet") start.ArgumentList.Add(typeof(AppendingChild).Assembly.Location);
        foreach (var argument in (string[])["-class", typeof(AppendingChild).FullName!, "-explicit", "only", "-noColor"]) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    [Fact(Explicit = true)]
    public async Task Appends_until_killed()
    {
        var file = Environment.GetEnvironmentVariable(Variable);
        Assert.NotNull(file);
        // A low threshold, so that kills also fall into checkpoints.
        await using var store = new DuckDbTelemetryStore(new DuckDbOptions { Path = file, CheckpointThreshold = "256KB", LedgerRowsPerStream = 64 }, TimeProvider.System);
        await Task.WhenAll(Enumerable.Range(0, Streams).Select(s => AppendAsync(store, s)));
    }

    private async Task AppendAsync(DuckDbTelemetryStore store, int number)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var key = Entries.Key($"s{number}");
        var next = Math.Max(1, ((await store.FindStreamAsync(key, cancellation))?.MaxSeq ?? 0) + 1);
        // What an agent does after a crash: it sends again what it cannot know to be stored.
        next = Math.Max(1, next - Batch * 3);
        await store.AppendAsync([Entries.Opened(key)], cancellation);
        for (; next < 1_000_000; next += Batch)
        {
            await store.AppendAsync([Entries.Records(key, next, next + Batch - 1)], cancellation);
            lock (_gate) Console.WriteLine($"ack {number} {next + Batch - 1}");
        }
    }
}
