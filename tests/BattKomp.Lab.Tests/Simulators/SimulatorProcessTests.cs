using System.Diagnostics;
using System.Text.Json;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Ebc;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators;

/// <summary><c>battlab-sim</c> as a process of its own.</summary>
public sealed class SimulatorProcessTests : IDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);
    private readonly string _folder = Directory.CreateTempSubdirectory("battlab-sim-").FullName;
    private Process? _process;

    [Fact]
    public async Task One_process_runs_both_instruments_keeps_its_stats_and_ends_clean_on_sigterm()
    {
        await using var broker = new TestBroker();
        await broker.StartAsync();
        var stats = Path.Combine(_folder, "stats.json");
        var link = Path.Combine(_folder, "SIM-EBC-1");
        var ready = await StartAsync(stats, $$"""
            {"speed":2000,"instruments":[
              {"type":"ebc-a20","id":"SIM-EBC-1","link":"{{link}}"},
              {"type":"mqtt-cycler","id":"SIM-CYC-1","autostart":"r1","program":{"cycles":1},"broker":{"port":{{broker.Port}} } }]}
            """);
        Assert.True(ready.GetProperty("ready").GetBoolean());
        Assert.Equal(link, ready.GetProperty("instruments")[0].GetProperty("path").GetString());

        using (var host = new EbcHost(link))
        {
            host.Send(EbcWire.Command(0x01, 250, 300, 10));
            await Eventually.Async(() => host.LatestType == 0x14, Bound, "the time limit of ten lab minutes");
            await Eventually.Async(() => broker.State("SIM-CYC-1") == "finished", Bound, "the program finished");
        }
        Assert.Equal(0, await EndAsync());

        var last = StatsFile.Read(stats);
        Assert.True(last.Exited);
        var ebc = last.Instruments.Single(i => i.Id == "SIM-EBC-1");
        Assert.True(ebc.Finished);
        Assert.Equal(2500 * 10 / 60.0, ebc.DischargeMah, 0.01);
        var cycler = last.Instruments.Single(i => i.Id == "SIM-CYC-1");
        Assert.Equal(broker.RecordCount, cycler.Published);
        Assert.Equal((cycler.Published, 0L, true), (cycler.Acked, cycler.Unacknowledged, cycler.Finished));
        Assert.False(File.Exists(link));
        Assert.Equal("offline", broker.State("SIM-CYC-1"));
    }

    [Fact]
    public async Task A_bad_configuration_ends_the_process_with_one_and_a_sentence()
    {
        _process = Run("--config", Path.Combine(_folder, "none.json"));
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, _process.ExitCode);
        Assert.Contains("name a readable JSON file", await _process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    public void Dispose()
    {
        if (_process is { HasExited: false }) _process.Kill();
        _process?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<JsonElement> StartAsync(string stats, string config)
    {
        var file = Path.Combine(_folder, "config.json");
        await File.WriteAllTextAsync(file, config, TestContext.Current.CancellationToken);
        _process = Run("--config", file, "--stats", stats);
        var line = await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        return JsonDocument.Parse(line ?? await _process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)).RootElement;
    }

    private async Task<int> EndAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", _process!.Id.ToString()]);
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return _process.ExitCode;
    }

    private static Process Run(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "battlab-sim.dll"));
        foreach (var arg in args) start.ArgumentList.Add(arg);
        return Process.Start(start)!;
    }
}
