using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Instruments.Modbus;

namespace BattKomp.Lab.Simulators.Instruments.Riden;

/// <summary>Settings of type <c>riden</c>.</summary>
public sealed record RidenOptions
{
    /// <summary>Modbus unit.</summary>
    public byte Unit { get; init; } = 1;
}

/// <summary>
/// A Riden RD6006: Modbus RTU, 60 V and 6 A, source only. OVP and OCP switch off and show in register 16 until the output is
/// switched on again. Its clock (48 to 53) is lab time.
/// </summary>
public sealed class RidenDevice : ISimulatedDevice, IModbusRegisters, ICellLoad
{
    private const ushort Model = 60062;
    private const int Highest = 119;
    private readonly DeviceContext _context;
    private readonly ModbusSlave _slave;
    private readonly CellTap _tap;
    private readonly ushort[] _stored = new ushort[Highest + 1];
    private double _ampereHours;
    private double _wattHours;
    private int _protection;
    private bool _on;
    private bool _stopped;

    /// <summary>Connects it to its cell.</summary>
    public RidenDevice(RidenOptions options, DeviceContext context)
    {
        (_context, _slave, _tap) = (context, new ModbusSlave(options.Unit, this), context.Attach(this));
        SwitchOn();
    }

    /// <summary>Makes one from a configuration.</summary>
    public static ISimulatedDevice Build(DeviceContext context) => new RidenDevice(context.Settings<RidenOptions>(), context);

    /// <inheritdoc/>
    public WireFormat Wire { get; } = new() { BytesPerSecond = 11_520, ChecksumFromEnd = 2, ChecksumBytes = 2, FromUnit = ModbusWire.FromUnit, TellsTime = true };

    /// <inheritdoc/>
    public double NextReportSeconds => double.PositiveInfinity;

    CellDemand ICellLoad.Demand => _on ? new CellDemand.Hold(_stored[8] / 100.0, 0, _stored[9] / 1000.0) : new CellDemand.Rest();

    double ICellLoad.SecondsToEvent => double.PositiveInfinity;

    private double Seconds => _context.Cell.Seconds;

    /// <inheritdoc/>
    public void AdvanceTo(double seconds) => _context.Cell.AdvanceTo(seconds);

    /// <inheritdoc/>
    public byte[] TakeReport() => [];

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Receive(ReadOnlySpan<byte> bytes) => _slave.Take(bytes);

    /// <inheritdoc/>
    public void Reboot()
    {
        _slave.Clear();
        SwitchOn();
    }

    /// <inheritdoc/>
    public DeviceReading Read() => new(_on ? "running" : "idle")
    {
        Stopped = _stopped,
        Commands = _slave.Accepted,
        Refused = _slave.Refused,
        ChargeMah = _context.Cell.ChargeAh * 1000,
        DischargeMah = _context.Cell.DischargeAh * 1000,
        Ampere = _tap.Ampere,
        Values = new Dictionary<string, double> { ["output"] = _on ? 1 : 0, ["protection"] = _protection },
    };

    void ICellLoad.Carried(double ampere, double seconds)
    {
        if (!_on) return;
        _ampereHours += ampere * seconds / 3600;
        _wattHours += ampere * _context.Cell.Volt * seconds / 3600;
        if (_context.Cell.Volt > _stored[82] / 100.0) Trip(1);
        else if (ampere > _stored[83] / 1000.0) Trip(2);
    }

    ushort? IModbusRegisters.Read(int address) => address switch
    {
        0 => Model,
        1 or 2 => 0,
        3 => 100,
        4 or 6 => 0,
        5 => 25,
        7 => 77,
        10 => Scaled(Volt(), 100),
        11 => Scaled(Ampere(), 1000),
        12 => (ushort)((int)Math.Round(Volt() * Ampere() * 100) >> 16),
        13 => (ushort)(int)Math.Round(Volt() * Ampere() * 100),
        14 => 6400,
        16 => (ushort)_protection,
        17 => (ushort)(_on && _tap.Ampere >= _stored[9] / 1000.0 - 1e-6 ? 1 : 0),
        18 => (ushort)(_on ? 1 : 0),
        33 => Scaled(Volt(), 100),
        35 => 25,
        38 or 40 => (ushort)((int)Math.Round((address == 38 ? _ampereHours : _wattHours) * 1000) >> 16),
        39 or 41 => (ushort)(int)Math.Round((address == 39 ? _ampereHours : _wattHours) * 1000),
        >= 48 and <= 53 => Clock(address),
        >= 0 and <= Highest => _stored[address],
        _ => null,
    };

    byte IModbusRegisters.Write(int address, ReadOnlySpan<ushort> values)
    {
        for (var i = 0; i < values.Length; i++)
            if (Refusal(address + i, values[i]) is var refusal and not 0)
                return refusal;
        for (var i = 0; i < values.Length; i++) Set(address + i, values[i]);
        return 0;
    }

    // Calibration is not simulated, and nobody should write it.
    private static byte Refusal(int address, ushort value) => address switch
    {
        8 or 82 => (byte)(value <= 6200 ? 0 : 3),
        9 or 83 => (byte)(value <= 6200 ? 0 : 3),
        18 or 15 => (byte)(value <= 1 ? 0 : 3),
        19 => (byte)(value <= 9 ? 0 : 3),
        >= 48 and <= 53 => 0,
        >= 80 and <= Highest => 0,
        _ => 2,
    };

    private void Set(int address, ushort value)
    {
        _stored[address] = address switch
        {
            8 => Scaled(_context.Faults.Setpoint("volt", value / 100.0, Seconds), 100),
            9 => Scaled(_context.Faults.Setpoint("ampere", value / 1000.0, Seconds), 1000),
            _ => value,
        };
        if (address == 18) (_on, _stopped, _protection) = (value == 1, value == 0, 0);
        if (address == 19)
            for (var i = 0; i < 4; i++)
                if (i < 2) _stored[8 + i] = _stored[80 + 4 * value + i];
                else _stored[80 + i] = _stored[80 + 4 * value + i];
    }

    private void SwitchOn()
    {
        Array.Clear(_stored);
        for (var preset = 0; preset < 10; preset++)
            (_stored[80 + 4 * preset], _stored[82 + 4 * preset], _stored[83 + 4 * preset]) = (500, 6200, 6200);
        _stored[8] = 500;
        (_on, _stopped, _protection, _ampereHours, _wattHours) = (false, false, 0, 0, 0);
    }

    private void Trip(int why) => (_on, _protection) = (false, why);

    private double Volt() => Math.Max(0, _context.Faults.Reading("volt", _on ? _context.Noise.Read(_tap.VoltAt(_tap.Ampere)) : 0, Seconds));

    private double Ampere() => Math.Max(0, _context.Faults.Reading("ampere", _tap.Ampere, Seconds));

    private ushort Clock(int address)
    {
        var now = _context.Clock(Seconds);
        return (ushort)(address switch { 48 => now.Year, 49 => now.Month, 50 => now.Day, 51 => now.Hour, 52 => now.Minute, _ => now.Second });
    }

    private static ushort Scaled(double value, double factor) => (ushort)Math.Clamp(Math.Round(value * factor), 0, ushort.MaxValue);
}
