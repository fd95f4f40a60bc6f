using System.Text.Json.Nodes;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Mqtt;

namespace BattKomp.Lab.Demo;

/// <summary>What a bench's simulator and agent channel are made with.</summary>
/// <param name="Folder">Where device links lie.</param>
/// <param name="BrokerPort">The broker that publishing instruments use.</param>
/// <param name="Options">How the demo was called.</param>
/// <param name="ChamberPort">The port of the chamber's device server.</param>
/// <param name="LocalPort">The port of the agent's own page.</param>
internal sealed record BenchPlace(string Folder, int BrokerPort, DemoOptions Options, int ChamberPort, int LocalPort);

/// <summary>One rig of the demo with its one channel: how it stands in the catalogue, what simulates it, how the agent reads it, what is run on it.</summary>
internal sealed record DemoBench
{
    /// <summary>Rig id; the channel is rigs/{Rig}/channels/1.</summary>
    public required string Rig { get; init; }

    /// <summary>For people.</summary>
    public required string Title { get; init; }

    /// <summary>Driver name.</summary>
    public required string Protocol { get; init; }

    /// <summary>FULL, START_STOP or MONITOR.</summary>
    public required string Control { get; init; }

    /// <summary>Simulator id.</summary>
    public required string Instrument { get; init; }

    /// <summary>Maker and model.</summary>
    public required string Model { get; init; }

    /// <summary>Code of the list rig-kind.</summary>
    public string RigKind { get; init; } = "cell-cycler";

    /// <summary>Highest voltage.</summary>
    public double Volt { get; init; } = 5;

    /// <summary>Title of what is run on it.</summary>
    public required string Test { get; init; }

    /// <summary>Test object under it.</summary>
    public required string Cell { get; init; }

    /// <summary>Steps of its procedure; null = the vendor's own program or none.</summary>
    public Func<DemoOptions, JsonArray>? Steps { get; init; }

    /// <summary>Simulator settings.</summary>
    public required Func<BenchPlace, InstrumentConfig> Simulator { get; init; }

    /// <summary>The agent's own fields beside channel, protocol and simulated.</summary>
    public required Func<BenchPlace, JsonObject> AgentChannel { get; init; }

    /// <summary>rigs/…/channels/1</summary>
    public string Channel => $"rigs/{Rig}/channels/1";

    /// <summary>Path of the serial link under a folder.</summary>
    public static string Link(BenchPlace place, string instrument) => Path.Combine(place.Folder, instrument);

    /// <summary>One step of a procedure as JSON.</summary>
    public static JsonObject Step(string kind, params (string Name, double Value)[] values)
    {
        var step = new JsonObject { ["kind"] = kind };
        foreach (var (name, value) in values) step[name] = name is "gotoStep" or "repeat" ? (int)value : value;
        return step;
    }
}
