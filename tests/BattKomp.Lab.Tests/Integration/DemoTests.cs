using System.Diagnostics;
using System.Text.Json.Nodes;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Integration;

/// <summary>The demo as a newcomer starts it: one process, one folder of results, one last line.</summary>
public sealed class DemoTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_scenario_replays_a_real_file_through_the_whole_lab_in_under_three_minutes_and_loses_nothing()
    {
        var folder = Directory.CreateTempSubdirectory("battlab-demo-test-").FullName;
        try
        {
            var watch = Stopwatch.StartNew();
            var (code, output, error) = await RunAsync("--once", "--replay", SharedFiles.NewareExample, "--speed", "100000", "--out", folder);
            Assert.True(code == 0, $"exit {code}\n{output}\n{error}");
            Assert.True(watch.Elapsed < TimeSpan.FromMinutes(3), $"took {watch.Elapsed}");
            var last = JsonNode.Parse(output.Trim().Split('\n')[^1])!;
            Assert.True(last["conflict_refused"]!.GetValue<bool>());
            Assert.Equal(0, last["gaps"]!.GetValue<int>());
            Assert.Equal(0, last["duplicates"]!.GetValue<int>());
            Assert.Equal(1, last["agent_restarts"]!.GetValue<int>());
            Assert.Equal(last["records_produced"]!.GetValue<long>(), last["records_stored"]!.GetValue<long>());
            Assert.NotEmpty(last["outages"]!.AsArray());
            Assert.True(File.Exists(last["manifest"]!.GetValue<string>()));
            Assert.True(File.Exists(Path.Combine(folder, "demo.json")));
            AssertAgreesWithTheFile(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The file's own 20 cycle rows: 0.02 % by counters; trapezoid 0.1 %, the three-minute first charge 0.35 %.
    private static void AssertAgreesWithTheFile(string folder)
    {
        var cycles = CycleTable.Compute(BatteryFiles.Read(Directory.GetFiles(folder, "*.bdf.parquet").Single()));
        var rows = File.ReadLines(SharedFiles.NewareExample).Where(l => l.Length > 0 && l[0] is >= '0' and <= '9').Select(l => l.Split(',')).ToArray();
        Assert.Equal(20, rows.Length);
        Assert.Equal(20, cycles.Count);
        for (var i = 0; i < rows.Length; i++)
        {
            Assert.Equal("counter", cycles[i].Source);
            Near(double.Parse(rows[i][1]), cycles[i].ChargingCapacityAh, 2e-4, $"cycle {i + 1} charge");
            Near(double.Parse(rows[i][2]), cycles[i].DischargingCapacityAh, 2e-4, $"cycle {i + 1} discharge");
            Assert.InRange(cycles[i].Agreement ?? double.NaN, 0, i == 0 ? 3.5e-3 : 1e-3);
        }
    }

    private static void Near(double expected, double actual, double relative, string what) =>
        Assert.True(Math.Abs(actual - expected) <= relative * expected, $"{what}: {actual} against {expected}");

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "battlab-demo.dll");
        var info = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        info.ArgumentList.Add(path);
        foreach (var arg in args) info.ArgumentList.Add(arg);
        using var process = Process.Start(info)!;
        var output = process.StandardOutput.ReadToEndAsync(Cancel);
        var error = process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await output, await error);
    }
}
