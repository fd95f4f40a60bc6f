using System.Text.Json;
using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Atorch;
using BattKomp.Lab.Simulators.Instruments.Chambers;
using BattKomp.Lab.Simulators.Instruments.Daly;
using BattKomp.Lab.Simulators.Instruments.Ebc;
using BattKomp.Lab.Simulators.Instruments.Jbd;
using BattKomp.Lab.Simulators.Instruments.K8090;
using BattKomp.Lab.Simulators.Instruments.MethodScript;
using BattKomp.Lab.Simulators.Instruments.Riden;
using BattKomp.Lab.Simulators.Instruments.Scpi;

namespace BattKomp.Lab.Simulators.Instruments;

/// <summary>The devices that can stand behind a line. A new one is its folder and one line here.</summary>
public static class DeviceRegistry
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<DeviceType> All { get; } =
    [
        new("ebc-a20", "SIM-EBC-1", EbcDevice.Build),
        new("scpi", "SIM-SCPI-1", ScpiDevice.Build),
        new("jbd-uart", "SIM-BMS-1", JbdDevice.Build),
        new("velleman-k8090", "SIM-RELAY-1", K8090Device.Build),
        new("methodscript", "SIM-EIS-1", MethodScriptDevice.Build),
        new("atorch-dl24", "SIM-DL24-1", AtorchDevice.Build),
        new("binder-mk", "SIM-CHAMBER-1", BinderDevice.Build),
        new("espec", "SIM-CHAMBER-2", EspecDevice.Build),
        new("riden", "SIM-PSU-2", RidenDevice.Build),
        new("daly", "SIM-BMS-2", DalyDevice.Build),
    ];

    /// <summary>The type of that name; null = none.</summary>
    public static DeviceType? Find(string name) => All.FirstOrDefault(t => t.Name == name);
}

/// <summary>One type of device.</summary>
/// <param name="Name">As a configuration writes it.</param>
/// <param name="DefaultId">Id when the command line names none.</param>
/// <param name="Build">Makes one. Throws <see cref="ConfigException"/> when its settings cannot be.</param>
public sealed record DeviceType(string Name, string DefaultId, Func<DeviceContext, ISimulatedDevice> Build);

/// <summary>What a device is made from.</summary>
public sealed class DeviceContext
{
    private readonly SharedCell _cell;
    private readonly DeviceClock _clock;

    /// <summary>Gathers it.</summary>
    /// <exception cref="ConfigException">When the cell that it refers to does not exist.</exception>
    public DeviceContext(InstrumentConfig config, CellBench bench, DateTimeOffset switchedOn)
    {
        (Config, Bench, SwitchedOn) = (config, bench, switchedOn);
        Faults = new DeviceFaults(config.Faults, Counts);
        _clock = new DeviceClock(config.Faults, Counts);
        Noise = new MeasurementNoise(config.Seed, config.Cell.VoltageNoiseVolt);
        if (config.CellRef is null) _cell = bench.Make(config.Cell);
        else if (bench.Cells.TryGetValue(config.CellRef, out var shared)) _cell = shared;
        else throw new ConfigException($"cell_ref '{config.CellRef}' names no cell; list it under cells");
    }

    /// <summary>The instrument's configuration.</summary>
    public InstrumentConfig Config { get; }

    /// <summary>Cells and circuits that instruments share.</summary>
    public CellBench Bench { get; }

    /// <summary>Lab time of switch-on, second 0 of the device.</summary>
    public DateTimeOffset SwitchedOn { get; }

    /// <summary>How often each fault has struck.</summary>
    public FaultCounts Counts { get; } = new();

    /// <summary>Faults inside the device.</summary>
    public DeviceFaults Faults { get; }

    /// <summary>Noise on its voltage reading.</summary>
    public MeasurementNoise Noise { get; }

    /// <summary>Its cell, its own or a shared one.</summary>
    public SharedCell Cell => _cell;

    /// <summary>The device's own clock (UTC) at a lab second since switch-on, its faults included.</summary>
    public DateTimeOffset Clock(double seconds) => SwitchedOn.AddSeconds(seconds) + _clock.Offset(seconds);

    /// <summary>Connects a load to the cell, behind the instrument's circuit and its own output stage.</summary>
    public CellTap Attach(ICellLoad load) => _cell.Attach(load, Bench.Circuit(Config.Id), Faults.StuckRelay);

    /// <summary>The type's own settings; unknown fields are refused.</summary>
    /// <exception cref="ConfigException">When they cannot be read.</exception>
    public T Settings<T>() where T : new()
    {
        if (Config.Settings is not { ValueKind: not JsonValueKind.Null } settings) return new T();
        try
        {
            return settings.Deserialize<T>(SimulatorConfig.Json) ?? new T();
        }
        catch (JsonException e)
        {
            throw new ConfigException($"settings: {e.Message} Correct the field; simulators/README.md lists them.");
        }
    }
}
