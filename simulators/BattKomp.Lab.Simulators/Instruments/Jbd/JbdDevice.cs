using System.Buffers.Binary;
using System.Text;
using BattKomp.Lab.Simulators.Cells;

namespace BattKomp.Lab.Simulators.Instruments.Jbd;

/// <summary>A JBD battery management system on the pack that its configuration names: it measures, and may stop the current of others.</summary>
public sealed class JbdDevice : ISimulatedDevice
{
    private const int MadeOn = (2026 - 2000) << 9 | 3 << 5 | 6;
    private const double BalanceVolt = 0.010;
    private readonly DeviceContext _context;
    private readonly JbdOptions _options;
    private readonly JbdProtection _protection;
    private readonly JbdRequestReader _requests = new();
    private long _accepted;
    private long _refused;

    /// <summary>Puts the BMS in series with its pack.</summary>
    public JbdDevice(JbdOptions options, DeviceContext context)
    {
        (_options, _context) = (options, context);
        _protection = new JbdProtection(options, context.Cell, context.Faults);
        context.Cell.Attach(_protection);
    }

    /// <summary>Makes one from a configuration.</summary>
    public static ISimulatedDevice Build(DeviceContext context) => new JbdDevice(context.Settings<JbdOptions>().Checked(), context);

    /// <inheritdoc/>
    public WireFormat Wire { get; } = new() { BytesPerSecond = 960, ChecksumFromEnd = 3, ChecksumBytes = 2 };

    /// <inheritdoc/>
    public double NextReportSeconds => double.PositiveInfinity;

    private SharedCell Pack => _context.Cell;

    /// <inheritdoc/>
    public void AdvanceTo(double seconds) => Pack.AdvanceTo(seconds);

    /// <inheritdoc/>
    public byte[] TakeReport() => [];

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Receive(ReadOnlySpan<byte> bytes) => [.. _requests.Take(bytes).Select(Answer)];

    /// <inheritdoc/>
    public void Reboot() => _protection.Reset();

    /// <inheritdoc/>
    public DeviceReading Read() => new("running")
    {
        Commands = _accepted,
        Refused = _refused,
        ChargeMah = Pack.ChargeAh * 1000,
        DischargeMah = Pack.DischargeAh * 1000,
        Ampere = Pack.Ampere,
        Values = new Dictionary<string, double>
        {
            ["protection"] = _protection.Bits,
            ["charge_fet"] = _protection.ChargeOn ? 1 : 0,
            ["discharge_fet"] = _protection.DischargeOn ? 1 : 0,
        },
    };

    private byte[] Answer(JbdRequest request)
    {
        byte[]? data = request switch
        {
            { Write: false, Register: 0x03 } => Basic(),
            { Write: false, Register: 0x04 } => CellVolts(),
            { Write: false, Register: 0x05 } => Encoding.ASCII.GetBytes($"SIM-JBD-{_context.Config.Id}"),
            { Write: true, Register: 0xE1, Data.Length: 2 } => Switch(request.Data[1]),
            { Write: true, Register: 0x00 or 0x01, Data.Length: 2 } => [], // into and out of factory mode: nothing to set here
            _ => null,
        };
        if (data is null) _refused++;
        else _accepted++;
        return JbdWire.Reply(request.Register, data is null ? (byte)0x80 : (byte)0, data ?? []);
    }

    private byte[] Switch(byte off)
    {
        (_protection.ChargeOrdered, _protection.DischargeOrdered) = ((off & 1) == 0, (off & 2) == 0);
        return [];
    }

    private byte[] Basic()
    {
        var capacity = Pack.Cells[0].Parameters.CapacityAh;
        var data = new byte[23 + 2 * _options.Sensors];
        Word(data, 0, Reading("volt", _context.Noise.Read(Pack.Volt)) * 100);
        Word(data, 2, Reading("ampere", Pack.Ampere) * 100);
        Word(data, 4, Reading("capacity", _protection.RemainingAh) * 100);
        Word(data, 6, capacity * 100);
        Word(data, 8, _options.Cycles + Math.Floor(_protection.DischargedAh / capacity));
        Word(data, 10, MadeOn);
        Word(data, 12, Balancing());
        Word(data, 16, _protection.Bits);
        data[18] = 0x10;
        data[19] = (byte)Math.Round(100 * Math.Clamp(_protection.RemainingAh / capacity, 0, 1));
        data[20] = (byte)((_protection.ChargeOn ? 1 : 0) | (_protection.DischargeOn ? 2 : 0));
        data[21] = (byte)Pack.Cells.Count;
        data[22] = (byte)_options.Sensors;
        for (var i = 0; i < _options.Sensors; i++)
            Word(data, 23 + 2 * i, (Reading("celsius", Pack.Cells[i * Pack.Cells.Count / _options.Sensors].Celsius) + 273.1) * 10);
        return data;
    }

    private byte[] CellVolts()
    {
        var data = new byte[2 * Pack.Cells.Count];
        for (var i = 0; i < Pack.Cells.Count; i++) Word(data, 2 * i, Reading($"cell_{i + 1}", Pack.Cells[i].Volt) * 1000);
        return data;
    }

    private int Balancing()
    {
        if (Pack.Ampere <= 0) return 0;
        var least = Pack.Cells.Min(c => c.Volt);
        return Pack.Cells.Take(16).Select((c, i) => c.Volt > least + BalanceVolt ? 1 << i : 0).Sum();
    }

    private double Reading(string quantity, double value) => _context.Faults.Reading(quantity, value, Pack.Seconds);

    // Signed and unsigned fields alike: what does not fit stays at the border.
    private static void Word(byte[] data, int at, double value) =>
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(at), unchecked((ushort)(int)Math.Round(Math.Clamp(value, short.MinValue, ushort.MaxValue))));
}
