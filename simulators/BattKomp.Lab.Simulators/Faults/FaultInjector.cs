using BattKomp.Lab.Simulators.Instruments;

namespace BattKomp.Lab.Simulators.Faults;

/// <summary>Bytes on their way to the line.</summary>
/// <param name="Bytes">What is written in one go.</param>
/// <param name="AtSeconds">Not before this lab second since switch-on.</param>
/// <param name="Intact">Whole, unchanged frames among them.</param>
/// <param name="Spoiled">Frames of which these are a changed or cut remainder.</param>
public sealed record Emission(byte[] Bytes, double AtSeconds, int Intact, int Spoiled)
{
    /// <summary>A slower pace than the line's own (bytes a machine second); null = the line's.</summary>
    public double? BytesPerSecond { get; init; }

    /// <summary>True when it does not wait for the line's pace.</summary>
    public bool Burst { get; init; }
}

/// <summary>Applies a fault script to outgoing frames. The same seed, script and frames at the same lab times give the same bytes.</summary>
public sealed class FaultInjector(IReadOnlyList<Fault> script, int seed, WireFormat wire, FaultCounts counts)
{
    private const int DefaultBurstBytes = 8192;
    private readonly Random _random = new(seed);
    private readonly HashSet<Fault> _begun = [];
    private Emission? _late;
    private Emission? _glue;

    /// <summary>Frames that a fault kept from being sent at all.</summary>
    public long Silenced { get; private set; }

    /// <summary>Whether the line is cut at this time (lab s since switch-on).</summary>
    public bool LineCut(double seconds) => Once(FaultKind.HangUp, seconds) is not null;

    /// <summary>The reboot that begins now; null = none. Each entry is told once.</summary>
    public Fault? RebootBegins(double seconds)
    {
        foreach (var fault in script)
        {
            if (fault.Kind == FaultKind.Reboot && fault.InForce(seconds) && _begun.Add(fault) && Strikes(fault))
            {
                counts.Add(fault.Kind);
                return fault;
            }
        }
        return null;
    }

    /// <summary>What becomes of a frame: nothing, one writing or several, in order.</summary>
    /// <param name="frame">A whole frame; left as it is.</param>
    /// <param name="seconds">Lab seconds since switch-on.</param>
    public IReadOnlyList<Emission> Apply(byte[] frame, double seconds)
    {
        if (script.Count == 0) return [new Emission(frame, seconds, 1, 0)];
        var bytes = frame.ToArray();
        foreach (var fault in script)
            if (fault.InForce(seconds))
                bytes = Change(fault, bytes);
        if (bytes.Length == 0 || Strikes(FaultKind.Silence, seconds) is not null)
        {
            Silenced++;
            return Release([]);
        }
        var intact = bytes.AsSpan().SequenceEqual(frame);
        return Release(Arrange(new Emission(bytes, seconds, intact ? 1 : 0, intact ? 0 : 1), seconds));
    }

    private byte[] Change(Fault fault, byte[] bytes) => fault.Kind switch
    {
        FaultKind.BitNoise => Flip(bytes, fault.Probability),
        FaultKind.DroppedBytes => EachByte(bytes, fault, 0),
        FaultKind.DuplicatedBytes => EachByte(bytes, fault, 2),
        FaultKind.WrongUnit when wire.FromUnit is not null && Strikes(fault) => Counted(fault, wire.FromUnit(bytes, fault.Unit)),
        FaultKind.WrongChecksum when wire.ChecksumFromEnd > 0 && bytes.Length > wire.ChecksumFromEnd && Strikes(fault) => SpoilChecksum(fault, bytes),
        FaultKind.BaudGarbage when Strikes(fault) => Garbage(fault, bytes.Length),
        _ => bytes,
    };

    // How a frame, changed or not, is cut up, held back or repeated. The first that strikes decides.
    private List<Emission> Arrange(Emission one, double seconds)
    {
        if (Strikes(FaultKind.TornFrame, seconds) is { } torn && one.Bytes.Length > 1) return Torn(torn, one);
        if (Strikes(FaultKind.DuplicatedFrame, seconds) is { } twice)
        {
            counts.Add(twice.Kind);
            return [one, one with { Intact = 0, Spoiled = 0 }];
        }
        if (Strikes(FaultKind.BufferOverrun, seconds) is { } overrun) return [Overrun(overrun, one)];
        if (Strikes(FaultKind.SlowWriter, seconds) is { } slow)
        {
            counts.Add(slow.Kind);
            return Trickle(slow, one);
        }
        if (_late is null && Strikes(FaultKind.LateReply, seconds) is { } late)
        {
            counts.Add(late.Kind);
            _late = one;
            return [];
        }
        if (_glue is null && Strikes(FaultKind.GluedReplies, seconds) is { } glue)
        {
            counts.Add(glue.Kind);
            _glue = one;
            return [];
        }
        return [one];
    }

