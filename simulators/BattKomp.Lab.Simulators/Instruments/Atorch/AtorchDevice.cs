using System.Buffers.Binary;
using BattKomp.Lab.Simulators.Cells;

namespace BattKomp.Lab.Simulators.Instruments.Atorch;

/// <summary>
/// An Atorch DL24 electronic load: an FF55 report every lab second, and PX-100 commands on the same line. It draws a constant
/// current down to its cut-off voltage or time limit, which it keeps itself.
/// </summary>
public sealed class AtorchDevice : ISimulatedDevice, ICellLoad
{
    private const int CommandLength = 6;
    private const int FrameLength = 10;
    private const double MostAmpere = 25;
    private readonly DeviceContext _context;
    private readonly CellTap _tap;
    private readonly List<byte> _held = [];
    private double _setAmpere = 1;
    private double _cutoffVolt = 2.5;
    private double _timeoutSeconds;
    private double _ranSeconds;
    private double _ampereHours;
    private double _wattHours;
    private bool _on;
    private bool _finished;
    private bool _stopped;
    private long _accepted;
    private long _refused;

    /// <summary>Connects it to its cell.</summary>
    public AtorchDevice(DeviceContext context) => (_context, _tap) = (context, context.Attach(this));

    /// <summary>Makes one from a configuration.</summary>
    public static ISimulatedDevice Build(DeviceContext context) => new AtorchDevice(context);

    /// <inheritdoc/>
    public WireFormat Wire { get; } = new() { BytesPerSecond = 960, ChecksumFromEnd = 1 };

    /// <inheritdoc/>
    public double NextReportSeconds { get; private set; }

    CellDemand ICellLoad.Demand => _on ? new CellDemand.Current(-_setAmpere) : new CellDemand.Rest();

    double ICellLoad.SecondsToEvent => _on && _timeoutSeconds > 0 ? Math.Max(_timeoutSeconds - _ranSeconds, 1e-6) : double.PositiveInfinity;

    private double Seconds => _context.Cell.Seconds;

