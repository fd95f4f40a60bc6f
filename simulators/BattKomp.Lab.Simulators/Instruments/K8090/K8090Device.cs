using BattKomp.Lab.Simulators.Hosting;

namespace BattKomp.Lab.Simulators.Instruments.K8090;

/// <summary>Settings of type <c>velleman-k8090</c>.</summary>
public sealed record K8090Options
{
    /// <summary>Circuits that a relay interrupts: an instrument's id, or <c>id:relay</c> with relay 1 to 8; relay 1 when none is named.</summary>
    public IReadOnlyList<string> Opens { get; init; } = [];

    /// <summary>True: the circuit is closed while its relay is on, open at rest (fail-safe). False: closed at rest.</summary>
    public bool ClosedWhenOn { get; init; } = true;

    /// <summary>The circuits as (instrument, relay index from 0).</summary>
    /// <exception cref="ConfigException">When an entry names no relay from 1 to 8.</exception>
    public IReadOnlyList<(string Instrument, int Relay)> Circuits() => [.. Opens.Select(Circuit)];

    private static (string Instrument, int Relay) Circuit(string entry)
    {
        var parts = entry.Split(':');
        if (parts.Length == 1) return (entry, 0);
        return parts.Length == 2 && int.TryParse(parts[1], out var relay) && relay is >= 1 and <= 8
            ? (parts[0], relay - 1)
            : throw new ConfigException($"settings.opens: '{entry}' is not an instrument id or id:relay with relay 1 to 8");
    }
}

/// <summary>
/// A Velleman K8090 card of eight relays: <c>04 cmd mask p1 p2 checksum 0F</c>. It tells every change of a relay unasked. The
/// circuits that its relays interrupt are those of other instruments of the same process.
/// </summary>
public sealed class K8090Device : ISimulatedDevice
{
    private const int FrameLength = 7;
    private const byte First = 0x04;
    private const byte Last = 0x0F;
    private const byte StatusEvent = 0x51;
    private readonly K8090Options _options;
    private readonly DeviceContext _context;
    private readonly IReadOnlyList<(string Instrument, int Relay)> _circuits;
    private readonly List<byte> _held = [];
    private readonly Queue<byte[]> _events = new();
    private readonly double[] _until = Enumerable.Repeat(double.PositiveInfinity, 8).ToArray();
    private double _seconds;
    private byte _relays;
    private byte _contacts;
    private long _accepted;
    private long _refused;

    /// <summary>Wires the card to its circuits.</summary>
    public K8090Device(K8090Options options, DeviceContext context)
    {
        (_options, _context, _circuits) = (options, context, options.Circuits());
        Move();
    }

    /// <summary>Makes one from a configuration.</summary>
    public static ISimulatedDevice Build(DeviceContext context) => new K8090Device(context.Settings<K8090Options>(), context);

    /// <inheritdoc/>
    public WireFormat Wire { get; } = new() { BytesPerSecond = 1920, ChecksumFromEnd = 2 };

    /// <inheritdoc/>
    public double NextReportSeconds => _events.Count > 0 ? _seconds : _until.Min();

    /// <inheritdoc/>
    public void AdvanceTo(double seconds)
    {
        _seconds = Math.Max(_seconds, seconds);
        byte expired = 0;
        for (var i = 0; i < 8; i++)
            if (_until[i] <= _seconds)
                expired |= (byte)(1 << i);
        if (expired != 0) Switch((byte)(_relays & ~expired), expired);
        else if (_contacts != _relays) Move();
    }

    /// <inheritdoc/>
    public byte[] TakeReport()
    {
        AdvanceTo(Math.Max(_seconds, _events.Count > 0 ? 0 : _until.Min()));
        return _events.TryDequeue(out var frame) ? frame : Status(_relays);
    }

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Receive(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes) _held.Add(b);
        var (replies, at) = (new List<byte[]>(), 0);
        while (_held.Count - at >= FrameLength)
        {
            if (_held[at] != First || _held[at + 6] != Last || Checksum([.. _held.GetRange(at, 5)]) != _held[at + 5])
            {
                at++;
                continue;
            }
            if (Obey(_held[at + 1], _held[at + 2], _held[at + 3] << 8 | _held[at + 4]) is { } reply) replies.Add(reply);
            while (_events.TryDequeue(out var told)) replies.Add(told);
            at += FrameLength;
        }
        _held.RemoveRange(0, at);
        return replies;
    }

    /// <inheritdoc/>
    public void Reboot()
    {
        _events.Clear();
        Array.Fill(_until, double.PositiveInfinity);
        _relays = 0;
        Move();
    }

    /// <inheritdoc/>
    public DeviceReading Read() => new(_relays == 0 ? "idle" : "running")
    {
        Commands = _accepted,
        Refused = _refused,
        Values = new Dictionary<string, double> { ["relays"] = _relays, ["contacts"] = _contacts },
    };

    /// <summary>A frame, for tests and tools that play the host.</summary>
    public static byte[] Frame(byte command, byte mask = 0, byte first = 0, byte second = 0) =>
        [First, command, mask, first, second, Checksum([First, command, mask, first, second]), Last];

    private static byte Checksum(ReadOnlySpan<byte> bytes)
    {
        var sum = 0;
        foreach (var b in bytes) sum += b;
        return (byte)-sum;
    }

    private byte[]? Obey(byte command, byte mask, int number)
    {
        _accepted++;
        switch (command)
        {
            case 0x11: Switch((byte)(_relays | mask), 0); return null;
            case 0x12: Switch((byte)(_relays & ~mask), mask); return null;
            case 0x14: Switch((byte)(_relays ^ mask), (byte)(_relays & mask)); return null;
            case 0x18: return Status(_relays);
            case 0x41: StartTimers(mask, number); return null;
            case 0x71: return Frame(0x71, 0xFF, 26, 1);
            default:
                _accepted--;
                _refused++;
                return null;
        }
    }

    private void StartTimers(byte mask, int seconds)
    {
        for (var i = 0; i < 8; i++)
            if ((mask >> i & 1) != 0)
                _until[i] = _seconds + seconds;
        Switch((byte)(_relays | mask), 0);
    }

    private void Switch(byte relays, byte cancelled)
    {
        for (var i = 0; i < 8; i++)
            if ((cancelled >> i & 1) != 0)
                _until[i] = double.PositiveInfinity;
        var before = _relays;
        _relays = relays;
        Move();
        if (relays != before) _events.Enqueue(Status(before));
    }

    private byte[] Status(byte before)
    {
        byte timed = 0;
        for (var i = 0; i < 8; i++)
            if (!double.IsPositiveInfinity(_until[i]))
                timed |= (byte)(1 << i);
        return Frame(StatusEvent, before, _relays, timed);
    }

    // The card says what it ordered; a contact that is welded stays where it was.
    private void Move()
    {
        if (_contacts != _relays && _context.Faults.StuckRelay(_seconds)) return;
        _contacts = _relays;
        foreach (var (instrument, relay) in _circuits)
        {
            var on = (_contacts >> relay & 1) != 0;
            _context.Bench.Circuit(instrument).Set($"{_context.Config.Id}:{relay}", open: on != _options.ClosedWhenOn);
        }
    }
}
