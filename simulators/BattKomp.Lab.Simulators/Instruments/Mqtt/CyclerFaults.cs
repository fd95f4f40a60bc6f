using BattKomp.Lab.Simulators.Faults;

namespace BattKomp.Lab.Simulators.Instruments.Mqtt;

/// <summary>What a message becomes.</summary>
/// <param name="Payload">The message.</param>
/// <param name="Copy">Whether it is a second copy of one already handed out.</param>
internal readonly record struct CyclerMessage(byte[] Payload, bool Copy);

/// <summary>
/// Applies a fault script to a cycler's records, at the lab times at which they are due, so that the same seed and script
/// give the same messages however late they leave. Safe to read from any thread.
/// </summary>
internal sealed class CyclerFaults
{
    private readonly IReadOnlyList<Fault> _script;
    private readonly Lock _gate = new();
    private readonly Random _random;
    private readonly HashSet<Fault> _begun = [];
    private readonly FaultCounts _counts = new();
    private readonly DeviceFaults _device;
    private readonly DeviceClock _clock;
    private byte[]? _late;
    private long _made;
    private long _silenced;

    internal CyclerFaults(IReadOnlyList<Fault> script, int seed)
    {
        (_script, _random) = (script, new Random(seed));
        // Readings are counted by the record, not by the quantity.
        (_device, _clock) = (new DeviceFaults(script, new FaultCounts()), new DeviceClock(script, _counts));
    }

    /// <summary>The kinds that mean something for an instrument that publishes.</summary>
    internal static bool Knows(FaultKind kind) => kind is FaultKind.DuplicatedFrame or FaultKind.LateReply or FaultKind.Silence or FaultKind.StuckValue
        or FaultKind.ClockDrift or FaultKind.ClockStep or FaultKind.BackJump or FaultKind.Reboot;

    /// <summary>Records made, records that no message was made of, and how often each fault struck.</summary>
    internal (long Made, long Silenced, IReadOnlyDictionary<string, long> Counts) Tally
    {
        get
        {
            lock (_gate) return (_made, _silenced, _counts.Snapshot());
        }
    }

    /// <summary>Whether the cycler starts anew at this lab second since switch-on. Each entry is told once.</summary>
    internal bool Reboots(double seconds)
    {
        lock (_gate)
        {
            foreach (var fault in _script)
                if (fault.Kind == FaultKind.Reboot && fault.InForce(seconds) && _begun.Add(fault) && Strikes(fault))
                {
                    _counts.Add(fault.Kind);
                    _late = null;
                    return true;
                }
            return false;
        }
    }

    /// <summary>The messages that a record becomes: none, one, or several.</summary>
    /// <param name="record">The record.</param>
    /// <param name="seconds">Lab seconds since switch-on at which it is due.</param>
    /// <param name="encode">Makes the message of a record and the error of the instrument's clock.</param>
    internal IReadOnlyList<CyclerMessage> Apply(in CyclerRecord record, double seconds, Func<CyclerRecord, TimeSpan, byte[]> encode)
    {
        lock (_gate)
        {
            _made++;
            var payload = encode(Measured(record, seconds), _clock.Offset(seconds));
            if (Find(FaultKind.Silence, seconds))
            {
                _silenced++;
                return [];
            }
            if (_late is null && Find(FaultKind.LateReply, seconds))
            {
                _late = payload;
                return [];
            }
            var messages = new List<CyclerMessage> { new(payload, false) };
            if (Find(FaultKind.DuplicatedFrame, seconds)) messages.Add(new CyclerMessage(payload, true));
            if (_late is { } late) messages.Add(new CyclerMessage(late, false));
            _late = null;
            return messages;
        }
    }

    /// <summary>What is still held back, at the end of a run.</summary>
    internal IReadOnlyList<CyclerMessage> Rest()
    {
        lock (_gate)
        {
            var held = _late;
            _late = null;
            return held is null ? [] : [new CyclerMessage(held, false)];
        }
    }

    private CyclerRecord Measured(in CyclerRecord r, double seconds)
    {
        var stuck = r with
        {
            Volt = _device.Reading("volt", r.Volt, seconds),
            Ampere = _device.Reading("ampere", r.Ampere, seconds),
            Celsius = _device.Reading("celsius", r.Celsius, seconds),
        };
        if (stuck != r) _counts.Add(FaultKind.StuckValue);
        return stuck;
    }

    private bool Find(FaultKind kind, double seconds)
    {
        foreach (var fault in _script)
            if (fault.Kind == kind && fault.InForce(seconds) && Strikes(fault))
            {
                _counts.Add(kind);
                return true;
            }
        return false;
    }

    private bool Strikes(Fault fault) => fault.Probability >= 1 || _random.NextDouble() < fault.Probability;
}
