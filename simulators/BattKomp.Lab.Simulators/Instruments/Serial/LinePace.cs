namespace BattKomp.Lab.Simulators.Instruments.Serial;

/// <summary>
/// What a serial line can carry, in machine time: a token bucket that holds one frame. In any stretch of t seconds no more
/// than <c>rate · t + one frame</c> bytes pass, however fast lab time runs.
/// </summary>
public sealed class LinePace(TimeProvider machine, double bytesPerSecond, int frameBytes)
{
    /// <summary>9600 baud, 8 data bits, even parity, 1 stop bit: 11 bits a byte.</summary>
    public const double BytesPerSecond9600E = 9600 / 11.0;

    private double _tokens = frameBytes;
    private long _filledAt = machine.GetTimestamp();

    /// <summary>Takes room for one frame; false when the line is still busy with earlier ones.</summary>
    public bool TryTakeFrame() => TryTake(frameBytes);

    /// <summary>Takes room for some bytes; more than a frame's worth makes the line busy for the rest afterwards.</summary>
    public bool TryTake(int bytes)
    {
        Fill();
        if (_tokens < Math.Min(bytes, frameBytes)) return false;
        _tokens -= bytes;
        return true;
    }

    /// <summary>Machine time until the line is free for a frame.</summary>
    public TimeSpan UntilFree() => UntilFree(frameBytes);

    /// <summary>Machine time until the line is free for some bytes.</summary>
    public TimeSpan UntilFree(int bytes)
    {
        Fill();
        return TimeSpan.FromSeconds(Math.Max(0, (Math.Min(bytes, frameBytes) - _tokens) / bytesPerSecond));
    }

    private void Fill()
    {
        var now = machine.GetTimestamp();
        _tokens = Math.Min(frameBytes, _tokens + machine.GetElapsedTime(_filledAt, now).TotalSeconds * bytesPerSecond);
        _filledAt = now;
    }
}
