namespace BattKomp.Lab.Simulators.Instruments.Ebc;

/// <summary>
/// The device's side of the EBC wire format: <c>FA payload xor F8</c>, 10 bytes towards the device and 19 from it, numbers
/// as two base-240 digits. Written apart from the agent's codec, so that the two check each other.
/// </summary>
public static class EbcWire
{
    /// <summary>First byte of every frame.</summary>
    public const byte Start = 0xFA;

    /// <summary>Last byte of every frame.</summary>
    public const byte End = 0xF8;

    /// <summary>Bytes in a frame towards the device.</summary>
    public const int CommandLength = 10;

    /// <summary>Bytes in a frame from the device.</summary>
    public const int ReportLength = 19;

    /// <summary>The greatest number that two digits hold.</summary>
    public const int Greatest = 239 * 240 + 239;

    /// <summary>Reads two digits.</summary>
    public static int Number(ReadOnlySpan<byte> digits) => digits[0] * 240 + digits[1];

    /// <summary>Writes a number as two digits; numbers outside 0 to <see cref="Greatest"/> stay at the border, as on a full display.</summary>
    public static void Number(Span<byte> digits, int value)
    {
        var held = Math.Clamp(value, 0, Greatest);
        digits[0] = (byte)(held / 240);
        digits[1] = (byte)(held % 240);
    }

    /// <summary>Wraps a payload into a frame.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> payload)
    {
        var frame = new byte[payload.Length + 3];
        frame[0] = Start;
        payload.CopyTo(frame.AsSpan(1));
        frame[^2] = Xor(payload);
        frame[^1] = End;
        return frame;
    }

    /// <summary>The checksum: all payload bytes XORed.</summary>
    public static byte Xor(ReadOnlySpan<byte> payload)
    {
        byte sum = 0;
        foreach (var b in payload) sum ^= b;
        return sum;
    }

    /// <summary>A command frame, for tests and tools that play the host.</summary>
    public static byte[] Command(byte code, int first = 0, int second = 0, int third = 0)
    {
        Span<byte> payload = stackalloc byte[CommandLength - 3];
        payload[0] = code;
        Number(payload[1..], first);
        Number(payload[3..], second);
        Number(payload[5..], third);
        return Frame(payload);
    }
}

/// <summary>Collects bytes from the host into whole commands; skips what is not one.</summary>
public sealed class EbcCommandReader
{
    private readonly List<byte> _held = [];

    /// <summary>Bytes that belonged to no valid command.</summary>
    public long Skipped { get; private set; }

    /// <summary>Takes bytes as they come; gives each complete payload (7 bytes) whose checksum holds.</summary>
    public IEnumerable<byte[]> Take(byte[] bytes)
    {
        _held.AddRange(bytes);
        var at = 0;
        while (_held.Count - at >= EbcWire.CommandLength)
        {
            var payload = PayloadAt(at);
            if (payload is null) { at++; Skipped++; continue; }
            at += EbcWire.CommandLength;
            yield return payload;
        }
        _held.RemoveRange(0, at);
    }

    private byte[]? PayloadAt(int at)
    {
        if (_held[at] != EbcWire.Start || _held[at + EbcWire.CommandLength - 1] != EbcWire.End) return null;
        var payload = _held.GetRange(at + 1, EbcWire.CommandLength - 3).ToArray();
        return EbcWire.Xor(payload) == _held[at + EbcWire.CommandLength - 2] ? payload : null;
    }
}
