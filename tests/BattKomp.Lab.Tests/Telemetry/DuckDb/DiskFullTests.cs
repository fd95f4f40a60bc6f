using System.Diagnostics;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.DuckDb;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry.DuckDb;

/// <summary>A full disk at the server, on a small file system in memory (needs root).</summary>
public sealed class DiskFullTests
{
    [Fact]
    public async Task A_full_disk_makes_the_store_unavailable_and_when_space_is_back_nothing_acknowledged_is_lost()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var folder = Directory.CreateTempSubdirectory("battlab-full-").FullName;
        if (!Mount(folder))
        {
            Directory.Delete(folder);
            const string Reason = "a tmpfs cannot be mounted here; run as root on Linux";
            if (string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase)) Assert.Fail(Reason);
            Assert.Skip(Reason);
        }

        try
        {
            var ballast = Path.Combine(folder, "ballast");
            await File.WriteAllBytesAsync(ballast, new byte[18 << 20], cancellation);
            await using var store = new DuckDbTelemetryStore(new DuckDbOptions { Path = Path.Combine(folder, "records.duckdb"), CheckpointThreshold = "1MB" }, TimeProvider.System);
            var key = Entries.Key();
            await store.AppendAsync([Entries.Opened(key)], cancellation);
            var acknowledged = await FillAsync(store, key, cancellation);
            Assert.True(acknowledged > 0);
            await Assert.ThrowsAsync<StoreUnavailableException>(() => store.AppendAsync([Entries.Records(key, acknowledged + 1, acknowledged + 1)], cancellation));

            File.Delete(ballast);
            await Eventually.Async(() => store.Available, TimeSpan.FromSeconds(30), "the store opens again");
            // The refused entry may have reached the log all the same: refused says "not known", and sending it again settles it.
            Assert.Contains((await store.CountAsync("runs/1", cancellation)).Records, new[] { acknowledged, acknowledged + 500 });
            await store.AppendAsync([Entries.Records(key, acknowledged + 1, acknowledged + 500), Entries.Closed(key, acknowledged + 500)], cancellation);
            var run = await RunCompleteness.OfAsync(store, "runs/1", cancellation);
            Assert.True(run.Complete, run.Sentence);
            Assert.Equal(acknowledged + 500, run.Counts.Records);
        }
        finally
        {
            Run("umount", folder);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<long> FillAsync(DuckDbTelemetryStore store, StreamKey key, CancellationToken cancellation)
    {
        for (long next = 1; ; next += 500)
        {
            try
            {
                await store.AppendAsync([Entries.Records(key, next, next + 499)], cancellation);
            }
            catch (StoreUnavailableException)
            {
                return next - 1;
            }
        }
    }

    private static bool Mount(string folder) => OperatingSystem.IsLinux() && Environment.UserName == "root" && Run("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder) == 0;

    private static int Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }
}