    /// <inheritdoc/>
    public void AdvanceTo(double seconds) => _context.Cell.AdvanceTo(seconds);

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Receive(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes) _held.Add(b);
        var (replies, at) = (new List<byte[]>(), 0);
        while (_held.Count - at >= CommandLength)
        {
            if (_held[at] == 0xB1 && _held[at + 1] == 0xB2 && _held[at + 5] == 0xB6)
            {
                replies.Add(Px100(_held[at + 2], _held[at + 3], _held[at + 4]));
                at += CommandLength;
            }
            else if (_held[at] == 0xFF && _held[at + 1] == 0x55 && _held[at + 2] == AtorchWire.Command)
            {
                if (_held.Count - at < FrameLength) break;
                var frame = _held.GetRange(at, FrameLength).ToArray();
                var right = frame[^1] == AtorchWire.Checksum(frame.AsSpan(2, FrameLength - 3));
                if (right) replies.Add(Framed(frame[4]));
                at += right ? FrameLength : 1;
            }
            else
            {
                at++;
            }
        }
        _held.RemoveRange(0, at);
        return replies;
    }

    /// <inheritdoc/>
    public byte[] TakeReport()
    {
        NextReportSeconds = Math.Floor(Seconds + 1e-9) + 1;
        var body = new byte[32];
        body[0] = 0x02;
        Big(body, 1, Volt * 10, 3);
        Big(body, 4, Ampere * 1000, 3);
        Big(body, 7, Capacity * 100, 3);
        Big(body, 10, _wattHours * 0.1, 4);
        Big(body, 21, Celsius, 2);
        Big(body, 23, Math.Floor(_ranSeconds / 3600), 2);
        body[25] = (byte)(_ranSeconds / 60 % 60);
        body[26] = (byte)(_ranSeconds % 60);
        body[27] = 60;
        return AtorchWire.Frame(AtorchWire.Report, body);
    }

    /// <inheritdoc/>
    public void Reboot()
    {
        _held.Clear();
        (_on, _finished, _stopped, _setAmpere, _cutoffVolt, _timeoutSeconds) = (false, false, false, 1, 2.5, 0);
        ResetCounters();
    }

    /// <inheritdoc/>
    public DeviceReading Read() => new(_on ? "running" : _finished ? "finished" : "idle")
    {
        Stopped = _stopped,
        Commands = _accepted,
        Refused = _refused,
        ChargeMah = _context.Cell.ChargeAh * 1000,
        DischargeMah = _context.Cell.DischargeAh * 1000,
        Ampere = _tap.Ampere,
        Values = new Dictionary<string, double> { ["ampere_setpoint"] = _setAmpere, ["cutoff_volt"] = _cutoffVolt, ["output"] = _on ? 1 : 0 },
    };

    void ICellLoad.Carried(double ampere, double seconds)
    {
        if (!_on) return;
        _ranSeconds += seconds;
        _ampereHours -= ampere * seconds / 3600;
        _wattHours -= ampere * _context.Cell.Volt * seconds / 3600;
        if (_context.Cell.Volt > _cutoffVolt && (_timeoutSeconds <= 0 || _ranSeconds < _timeoutSeconds - 1e-6)) return;
        (_on, _finished) = (false, true);
    }

    private double Volt => _context.Faults.Reading("volt", _context.Noise.Read(_tap.VoltAt(_tap.Ampere)), Seconds);

    private double Ampere => _context.Faults.Reading("ampere", Math.Max(0, -_tap.Ampere), Seconds);

    private double Capacity => _context.Faults.Reading("capacity", _ampereHours, Seconds);

    private double Celsius => _context.Faults.Reading("celsius", 25 + Math.Abs(_tap.Ampere * Volt) / 5, Seconds);

    // 02 is the cut-off and 03 the current, as the maker of the PX-100 writes; a fork of its notes has them swapped.
    private byte[] Px100(byte command, byte first, byte second) => command switch
    {
        0x01 => Done(Switch(first == 1)),
        0x02 => Done(Take(_context.Faults.Setpoint("volt", first + second / 100.0, Seconds), 200, ref _cutoffVolt)),
        0x03 => Done(Take(_context.Faults.Setpoint("ampere", first + second / 100.0, Seconds), MostAmpere, ref _setAmpere)),
        0x04 => Done(Take(first << 8 | second, ushort.MaxValue, ref _timeoutSeconds)),
        0x05 => Done(ResetCounters()),
        0x10 => Told(_on ? 1 : 0),
        0x11 => Told(Volt * 1000),
        0x12 => Told(Ampere * 1000),
        0x13 => Told((int)(_ranSeconds / 3600) << 16 | (int)(_ranSeconds / 60 % 60) << 8 | (int)(_ranSeconds % 60)),
        0x14 => Told(Capacity * 1000),
        0x15 => Told(_wattHours * 1000),
        0x16 => Told(Celsius),
        0x17 => Told(_setAmpere * 100),
        0x18 => Told(_cutoffVolt * 100),
        0x19 => Told(_timeoutSeconds),
        _ => Done(false),
    };

    private byte[] Framed(byte command)
    {
        var known = command switch
        {
            0x01 => ResetWattHours(),
            0x02 => ResetAmpereHours(),
            0x03 => ResetDuration(),
            0x05 => ResetCounters(),
            0x32 => Switch(!_on),
            _ => false,
        };
        Count(known);
        return AtorchWire.Frame(AtorchWire.Reply, 0x01, (byte)(known ? 0x01 : 0x03), 0, 0);
    }

    private bool Switch(bool on)
    {
        (_on, _stopped) = (on, !on);
        if (on) _finished = false;
        return true;
    }

    private static bool Take(double value, double most, ref double setting)
    {
        if (!(value >= 0 && value <= most)) return false;
        setting = value;
        return true;
    }

    private bool ResetCounters() => ResetWattHours() && ResetAmpereHours() && ResetDuration();

    private bool ResetWattHours() => (_wattHours = 0) == 0;

    private bool ResetAmpereHours() => (_ampereHours = 0) == 0;

    private bool ResetDuration() => (_ranSeconds = 0) == 0;

    private byte[] Done(bool known)
    {
        Count(known);
        return [known ? (byte)0x6F : (byte)0x00];
    }

    private byte[] Told(double value)
    {
        Count(true);
        return AtorchWire.Answer((int)Math.Clamp(Math.Round(value), 0, 0xFFFFFF));
    }

    private void Count(bool known)
    {
        if (known) _accepted++;
        else _refused++;
    }

    private static void Big(byte[] body, int at, double value, int bytes)
    {
        Span<byte> whole = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(whole, (long)Math.Round(Math.Max(0, value)));
        whole[(8 - bytes)..].CopyTo(body.AsSpan(at));
    }
}
