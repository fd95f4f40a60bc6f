namespace BattKomp.Lab.Simulators.Faults;

/// <summary>Applies a fault script to outgoing frames. The same seed, script and frames give the same bytes.</summary>
public sealed class FaultInjector(IReadOnlyList<Fault> script, int seed)
{
    private const int MeasuredFrom = 2;
    private const int MeasuredBytes = 6;
    private readonly Random _random = new(seed);
    private byte[]? _stuck;

    /// <summary>Frames that were changed.</summary>
    public long Struck { get; private set; }

    /// <summary>Whether the line is cut at this time (lab s since switch-on).</summary>
    public bool LineCut(double seconds) => script.Any(f => f.Kind == FaultKind.HangUp && f.InForce(seconds));

    /// <summary>What the line makes of a frame; possibly shorter, never longer.</summary>
    /// <param name="frame">A whole frame; left as it is.</param>
    /// <param name="seconds">Lab seconds since switch-on.</param>
    public byte[] Apply(byte[] frame, double seconds)
    {
        if (script.Count == 0) return frame;
        var bytes = frame.ToArray();
        var stuckNow = false;
        foreach (var fault in script)
        {
            if (!fault.InForce(seconds)) continue;
            if (fault.Kind == FaultKind.StuckValue) stuckNow = true;
            bytes = Strike(fault, bytes);
        }
        if (!stuckNow) _stuck = null;
        if (!bytes.AsSpan().SequenceEqual(frame)) Struck++;
        return bytes;
    }

    private byte[] Strike(Fault fault, byte[] bytes)
    {
        switch (fault.Kind)
        {
            case FaultKind.BitNoise: Flip(bytes, fault.Probability); break;
            case FaultKind.StuckValue: Stick(bytes); break;
            case FaultKind.WrongChecksum when Strikes(fault) && bytes.Length > 2: bytes[^2] ^= (byte)(1 + _random.Next(255)); break;
            case FaultKind.TornFrame when Strikes(fault) && bytes.Length > 1: return bytes[..(1 + _random.Next(bytes.Length - 1))];
        }
        return bytes;
    }

    private bool Strikes(Fault fault) => _random.NextDouble() < fault.Probability;

    private void Flip(byte[] bytes, double probability)
    {
        for (var bit = 0; bit < bytes.Length * 8; bit++)
            if (_random.NextDouble() < probability)
                bytes[bit / 8] ^= (byte)(1 << (bit % 8));
    }

    // The instrument itself sends the old values, so its checksum is right for them.
    private void Stick(byte[] bytes)
    {
        if (bytes.Length < MeasuredFrom + MeasuredBytes + 2) return;
        var measured = bytes.AsSpan(MeasuredFrom, MeasuredBytes);
        _stuck ??= measured.ToArray();
        foreach (var i in Enumerable.Range(0, MeasuredBytes))
        {
            bytes[^2] ^= (byte)(measured[i] ^ _stuck[i]);
            measured[i] = _stuck[i];
        }
    }
}
