using BattKomp.Lab.Simulators.Instruments.Modbus;

namespace BattKomp.Lab.Simulators.Instruments.Chambers;

/// <summary>Settings of type <c>binder-mk</c>.</summary>
public sealed record BinderOptions : ChamberOptions
{
    /// <summary>Modbus unit.</summary>
    public byte Unit { get; init; } = 1;
}

/// <summary>
/// A Binder MK chamber: Modbus RTU, floats in two words, low word first. Writing its limit register does not move the real
/// limit, and an alarm is cleared at the panel only, as on the captured oven.
/// </summary>
public sealed class BinderDevice : ISimulatedDevice, IModbusRegisters
{
    private const int Air = 0x11A9;
    private const int InForce = 0x1077;
    private const int Manual = 0x1581;
    private const int Basic = 0x156F;
    private const int ModeRegister = 0x1A22;
    private const int LimitRegister = 0x1A5B;
    private const int TextRegister = 0x1228;
    private const int TextWords = 20;
    private const int Registers = 0x2000;
    private const int ModeBasic = 0x1000;
    private const int ModeManual = 0x0800;
    private const int ModeAuto = 0x0400;

    private readonly ChamberModel _chamber;
    private readonly DeviceContext _context;
    private readonly ModbusSlave _slave;
    private readonly Dictionary<int, ushort> _written = [];
    private ushort _mode;

    /// <summary>Makes the chamber.</summary>
    public BinderDevice(BinderOptions options, DeviceContext context)
    {
        (_context, _chamber, _slave) = (context, new ChamberModel(options, context), new ModbusSlave(options.Unit, this));
        foreach (var register in new[] { Manual, Basic }) Keep(register, 20);
        Keep(LimitRegister, (float)options.LimitCelsius);
    }

    /// <summary>Makes one from a configuration.</summary>
    public static ISimulatedDevice Build(DeviceContext context) => new BinderDevice(context.Settings<BinderOptions>(), context);

    /// <inheritdoc/>
    public WireFormat Wire { get; } = new() { BytesPerSecond = 960, ChecksumFromEnd = 2, ChecksumBytes = 2, FromUnit = ModbusWire.FromUnit };

    /// <inheritdoc/>
    public double NextReportSeconds => double.PositiveInfinity;

    /// <inheritdoc/>
    public void AdvanceTo(double seconds) => _chamber.AdvanceTo(seconds);

    /// <inheritdoc/>
    public byte[] TakeReport() => [];

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Receive(ReadOnlySpan<byte> bytes) => _slave.Take(bytes);

    /// <inheritdoc/>
    public void Reboot()
    {
        _slave.Clear();
        _chamber.Reset();
        _mode = 0;
    }

    /// <inheritdoc/>
    public DeviceReading Read() => new(_chamber.Regulates ? "running" : "idle")
    {
        Stopped = _slave.Accepted > 0 && _mode == 0,
        Commands = _slave.Accepted,
        Refused = _slave.Refused,
        Values = new Dictionary<string, double>
        {
            ["celsius"] = _chamber.Celsius,
            ["setpoint"] = _chamber.Setpoint,
            ["alarm"] = _chamber.Alarm ? 1 : 0,
            ["door_open"] = _chamber.DoorOpen ? 1 : 0,
        },
    };

    ushort? IModbusRegisters.Read(int address) => address switch
    {
        Air or Air + 1 => Half((float)_chamber.Reading, address - Air),
        InForce or InForce + 1 => Half((float)_chamber.Setpoint, address - InForce),
        0x1007 or 0x123E => (ushort)(_chamber.DoorOpen ? 1 : 0),
        0x123D or 0x10DB => (ushort)(_chamber.Alarm ? 1 : 0),
        >= TextRegister and < TextRegister + TextWords => Text()[address - TextRegister],
        ModeRegister => _mode,
        < 0 or >= Registers => null,
        _ => _written.GetValueOrDefault(address),
    };

    byte IModbusRegisters.Write(int address, ReadOnlySpan<ushort> values)
    {
        if (address == ModeRegister && values.Length == 1) return SetMode(values[0]);
        if (address is not (Manual or Basic or LimitRegister) || values.Length != 2) return 2;
        var celsius = BitConverter.Int32BitsToSingle(values[1] << 16 | values[0]);
        if (!_chamber.InRange(celsius)) return 3;
        (_written[address], _written[address + 1]) = (values[0], values[1]);
        Apply();
        return 0;
    }

    private byte SetMode(ushort mode)
    {
        if (mode is not (0 or ModeBasic or ModeManual or ModeAuto)) return 3;
        _mode = mode;
        _chamber.On = mode != 0;
        Apply();
        return 0;
    }

    // Idle and a running program hold the manual setpoint.
    private void Apply()
    {
        var register = _mode == ModeBasic ? Basic : Manual;
        _chamber.Set(BitConverter.Int32BitsToSingle(_written[register + 1] << 16 | _written[register]));
    }

    private void Keep(int register, float value) => (_written[register], _written[register + 1]) = (Half(value, 0), Half(value, 1));

    private static ushort Half(float value, int word) => (ushort)(BitConverter.SingleToInt32Bits(value) >> 16 * word);

    private ushort[] Text()
    {
        var text = _chamber.Alarm ? "TEMPERATURE LIMIT" : _chamber.DoorOpen ? "DOOR OPEN" : "";
        return [.. text.PadLeft((TextWords + text.Length) / 2).PadRight(TextWords).Select(c => (ushort)c)];
    }
}
