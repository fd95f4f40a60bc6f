using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Hosting;

namespace BattKomp.Lab.Simulators.Instruments.Chambers;

/// <summary>Settings of the climate chambers.</summary>
public record ChamberOptions
{
    /// <summary>Named cells inside; the chamber is their surroundings.</summary>
    public IReadOnlyList<string> Cells { get; init; } = [];

    /// <summary>Temperature (°C) of the room, and of the chamber at switch-on.</summary>
    public double RoomCelsius { get; init; } = 23;

    /// <summary>Fastest heating (K/min).</summary>
    public double HeatingKelvinPerMinute { get; init; } = 3;

    /// <summary>Fastest cooling (K/min).</summary>
    public double CoolingKelvinPerMinute { get; init; } = 1;

    /// <summary>Lowest setpoint (°C).</summary>
    public double LowestCelsius { get; init; } = -40;

    /// <summary>Highest setpoint (°C).</summary>
    public double HighestCelsius { get; init; } = 180;

    /// <summary>Above this (°C) the chamber switches off by itself and latches an alarm, cleared at its panel (a reboot) only.</summary>
    public double LimitCelsius { get; init; } = 100;

    /// <summary>Lab seconds, from and to, while the door stands open.</summary>
    public IReadOnlyList<double[]> DoorOpen { get; init; } = [];

    /// <summary>Names the first field that cannot be.</summary>
    /// <exception cref="ConfigException">Names the field and the remedy.</exception>
    public void Check()
    {
        if (!(LowestCelsius < HighestCelsius)) throw new ConfigException("settings.lowest_celsius must be below highest_celsius");
        if (!(HeatingKelvinPerMinute > 0) || !(CoolingKelvinPerMinute > 0)) throw new ConfigException("settings: heating_ and cooling_kelvin_per_minute must be above 0");
        if (!double.IsFinite(RoomCelsius)) throw new ConfigException("settings.room_celsius must be a number");
        if (DoorOpen.Any(d => d.Length != 2 || !(d[1] > d[0]))) throw new ConfigException("settings.door_open: each entry is [from_seconds, to_seconds] with to after from");
    }
}

/// <summary>
/// The air of a climate chamber: drawn to its setpoint with a time constant, no faster than its heater and compressor can,
/// drifting to the room when off and quickly when the door is open. It is the surroundings of the cells inside.
/// </summary>
public sealed class ChamberModel
{
    private const double StepSeconds = 5;
    private const double RegulationSeconds = 60;
    private const double OffSeconds = 3600;
    private const double DoorSeconds = 120;
    private readonly ChamberOptions _options;
    private readonly DeviceContext _context;
    private readonly List<SharedCell> _cells;
    private bool _wasOn;

    /// <summary>Puts the named cells inside.</summary>
    /// <exception cref="ConfigException">When a name is no cell's.</exception>
    public ChamberModel(ChamberOptions options, DeviceContext context)
    {
        options.Check();
        (_options, _context, Celsius) = (options, context, options.RoomCelsius);
        _cells = [.. options.Cells.Select(name => context.Bench.Cells.TryGetValue(name, out var cell)
            ? cell
            : throw new ConfigException($"settings.cells: '{name}' names no cell; list it under cells"))];
    }

    /// <summary>Lab seconds lived through.</summary>
    public double Seconds { get; private set; }

    /// <summary>Temperature of the air (°C).</summary>
    public double Celsius { get; private set; }

    /// <summary>Temperature reading (°C).</summary>
    public double Reading => _context.Faults.Reading("celsius", Celsius, Seconds);

    /// <summary>The setpoint (°C).</summary>
    public double Setpoint { get; private set; } = 20;

    /// <summary>Whether it is to regulate.</summary>
    public bool On { get; set; }

    /// <summary>Whether the over-temperature alarm is latched.</summary>
    public bool Alarm { get; private set; }

    /// <summary>Whether the door stands open.</summary>
    public bool DoorOpen => _options.DoorOpen.Any(d => Seconds >= d[0] && Seconds < d[1]);

    /// <summary>Whether it heats or cools, whatever it was told.</summary>
    public bool Regulates => !Alarm && (On || (_wasOn && _context.Faults.StuckRelay(Seconds)));

    /// <summary>Whether a setpoint (°C) is in range.</summary>
    public bool InRange(double celsius) => celsius >= _options.LowestCelsius && celsius <= _options.HighestCelsius;

    /// <summary>Sets the setpoint (°C), which a fault may clamp.</summary>
    public double Set(double celsius) => Setpoint = _context.Faults.Setpoint("celsius", celsius, Seconds);

    /// <summary>Lets lab time pass, for the air and the cells inside.</summary>
    public void AdvanceTo(double seconds)
    {
        while (Seconds < seconds)
        {
            var step = Math.Min(StepSeconds, seconds - Seconds);
            _wasOn |= On;
            Step(step);
            Seconds = seconds - Seconds <= step ? seconds : Seconds + step;
            if (Celsius > _options.LimitCelsius) Alarm = true;
            foreach (var cell in _cells)
            {
                cell.AdvanceTo(Seconds);
                cell.AmbientCelsius = Celsius;
            }
        }
    }

    /// <summary>Switch off and on again at the panel: alarm cleared, not regulating.</summary>
    public void Reset() => (On, _wasOn, Alarm) = (false, false, false);

    private void Step(double seconds)
    {
        var target = Regulates ? Setpoint : _options.RoomCelsius;
        var (constant, limited) = (Regulates ? RegulationSeconds : OffSeconds, Regulates);
        if (DoorOpen) (target, constant, limited) = (_options.RoomCelsius, DoorSeconds, false);
        var change = (target - Celsius) * (1 - Math.Exp(-seconds / constant));
        Celsius += limited
            ? Math.Clamp(change, -_options.CoolingKelvinPerMinute * seconds / 60, _options.HeatingKelvinPerMinute * seconds / 60)
            : change;
    }
}
