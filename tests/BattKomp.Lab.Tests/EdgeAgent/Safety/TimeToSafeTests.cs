using System.Diagnostics;
using System.Text.Json.Nodes;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Safety;

/// <summary>Every driver that can energise declares a time to safe; here each is held to it against its simulator twin, over a real pseudo-terminal.</summary>
public sealed class TimeToSafeTests
{
    private static readonly Dictionary<string, (string Simulator, string Settings, Step Step)> Twins = new()
    {
        ["ebc-a20"] = ("ebc-a20", "{}", Discharge(1)),
        ["scpi"] = ("scpi", """{"profile":"sim"}""", Discharge(1)),
        ["riden-rd60xx"] = ("riden", "{}", new Step { Kind = Kind.CccvCharge, Ampere = 1, Volt = 4.1, CutoffAmpere = 0.05, MaxSeconds = 600 }),
        ["atorch-dl24"] = ("atorch-dl24", """{"source":"px100","px100_order":"standard"}""", Discharge(1)),
        ["binder-mk"] = ("binder-mk", "{}", Warm()),
        ["espec"] = ("espec", "{}", Warm()),
        ["methodscript"] = ("methodscript", "{}", new Step { Kind = Kind.CcDischarge, Ampere = 0.001, Volt = 2.8, MaxSeconds = 600 }),
    };

    public static TheoryData<string> Powered => [.. InstrumentCatalogue.Drivers.Values.OfType<LineDriver>().Where(d => d.Control == ControlClass.Full).Select(d => d.Protocol)];

    [Theory]
    [MemberData(nameof(Powered))]
    public async Task An_order_to_stop_is_proved_off_within_the_declared_time(string protocol)
    {
        Assert.True(Twins.ContainsKey(protocol), $"{protocol} energises: give it a twin and a step here");
        var (type, settings, step) = Twins[protocol];
        using var folder = new TempFolder();
        var link = folder.File("line");
        using var simulators = new SimulatorHost(new SimulatorConfig { Instruments = [new InstrumentConfig { Type = type, Id = "SIM-1", Link = link }] }, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var running = simulators.RunAsync(null, stop.Token);
        try
        {
            var driver = (LineDriver)InstrumentCatalogue.Drivers[protocol];
            var config = Config(protocol, link, settings);
            Assert.Null(driver.Fault(step, config));
            var setup = new SessionSetup(InstrumentLines.Open(config), config, _ => { }, TimeProvider.System, 1);
            await using var session = Assert.IsAssignableFrom<IPoweredSession>(await driver.ConnectAsync(setup, TestContext.Current.CancellationToken));
            Assert.Null(await session.BeginAsync(step, TestContext.Current.CancellationToken));
            Assert.Equal(OutputState.On, (await session.NextAsync(TestContext.Current.CancellationToken)).Output);
            var watch = Stopwatch.StartNew();
            Assert.True(await session.OffAsync(CancellationToken.None));
            Assert.True(driver.TimeToSafe > TimeSpan.Zero && watch.Elapsed < driver.TimeToSafe, $"{protocol}: off after {watch.Elapsed.TotalSeconds:0.00} s, declared {driver.TimeToSafe.TotalSeconds} s");
        }
        finally
        {
            await stop.CancelAsync();
            await running;
        }
    }

    private static Step Discharge(double ampere) => new() { Kind = Kind.CcDischarge, Ampere = ampere, Volt = 2.8, MaxSeconds = 600 };

    private static Step Warm() => new() { Kind = Kind.Temperature, Celsius = 40, MaxSeconds = 600 };

    private static ChannelConfig Config(string protocol, string device, string settings)
    {
        var channel = JsonNode.Parse(settings)!.AsObject();
        (channel["channel"], channel["protocol"], channel["device"], channel["simulated"]) = ("rigs/r/channels/1", protocol, device, true);
        return AgentConfigReader.Parse(new JsonObject
        {
            ["agent"] = "agents/a",
            ["token"] = "t",
            ["server"] = "http://127.0.0.1:1",
            ["data_dir"] = "d",
            ["lab_kind"] = "virtual",
            ["channels"] = new JsonArray(channel),
        }.ToJsonString()).Channels[0];
    }
}
