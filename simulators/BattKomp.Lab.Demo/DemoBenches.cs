using System.Text.Json.Nodes;
using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Mqtt;
using static BattKomp.Lab.Demo.DemoBench;

namespace BattKomp.Lab.Demo;

/// <summary>The benches of the demo: two cyclers, and what stands beside them.</summary>
internal static class DemoBenches
{
    /// <summary>A serial tester that the agent runs step by step.</summary>
    public static DemoBench Ebc { get; } = new()
    {
        Rig = "ebc-1",
        Title = "EBC-A20 tester (simulated, serial)",
        Protocol = "ebc-a20",
        Control = "FULL",
        Instrument = DemoSeed.EbcId,
        Model = "ZKETECH EBC-A20",
        Volt = 4.3,
        Test = "1C cycling",
        Cell = DemoSeed.EbcCell,
        Steps = o => EbcSteps(o.Speed),
        Simulator = p => new InstrumentConfig { Type = InstrumentConfig.EbcA20, Id = DemoSeed.EbcId, Link = Link(p, "ebc-a20") },
        AgentChannel = p => new JsonObject { ["device"] = Link(p, "ebc-a20") },
    };

    /// <summary>A cycler that publishes and runs its vendor's program.</summary>
    public static DemoBench Cycler { get; } = new()
    {
        Rig = "cycler-1",
        Title = "Eight-bench cycler (simulated, MQTT)",
        Protocol = "mqtt-json",
        Control = "START_STOP",
        Instrument = DemoSeed.CyclerId,
        Model = "Generic MQTT cycler",
        Volt = 5,
        Test = "Pouch cycling",
        Cell = DemoSeed.CyclerCell,
        Simulator = p => new InstrumentConfig
        {
            Type = InstrumentConfig.MqttCycler,
            Id = DemoSeed.CyclerId,
            Replay = p.Options.Replay.Length > 0 ? p.Options.Replay : null,
            Broker = new BrokerOptions { Host = "127.0.0.1", Port = p.BrokerPort },
            Program = new ProgramOptions { Cycles = p.Options.Cycles, RecordSeconds = 30 },
            Window = 256,
        },
        AgentChannel = _ => new JsonObject { ["mapping"] = new JsonObject { ["instrument"] = DemoSeed.CyclerId } },
    };

    /// <summary>A climate chamber over Modbus on TCP, taken to 30 °C and held there.</summary>
    public static DemoBench Chamber { get; } = new()
    {
        Rig = "chamber-1",
        Title = "Climate chamber (simulated, Modbus over TCP)",
        Protocol = "binder-mk",
        Control = "FULL",
        Instrument = "SIM-CHAMBER-1",
        Model = "Binder MK",
        RigKind = "chamber",
        Volt = 0,
        Test = "30 °C",
        Cell = DemoSeed.CyclerCell,
        Steps = _ => [Step("TEMPERATURE", ("celsius", 30), ("maxSeconds", 3600)), Step("REST", ("maxSeconds", 3600)), Step("LOOP", ("gotoStep", 1), ("repeat", 20))],
        Simulator = p => new InstrumentConfig { Type = "binder-mk", Id = "SIM-CHAMBER-1", Listen = $"127.0.0.1:{p.ChamberPort}" },
        AgentChannel = p => new JsonObject { ["device"] = $"tcp://127.0.0.1:{p.ChamberPort}" },
    };

    /// <summary>A battery management system that is listened to.</summary>
    public static DemoBench Bms { get; } = new()
    {
        Rig = "bms-1",
        Title = "Pack with BMS (simulated, serial)",
        Protocol = "jbd-uart",
        Control = "MONITOR",
        Instrument = "SIM-BMS-1",
        Model = "JBD BMS",
        RigKind = "pack",
        Volt = 20,
        Test = "BMS watch",
        Cell = DemoSeed.EbcCell,
        Simulator = p => new InstrumentConfig { Type = "jbd-uart", Id = "SIM-BMS-1", Link = Link(p, "jbd"), Cell = new CellParameters { Series = 4 } },
        AgentChannel = p => new JsonObject { ["device"] = Link(p, "jbd") },
    };

    /// <summary>A potentiostat that sweeps impedance.</summary>
    public static DemoBench Potentiostat { get; } = new()
    {
        Rig = "potentiostat-1",
        Title = "Potentiostat (simulated, MethodSCRIPT)",
        Protocol = "methodscript",
        Control = "FULL",
        Instrument = "SIM-PSTAT-1",
        Model = "PalmSens EmStat",
        RigKind = "potentiostat",
        Volt = 5,
        Test = "Impedance",
        Cell = DemoSeed.EbcCell,
        Steps = _ => [Sweep(), Step("REST", ("maxSeconds", 600)), Step("LOOP", ("gotoStep", 1), ("repeat", 2))],
        Simulator = p => new InstrumentConfig { Type = "methodscript", Id = "SIM-PSTAT-1", Link = Link(p, "pstat") },
        AgentChannel = p => new JsonObject { ["device"] = Link(p, "pstat") },
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<DemoBench> All { get; } = [Cycler, Ebc, Chamber, Bms, Potentiostat];

    private static JsonObject Sweep()
    {
        var step = Step("EIS", ("maxSeconds", 1200));
        step["eis"] = new JsonObject { ["fromHertz"] = 1000, ["toHertz"] = 1, ["pointsPerDecade"] = 5, ["amplitudeVolt"] = 0.01, ["atOpenCircuit"] = true };
        return step;
    }

    /// <summary>A discharge, a rest, a charge, a rest, over and over: device-side limits on every step.</summary>
    public static JsonArray EbcSteps(double speed)
    {
        // About a minute of machine time at any speed, so that there is something under way to look at, to kill and to stop.
        var repeat = Math.Clamp(60 * speed / 9_000, 4, 900);
        return
        [
            Step("CC_DISCHARGE", ("ampere", 2.5), ("volt", 3.0), ("maxSeconds", 7200)), Step("REST", ("maxSeconds", 600)),
            Step("CCCV_CHARGE", ("ampere", 2.5), ("volt", 4.2), ("cutoffAmpere", 0.13), ("maxSeconds", 10_800)), Step("REST", ("maxSeconds", 600)),
            Step("LOOP", ("gotoStep", 1), ("repeat", Math.Floor(repeat))),
        ];
    }
}
