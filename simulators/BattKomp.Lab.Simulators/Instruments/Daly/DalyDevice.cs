using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Instruments.Jbd;
using BattKomp.Lab.Simulators.Instruments.Modbus;

namespace BattKomp.Lab.Simulators.Instruments.Daly;

/// <summary>
/// A Daly BMS: Modbus framing under unit D2, one block of 62 registers and one of 9. It has the pack and the protections of
/// the JBD twin, and no order over the line: it only measures and protects.
/// </summary>
public sealed class DalyDevice : ISimulatedDevice, IModbusRegisters
{
    private const byte Unit = 0xD2;
    private const int Highest = 0x46;
    private readonly DeviceContext _context;
    private readonly JbdOptions _options;
    private readonly JbdProtection _protection;
    private readonly ModbusSlave _slave;

    /// <summary>Puts the BMS in series with its pack.</summary>
    public DalyDevice(JbdOptions options, DeviceContext context)
    {
        (_options, _context) = (options, context);
        (_protection, _slave) = (new JbdProtection(options, context.Cell, context.Faults), new ModbusSlave(Unit, this));
        context.Cell.Attach(_protection);
    }

    /// <summary>Makes one from a configuration.</summary>
    public static ISimulatedDevice Build(DeviceContext context) => new DalyDevice(context.Settings<JbdOptions>().Checked(), context);

    /// <inheritdoc/>
    public WireFormat Wire { get; } = new() { BytesPerSecond = 960, ChecksumFromEnd = 2, ChecksumBytes = 2, FromUnit = ModbusWire.FromUnit };

    /// <inheritdoc/>
    public double NextReportSeconds => double.PositiveInfinity;

    private SharedCell Pack => _context.Cell;

    /// <inheritdoc/>
    public void AdvanceTo(double seconds) => Pack.AdvanceTo(seconds);

    /// <inheritdoc/>
    public byte[] TakeReport() => [];

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Receive(ReadOnlySpan<byte> bytes) => _slave.Take(bytes);

    /// <inheritdoc/>
    public void Reboot()
    {
        _slave.Clear();
        _protection.Reset();
    }

    /// <inheritdoc/>
    public DeviceReading Read() => new("running")
    {
        Commands = _slave.Accepted,
        Refused = _slave.Refused,
        ChargeMah = Pack.ChargeAh * 1000,
        DischargeMah = Pack.DischargeAh * 1000,
        Ampere = Pack.Ampere,
        Values = new Dictionary<string, double> { ["protection"] = _protection.Bits },
    };

    // Places found in the test frame daly-modbus-02 of the vectors; all else reads 0.
    ushort? IModbusRegisters.Read(int address) => address switch
    {
        >= 0 and < 32 => address < Pack.Cells.Count ? Scaled(Reading($"cell_{address + 1}", Pack.Cells[address].Volt), 1000) : (ushort)0,
        >= 32 and < 40 => address - 32 < _options.Sensors ? (ushort)(Math.Round(Reading("celsius", Sensor(address - 32).Celsius)) + 40) : (ushort)0,
        40 => Scaled(Reading("volt", Pack.Volt), 10),
        41 => (ushort)Math.Clamp(30_000 + Math.Round(Reading("ampere", Pack.Ampere) * 10), 0, 65_535),
        42 => Scaled(_protection.RemainingAh / Capacity, 1000),
        43 => Scaled(Pack.Cells.Max(c => c.Volt), 1000),
        44 => Scaled(Pack.Cells.Min(c => c.Volt), 1000),
        48 => Scaled(_protection.RemainingAh, 10),
        49 => (ushort)Pack.Cells.Count,
        50 => (ushort)_options.Sensors,
        51 => (ushort)Math.Min(65_535, _options.Cycles + Math.Floor(_protection.DischargedAh / Capacity)),
        53 => (ushort)(_protection.ChargeOn ? 1 : 0),
        54 => (ushort)(_protection.DischargeOn ? 1 : 0),
        55 => Scaled(Pack.Volt / Pack.Cells.Count, 1000),
        56 => Scaled(Pack.Cells.Max(c => c.Volt) - Pack.Cells.Min(c => c.Volt), 1000),
        0x42 => (ushort)(Math.Round(Pack.Celsius) + 40),
        >= 0 and <= Highest => 0,
        _ => null,
    };

    byte IModbusRegisters.Write(int address, ReadOnlySpan<ushort> values) => 2;

    private double Capacity => Pack.Cells[0].Parameters.CapacityAh;

    private EquivalentCircuitCell Sensor(int index) => Pack.Cells[index * Pack.Cells.Count / _options.Sensors];

    private double Reading(string quantity, double value) => _context.Faults.Reading(quantity, value, Pack.Seconds);

    private static ushort Scaled(double value, double factor) => (ushort)Math.Clamp(Math.Round(value * factor), 0, ushort.MaxValue);
}
