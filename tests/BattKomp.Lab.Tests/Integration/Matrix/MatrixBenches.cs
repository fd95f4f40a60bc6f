using System.Text.Json.Nodes;
using BattKomp.Lab.Demo;
using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Mqtt;
using static BattKomp.Lab.Demo.DemoBench;

namespace BattKomp.Lab.Tests.Integration.Matrix;

/// <summary>One column of the matrix: a bench, and what is known of its instrument.</summary>
/// <param name="Bench">Rig, simulator, agent channel, program.</param>
/// <param name="LongestSilence">No two records of an undisturbed run are further apart, s.</param>
/// <param name="Asked">True when the agent polls it: late replies can happen.</param>
internal sealed record Column(DemoBench Bench, double LongestSilence, bool Asked)
{
    /// <summary>Values that the simulated test object can have; anything else in a GOOD record is an error.</summary>
    public IReadOnlyDictionary<string, (double Low, double High)> Plausible { get; init; } = new Dictionary<string, (double, double)>
    {
        ["voltage_volt"] = (2.5, 4.4),
        ["current_ampere"] = (-0.6, 0.6),
    };

    public bool Serial => Bench.Protocol != "mqtt-json";

    public bool Powered => Bench.Control == "FULL";
}

/// <summary>The five kinds of instrument of the fault matrix. They do hours of work, so that what ends a run is the test.</summary>
internal static class MatrixBenches
{
    /// <summary>Every column, undisturbed.</summary>
    public static IReadOnlyList<Column> All() => [Mqtt(), .. Serial()];

    /// <summary>Every column on a line, all with the same faults.</summary>
    public static IReadOnlyList<Column> Serial(params Fault[] faults) => [Ebc(faults), Jbd(faults), Riden(faults), Scpi(faults)];

    public static Column Mqtt(params Fault[] faults) => new(new DemoBench
    {
        Rig = "cycler-1",
        Title = "Cycler",
        Protocol = "mqtt-json",
        Control = "START_STOP",
        Instrument = DemoSeed.CyclerId,
        Model = "MQTT cycler",
        Test = "cycling",
        Cell = DemoSeed.CyclerCell,
        Simulator = p => new InstrumentConfig
        {
            Type = InstrumentConfig.MqttCycler,
            Id = DemoSeed.CyclerId,
            Broker = new BrokerOptions { Host = "127.0.0.1", Port = p.BrokerPort },
            Program = new ProgramOptions { Cycles = 1000, RecordSeconds = 0.1 },
            Window = 256,
            Faults = faults,
        },
        AgentChannel = _ => new JsonObject { ["mapping"] = new JsonObject { ["instrument"] = DemoSeed.CyclerId } },
    }, LongestSilence: 1, Asked: false);

    public static Column Ebc(params Fault[] faults) => new(new DemoBench
    {
        Rig = "ebc-1",
        Title = "EBC",
        Protocol = "ebc-a20",
        Control = "FULL",
        Instrument = DemoSeed.EbcId,
        Model = "EBC-A20",
        Volt = 4.3,
        Test = "discharge",
        Cell = DemoSeed.EbcCell,
        Steps = _ => [Step("CC_DISCHARGE", ("ampere", 0.5), ("volt", 2.8), ("maxSeconds", 3000))],
        Simulator = p => new InstrumentConfig { Type = InstrumentConfig.EbcA20, Id = DemoSeed.EbcId, Link = Link(p, "ebc-a20"), Faults = faults, Seed = 5 },
        AgentChannel = p => new JsonObject { ["device"] = Link(p, "ebc-a20") },
    }, LongestSilence: 2.7, Asked: false);

    /// <summary>A BMS that is asked, and only listened to.</summary>
    public static Column Jbd(params Fault[] faults) => new(new DemoBench
    {
        Rig = "bms-1",
        Title = "BMS",
        Protocol = "jbd-uart",
        Control = "MONITOR",
        Instrument = "SIM-BMS-1",
        Model = "JBD BMS",
        Volt = 20,
        Test = "listening",
        Cell = DemoSeed.EbcCell,
        Simulator = p => new InstrumentConfig { Type = "jbd-uart", Id = "SIM-BMS-1", Link = Link(p, "jbd"), Faults = faults, Seed = 6, Cell = new CellParameters { Series = 4 } },
        AgentChannel = p => new JsonObject { ["device"] = Link(p, "jbd") },
    }, LongestSilence: 2.7, Asked: true)
    {
        Plausible = new Dictionary<string, (double, double)> { ["voltage_volt"] = (10, 17.6), ["current_ampere"] = (-1, 1), ["state_of_charge_percent"] = (0, 100), ["cell_1_voltage_volt"] = (2.5, 4.4) },
    };

    /// <summary>A supply over Modbus RTU that charges.</summary>
    public static Column Riden(params Fault[] faults) => new(new DemoBench
    {
        Rig = "supply-1",
        Title = "Supply",
        Protocol = "riden-rd60xx",
        Control = "FULL",
        Instrument = "SIM-PSU-2",
        Model = "RD6006",
        Volt = 4.3,
        Test = "charge",
        Cell = DemoSeed.EbcCell,
        Steps = _ => [Step("CCCV_CHARGE", ("ampere", 0.5), ("volt", 4.2), ("cutoffAmpere", 0.05), ("maxSeconds", 3000))],
        Simulator = p => new InstrumentConfig { Type = "riden", Id = "SIM-PSU-2", Link = Link(p, "riden"), Faults = faults, Seed = 7, Cell = new CellParameters { InitialSoc = 0.3 } },
        AgentChannel = p => new JsonObject { ["device"] = Link(p, "riden") },
    }, LongestSilence: 2.7, Asked: true);

    /// <summary>A bidirectional supply over SCPI, with a watchdog of its own, that discharges.</summary>
    public static Column Scpi(params Fault[] faults) => new(new DemoBench
    {
        Rig = "bidi-1",
        Title = "Bidirectional supply",
        Protocol = "scpi",
        Control = "FULL",
        Instrument = "SIM-SCPI-1",
        Model = "SCPI supply",
        Volt = 4.3,
        Test = "discharge",
        Cell = DemoSeed.EbcCell,
        Steps = _ => [Step("CC_DISCHARGE", ("ampere", 0.5), ("volt", 2.8), ("maxSeconds", 3000))],
        Simulator = p => new InstrumentConfig { Type = "scpi", Id = "SIM-SCPI-1", Link = Link(p, "scpi"), Faults = faults, Seed = 8 },
        AgentChannel = p => new JsonObject { ["device"] = Link(p, "scpi"), ["profile"] = "sim" },
    }, LongestSilence: 2.7, Asked: true);
}
