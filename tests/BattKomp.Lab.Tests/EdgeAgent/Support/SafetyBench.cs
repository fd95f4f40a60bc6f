using System.Text.Json.Nodes;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Support;

/// <summary>An EBC-A20, and where asked for a relay card in its circuit, simulated on real pseudo-terminals, a server's two lines, and a configuration for agent and watchdog.</summary>
internal sealed class SafetyBench : IAsyncDisposable
{
    public const string Channel = "rigs/ebc/channels/1";
    private readonly TempFolder _folder = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly SimulatorHost _devices;
    private readonly Task _running;

    private SafetyBench(FakeLabServer server, bool relay, double? stuckFrom)
    {
        Server = server;
        var link = (string name) => _folder.File(name).Replace("\\", "/", StringComparison.Ordinal);
        var faults = stuckFrom is { } from ? FormattableString.Invariant($", \"faults\": [ {{ \"kind\": \"stuck_relay\", \"from_seconds\": {from} }} ]") : "";
        _devices = new SimulatorHost(SimulatorConfig.Parse($$"""
            { "instruments": [
                { "type": "ebc-a20", "id": "SIM-EBC-1", "link": "{{link("ebc")}}", "cell": { "initial_soc": 0.6 }{{faults}} }
                {{(relay ? $", {{ \"type\": \"velleman-k8090\", \"id\": \"SIM-CARD\", \"link\": \"{link("card")}\", \"settings\": {{ \"opens\": [\"SIM-EBC-1:3\"] }}{faults} }}" : "")}} ] }
            """), TimeProvider.System);
        _running = _devices.RunAsync(null, _stop.Token);
        var limits = new { max_volt = 4.25, min_volt = 2.5, max_charge_ampere = 5, max_discharge_ampere = 10 };
        Config = AgentProcess.Config(_folder, server.Address,
            [new { channel = Channel, protocol = "ebc-a20", device = _folder.File("ebc"), simulated = true, limits }], null, 1, TimeProvider.System.GetUtcNow());
    }

    public FakeLabServer Server { get; }

    public string Config { get; }

    public string Data => _folder.File("data");

    /// <summary>Current that really flows, A.</summary>
    public double Ampere => _devices.Instruments[0].Stats.Ampere;

    /// <summary>Relays that are on, as a mask.</summary>
    public double Relays => _devices.Instruments[1].Stats.Values["relays"];

    /// <summary>Starts the bench; <paramref name="stuckFrom"/>: from so many seconds on, neither the card's contacts nor the cycler's own switch part any more.</summary>
    public static async Task<SafetyBench> StartAsync(bool relay = false, double? stuckFrom = null) => new(await FakeLabServer.StartAsync(), relay, stuckFrom);

    /// <summary>Guards the channel by relay 3 of the card.</summary>
    public void AddWatchdog(double timeoutSeconds) => Change(root => root["watchdog"] = new JsonObject
    {
        ["device"] = _folder.File("card"),
        ["timeout_seconds"] = timeoutSeconds,
        ["relays"] = new JsonObject { [Channel] = 3 },
    });

    /// <summary>Rewrites the configuration file.</summary>
    public void Change(Action<JsonObject> change)
    {
        var root = JsonNode.Parse(File.ReadAllText(Config))!.AsObject();
        change(root);
        File.WriteAllText(Config + ".new", root.ToJsonString());
        File.Move(Config + ".new", Config, overwrite: true);
    }

    /// <summary>Leases the channel for a discharge at 2 A.</summary>
    public Task DischargeAsync(string run = "r1", params AlarmRule[] alarms) =>
        Server.OrderAsync(Server.LeaseOrder("agents/a1", new LeasedChannel
        {
            Channel = Channel,
            Run = $"runs/{run}",
            Control = ControlClass.Full,
            Simulated = true,
            Alarms = { alarms },
            Program = new BattKomp.Lab.V1.Program { Steps = { new Step { Kind = Kind.CcDischarge, Ampere = 2, Volt = 2.8, MaxSeconds = 600 } } },
        }, TimeSpan.Zero, TimeSpan.FromMinutes(20), $"leases/{run}"));

    public IEnumerable<StreamEvent> Events(StreamEvent.Types.Kind kind) =>
        Server.Streams.SelectMany(s =>
        {
            lock (s)
                return s.Events.Values.ToList();
        }).Where(e => e.Kind == kind);

    public bool Reported(Func<AgentReport, bool> report) => Server.Reports.Any(report);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _devices.Dispose();
        await Server.DisposeAsync();
        _folder.Dispose();
        _stop.Dispose();
    }
}