    // What was held back comes before, or in one with, the next frame that goes out.
    private List<Emission> Release(List<Emission> next)
    {
        if (next.Count == 0) return next;
        if (_late is { } late)
        {
            next.Insert(0, late);
            _late = null;
        }
        if (_glue is { } glue && next[0].BytesPerSecond is null)
        {
            next[0] = next[0] with { Bytes = [.. glue.Bytes, .. next[0].Bytes], Intact = glue.Intact + next[0].Intact, Spoiled = glue.Spoiled + next[0].Spoiled };
            _glue = null;
        }
        return next;
    }

    private List<Emission> Torn(Fault fault, Emission one)
    {
        counts.Add(fault.Kind);
        var cut = 1 + _random.Next(one.Bytes.Length - 1);
        var first = one with { Bytes = one.Bytes[..cut], Intact = 0, Spoiled = 1 };
        if (fault.Seconds is not { } later) return [first];
        return [first with { Spoiled = 0 }, one with { Bytes = one.Bytes[cut..], AtSeconds = one.AtSeconds + later }];
    }

    private Emission Overrun(Fault fault, Emission one)
    {
        counts.Add(fault.Kind);
        var wanted = fault.Bytes ?? DefaultBurstBytes;
        var times = (wanted + one.Bytes.Length - 1) / one.Bytes.Length;
        return one with { Bytes = [.. Enumerable.Repeat(one.Bytes, times).SelectMany(b => b)], Burst = true };
    }

    private static List<Emission> Trickle(Fault fault, Emission one)
    {
        var bytes = one.Bytes.Select(b => new Emission([b], one.AtSeconds, 0, 0) { BytesPerSecond = fault.BytesPerSecond }).ToList();
        bytes[^1] = bytes[^1] with { Intact = one.Intact, Spoiled = one.Spoiled };
        return bytes;
    }

    private Fault? Strikes(FaultKind kind, double seconds)
    {
        foreach (var fault in script)
        {
            if (fault.Kind != kind || !fault.InForce(seconds) || !Strikes(fault)) continue;
            if (kind == FaultKind.Silence) counts.Add(kind);
            return fault;
        }
        return null;
    }

    private Fault? Once(FaultKind kind, double seconds)
    {
        foreach (var fault in script)
        {
            if (fault.Kind != kind || !fault.InForce(seconds)) continue;
            if (_begun.Add(fault)) counts.Add(kind);
            return fault;
        }
        return null;
    }

    private bool Strikes(Fault fault) => fault.Probability >= 1 || _random.NextDouble() < fault.Probability;

    private byte[] Counted(Fault fault, byte[] bytes)
    {
        counts.Add(fault.Kind);
        return bytes;
    }

    private byte[] Flip(byte[] bytes, double probability)
    {
        var flipped = 0;
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            if (_random.NextDouble() >= probability) continue;
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            flipped++;
        }
        counts.Add(FaultKind.BitNoise, flipped);
        return bytes;
    }

    private byte[] EachByte(byte[] bytes, Fault fault, int copies)
    {
        var kept = new List<byte>(bytes.Length * 2);
        foreach (var b in bytes)
        {
            var struck = Strikes(fault);
            if (struck) counts.Add(fault.Kind);
            for (var i = 0; i < (struck ? copies : 1); i++) kept.Add(b);
        }
        return [.. kept];
    }

    private byte[] SpoilChecksum(Fault fault, byte[] bytes)
    {
        counts.Add(fault.Kind);
        bytes[^wire.ChecksumFromEnd] ^= (byte)(1 + _random.Next(255));
        return bytes;
    }

    private byte[] Garbage(Fault fault, int length)
    {
        counts.Add(fault.Kind);
        var bytes = new byte[Math.Max(1, length + _random.Next(-length / 4, length / 4 + 1))];
        _random.NextBytes(bytes);
        return bytes;
    }
}
