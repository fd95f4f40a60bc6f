using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Hosting.Check;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Hosting;

/// <summary>`battlab-agent check` on whole files.</summary>
public sealed class ConfigCheckTests : IDisposable
{
    private const string Head = """
        { "agent": "agents/e1", "token": "t", "server": "http://127.0.0.1:5001", "data_dir": "d",

        """;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_sound_file_says_of_each_channel_what_stops_it_and_how_fast()
    {
        var device = _folder.File("ebc");
        File.WriteAllText(device, "");
        var report = Check($$"""
            "watchdog": { "device": "/dev/serial/by-id/usb-card", "timeout_seconds": 5, "relays": { "rigs/a/channels/1": 3 } },
            "channels": [
              { "channel": "rigs/a/channels/1", "protocol": "ebc-a20", "device": "{{device}}",
                "limits": { "max_volt": 4.2, "min_volt": 2.5, "max_charge_ampere": 5, "max_discharge_ampere": 10 },
                "alarms": [ { "id": "hot", "kind": "above", "signal": "voltage_volt", "limit": 4.1, "action": "stop_safe" } ] },
              { "channel": "rigs/a/channels/2", "protocol": "ebc-a20", "device": "/dev/serial/by-id/none" } ] }
            """);
        Assert.True(report.Sound, string.Join("\n", report.Mistakes));
        var (guarded, bare) = (report.Channels[0], report.Channels[1]);
        Assert.Equal(("full", true, 3, 7.0, 2.0), (guarded.Control, guarded.DeviceExists!.Value, guarded.Relay!.Value, guarded.UnattendedSeconds!.Value, guarded.TimeToSafeSeconds!.Value));
        Assert.Equal("the running step's own limits, kept in the device", bare.Unattended);
        Assert.False(bare.DeviceExists);
        Assert.Equal(["hot"], guarded.Alarms);
        Assert.Equal(4.2, guarded.Limits["max_volt"]);
        var warning = Assert.Single(report.Warnings);
        Assert.Equal("$.channels[1].limits", warning.Path);
        Assert.Equal(7, warning.Line);

        using var text = new StringWriter();
        Assert.Equal(0, ConfigCheck.Print(report, json: false, text, text));
        Assert.Contains("7 s: the watchdog opens the relay", text.ToString());
        using var json = new StringWriter();
        Assert.Equal(0, ConfigCheck.Print(report, json: true, json, json));
        Assert.Equal(7, JsonDocument.Parse(json.ToString()).RootElement.GetProperty("channels")[0].GetProperty("unattended_seconds").GetDouble());
    }

    [Fact]
    public void What_is_wrong_only_together_is_told_with_its_line()
    {
        var report = Check("""
            "local_page": { "port": 70000 }, "broker": { "host": true, "port": 1999 },
            "watchdog": { "device": "/dev/card", "relays": { "rigs/x/channels/9": 1, "rigs/a/channels/1": 9 } },
            "channels": [
              { "channel": "rigs/a/channels/1", "protocol": "ebc-a20", "device": "/dev/one",
                "alarms": [ { "id": "A b", "kind": "below", "signal": "colour", "limit": 1 }, { "id": "s", "kind": "silence", "signal": "voltage_volt" } ] },
              { "channel": "rigs/a/channels/2", "protocol": "ebc-a20", "device": "/dev/one", "device": "/dev/one" },
              { "channel": "rigs/a/channels/3", "protocol": "ebc-a20", "device": "/dev/card" } ] }
            """);
        Assert.False(report.Sound);
        foreach (var (path, line) in new[]
        {
            ("$.local_page.port", 2), ("$.watchdog.relays.rigs/x/channels/9", 3), ("$.watchdog.relays.rigs/a/channels/1", 3), ("$.channels[0].alarms[0].id", 6),
            ("$.channels[0].alarms[0].signal", 6), ("$.channels[0].alarms[1].signal", 6), ("$.channels[0].alarms[1].over_seconds", 6), ("$.channels[1].device", 7), ("$.watchdog.device", 3),
        })
            Assert.Contains(report.Mistakes, m => m.Path == path && m.Line == line);
        Assert.Contains(report.Mistakes, m => m.Problem.Contains("given twice in the same object", StringComparison.Ordinal));
        Assert.Equal(report.Mistakes.OrderBy(m => m.Line), report.Mistakes);
        using var output = new StringWriter();
        Assert.Equal(1, ConfigCheck.Print(report, json: false, output, output));
    }

    [Theory]
    [InlineData("physical", "production", true, "SIM-1", "$.channels[0].simulated")]
    [InlineData("virtual", "production", false, "NEWARE-1", "$.channels[0].simulated")]
    [InlineData("physical", "production", false, "SIM-1", "$.channels[0].mapping.instrument")]
    [InlineData("virtual", "production", true, "NEWARE-1", "$.channels[0].mapping.instrument")]
    [InlineData("physical", "production", false, "NEWARE-1", null)]
    [InlineData("virtual", "production", true, "SIM-1", null)]
    [InlineData("physical", "test", true, "SIM-1", null)]
    public void A_simulator_serves_a_channel_that_says_so_and_in_production_only_a_virtual_lab(string lab, string mode, bool simulated, string instrument, string? mistake)
    {
        var report = Check($$"""
            "lab_kind": "{{lab}}", "mode": "{{mode}}", "broker": { "address": "127.0.0.1:1" },
            "channels": [ { "channel": "rigs/a/channels/1", "protocol": "mqtt-json", "simulated": {{(simulated ? "true" : "false")}}, "mapping": { "instrument": "{{instrument}}" } } ] }
            """);
        Assert.Equal(mistake, report.Mistakes.FirstOrDefault()?.Path);
    }

    [Fact]
    public void A_device_that_is_numbered_by_the_order_of_plugging_in_is_a_warning_with_the_remedy()
    {
        var report = Check("""
            "channels": [ { "channel": "rigs/a/channels/1", "protocol": "ebc-a20", "device": "/dev/ttyUSB0" } ] }
            """);
        Assert.Contains(report.Warnings, w => w.Path == "$.channels[0].device" && w.Problem.Contains("/dev/serial/by-id", StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_told_apart_from_one_that_is_wrong() =>
        Assert.Throws<IOException>(() => ConfigCheck.Of(_folder.File("missing.json")));

    private CheckReport Check(string rest)
    {
        var file = _folder.File("agent.json");
        File.WriteAllText(file, Head + rest);
        return ConfigCheck.Of(file);
    }
}
