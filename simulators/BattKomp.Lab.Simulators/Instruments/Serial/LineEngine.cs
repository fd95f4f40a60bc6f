using BattKomp.Lab.Simulators.Faults;

namespace BattKomp.Lab.Simulators.Instruments.Serial;

/// <summary>
/// A device, the faults between it and its client, and the queue of what is to be written; no line and no thread. Lab time
/// is handed in; pacing reads machine time. Guarded by the bench's gate.
/// </summary>
public sealed class LineEngine
{
    private const int PacedBytes = 19;
    private const double DefaultBootSeconds = 1;
    private readonly ISimulatedDevice _device;
    private readonly FaultInjector _faults;
    private readonly LinePace _pace;
    private readonly TimeProvider _machine;
    private readonly LinkedList<Emission> _waiting = [];
    private double _silentUntil = double.NegativeInfinity;
    private long _slowSince;
    private TimeSpan _slowFor;

    /// <summary>Puts them together.</summary>
    public LineEngine(ISimulatedDevice device, FaultInjector faults, TimeProvider machine)
    {
        (_device, _faults, _machine) = (device, faults, machine);
        _pace = new LinePace(machine, device.Wire.BytesPerSecond, PacedBytes);
    }

    /// <summary>Frames that the device made.</summary>
    public long Made { get; private set; }

    /// <summary>Frames that a reboot, or a fault, kept from being written at all.</summary>
    public long Silenced => _faults.Silenced + _lostInReboots;

    private long _lostInReboots;

    /// <summary>Whether the line is to be cut now.</summary>
    public bool LineCut(double seconds) => _faults.LineCut(seconds);

    /// <summary>Lets lab time pass for the device, and reboots it where the script says so.</summary>
    public void AdvanceTo(double seconds)
    {
        _device.AdvanceTo(seconds);
        if (_faults.RebootBegins(seconds) is not { } reboot) return;
        _device.Reboot();
        _silentUntil = seconds + (reboot.Seconds ?? DefaultBootSeconds);
        foreach (var lost in _waiting) _lostInReboots += lost.Intact + lost.Spoiled;
        _waiting.Clear();
    }

    /// <summary>Hands bytes from the client to the device.</summary>
    public void Hear(byte[] bytes, double seconds)
    {
        if (bytes.Length == 0 || seconds < _silentUntil) return;
        _device.AdvanceTo(seconds);
        foreach (var reply in _device.Receive(bytes)) Queue(reply, seconds);
    }

    /// <summary>The next bytes that may be written now; null = none yet.</summary>
    public Emission? Next(double seconds)
    {
        // A report is only made when it can be written: a slow line makes reports rarer, not older.
        if (!Due(seconds, out var next))
        {
            if (_waiting.Count > 0 && _waiting.First!.Value.AtSeconds <= seconds) return null;
            if (seconds < _device.NextReportSeconds || seconds < _silentUntil || _pace.UntilFree() > TimeSpan.Zero) return null;
            Queue(_device.TakeReport(), seconds);
            if (!Due(seconds, out next)) return null;
        }
        _waiting.Remove(next!);
        if (next!.Value.BytesPerSecond is { } slow) (_slowSince, _slowFor) = (_machine.GetTimestamp(), TimeSpan.FromSeconds(1 / slow));
        return next.Value;
    }

    /// <summary>Machine time until there may be something to write.</summary>
    public TimeSpan UntilNext(double seconds, double speed)
    {
        var first = _waiting.Count > 0 ? _waiting.Min(e => e.AtSeconds) : double.PositiveInfinity;
        var lab = Math.Min(first, Math.Max(_device.NextReportSeconds, _silentUntil));
        if (double.IsPositiveInfinity(lab)) return TimeSpan.MaxValue;
        var due = TimeSpan.FromSeconds(Math.Min(Math.Max(0, lab - seconds) / speed, 3600));
        var free = _pace.UntilFree(first <= seconds ? _waiting.First(e => e.AtSeconds <= seconds).Bytes.Length : PacedBytes);
        return Longest(due, free, SlowLeft());
    }

    private static TimeSpan Longest(TimeSpan a, TimeSpan b, TimeSpan c) => a > b ? (a > c ? a : c) : b > c ? b : c;

    private TimeSpan SlowLeft() => _slowFor - _machine.GetElapsedTime(_slowSince);

    private void Queue(byte[] frame, double seconds)
    {
        Made++;
        foreach (var emission in _faults.Apply(frame, seconds)) _waiting.AddLast(emission);
    }

    // In order; only what must wait for its lab time is overtaken.
    private bool Due(double seconds, out LinkedListNode<Emission>? next)
    {
        for (next = _waiting.First; next is not null; next = next.Next)
        {
            if (next.Value.AtSeconds > seconds) continue;
            if (SlowLeft() > TimeSpan.Zero) return false;
            return next.Value.Burst || _pace.TryTake(next.Value.Bytes.Length);
        }
        return false;
    }
}
