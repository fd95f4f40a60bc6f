using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Faults;

namespace BattKomp.Lab.Simulators.Instruments.Scpi;

/// <summary>
/// The power stage: constant voltage within a current limit. A positive limit sources up to the voltage, a negative one
/// sinks down to it. Over-voltage and the communication watchdog switch it off and latch.
/// </summary>
public sealed class ScpiOutput : ICellLoad
{
    private readonly ScpiOptions _options;
    private readonly DeviceContext _context;
    private readonly CellTap _tap;
    private double _fedAt;

    /// <summary>Connects it to the cell.</summary>
    public ScpiOutput(ScpiOptions options, DeviceContext context)
    {
        (_options, _context) = (options, context);
        _tap = context.Attach(this);
        Reset();
    }

    /// <summary>Voltage setpoint (V). For the electronic load: where it stops drawing.</summary>
    public double SetVolt { get; private set; }

    /// <summary>Current setpoint (A); negative sinks. For the electronic load the magnitude of what it draws.</summary>
    public double SetAmpere { get; private set; }

    /// <summary>Power (W) that the electronic load draws; null = it draws a current.</summary>
    public double? SetWatt { get; set; }

    /// <summary>Over-voltage limit (V).</summary>
    public double ProtectVolt { get; private set; }

    /// <summary>Over-current limit (A, magnitude).</summary>
    public double ProtectAmpere { get; private set; }

    /// <summary>Whether the output is on.</summary>
    public bool On { get; private set; }

    /// <summary>What latched it off; null = nothing.</summary>
    public string? Tripped { get; private set; }

    /// <summary>Whether the watchdog is armed.</summary>
    public bool Watchdog { get; private set; }

    /// <summary>Lab seconds without a command until the watchdog switches off.</summary>
    public double WatchdogSeconds { get; private set; }

    /// <summary>Current (A, positive charges) that really flows.</summary>
    public double TrueAmpere => _tap.Ampere;

    /// <summary>Voltage reading (V).</summary>
    public double Volt => _context.Faults.Reading("volt", _context.Noise.Read(_tap.VoltAt(_tap.Ampere)), Seconds);

    /// <summary>Current reading (A, positive charges).</summary>
    public double Ampere => _context.Faults.Reading("ampere", _tap.Ampere, Seconds);

    /// <summary>True while the current, not the voltage, is at its setpoint.</summary>
    public bool ConstantCurrent => On && Math.Abs(_tap.Ampere - SetAmpere) < 1e-6;

    private double Seconds => _context.Cell.Seconds;

    /// <inheritdoc/>
    public CellDemand Demand
    {
        get
        {
            if (!On) return new CellDemand.Rest();
            if (_options.Profile == ScpiProfile.Aimtti) return Drawn();
            var ampere = Math.Clamp(SetAmpere, -_options.MaxAmpere, _options.MaxAmpere);
            return new CellDemand.Hold(SetVolt, Math.Min(0, ampere), Math.Max(0, ampere));
        }
    }

    /// <inheritdoc/>
    public double SecondsToEvent => On && Watchdog ? Math.Max(_fedAt + WatchdogSeconds - Seconds, 1e-6) : double.PositiveInfinity;

    /// <inheritdoc/>
    public void Carried(double ampere, double seconds)
    {
        if (!On) return;
        if (_context.Cell.Volt > ProtectVolt) Trip("OVP");
        else if (Math.Abs(ampere) > ProtectAmpere) Trip("OCP");
        else if (Watchdog && Seconds - _fedAt >= WatchdogSeconds - 1e-6) Trip("WDOG");
        else if (_options.Profile == ScpiProfile.Aimtti && _context.Cell.Volt < SetVolt) On = false;
    }

    /// <summary>As at switch-on.</summary>
    public void Reset()
    {
        (On, Tripped, SetVolt, SetAmpere, SetWatt) = (false, null, 0, 0, null);
        (ProtectVolt, ProtectAmpere) = (_options.MaxVolt * 1.1, _options.MaxAmpere * 1.1);
        (Watchdog, WatchdogSeconds, _fedAt) = (false, 60, Seconds);
    }

    /// <summary>A command came: the watchdog is content.</summary>
    public void Feed() => _fedAt = Seconds;

    /// <summary>Sets the voltage (V); false when out of range.</summary>
    public bool SetVoltage(double volt) => InRange(volt, 0, _options.MaxVolt) && Take(() => SetVolt = _context.Faults.Setpoint("volt", volt, Seconds));

    /// <summary>Sets the current (A); false when out of range.</summary>
    public bool SetCurrent(double ampere) =>
        InRange(ampere, -_options.MaxAmpere, _options.MaxAmpere) && Take(() => SetAmpere = _context.Faults.Setpoint("ampere", ampere, Seconds));

    /// <summary>Sets the over-voltage limit (V); false when out of range.</summary>
    public bool SetOverVoltage(double volt) => InRange(volt, 0, _options.MaxVolt * 1.1) && Take(() => ProtectVolt = volt);

    /// <summary>Sets the over-current limit (A); false when out of range.</summary>
    public bool SetOverCurrent(double ampere) => InRange(ampere, 0, _options.MaxAmpere * 1.1) && Take(() => ProtectAmpere = ampere);

    /// <summary>Sets the watchdog's delay (s); false when out of range.</summary>
    public bool SetWatchdogDelay(double seconds) => InRange(seconds, 1, 3600) && Take(() => WatchdogSeconds = seconds);

    /// <summary>Arms or disarms the watchdog.</summary>
    public void ArmWatchdog(bool armed) => Watchdog = armed;

    /// <summary>Switches; false when a latched protection forbids it.</summary>
    public bool Switch(bool on)
    {
        if (on && Tripped is not null) return false;
        On = on;
        return true;
    }

    /// <summary>Releases a latched protection; the output stays off.</summary>
    public void Clear() => Tripped = null;

    private CellDemand Drawn() => SetWatt is { } watt ? new CellDemand.DischargePower(watt) : new CellDemand.Current(-Math.Abs(SetAmpere));

    private void Trip(string why) => (On, Tripped) = (false, why);

    private static bool InRange(double value, double least, double most) => value >= least && value <= most;

    private static bool Take(Action set)
    {
        set();
        return true;
    }
}
