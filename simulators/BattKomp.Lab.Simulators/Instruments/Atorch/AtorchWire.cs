namespace BattKomp.Lab.Simulators.Instruments.Atorch;

/// <summary>
/// The device's side of the two protocols of an Atorch DL24: <c>FF 55 type …</c> frames and PX-100 commands <c>B1 B2 cmd d1 d2 B6</c>.
/// Written apart from the agent's codec, so that the two check each other.
/// </summary>
public static class AtorchWire
{
    /// <summary>Kind of frame: a report.</summary>
    public const byte Report = 0x01;

    /// <summary>Kind of frame: an answer.</summary>
    public const byte Reply = 0x02;

    /// <summary>Kind of frame: a command.</summary>
    public const byte Command = 0x11;

    /// <summary>A frame: type and body sealed by the sum of all but the two first, XOR 44.</summary>
    public static byte[] Frame(byte type, params ReadOnlySpan<byte> body)
    {
        byte[] frame = [0xFF, 0x55, type, .. body, 0];
        frame[^1] = Checksum(frame.AsSpan(2, frame.Length - 3));
        return frame;
    }

    /// <summary>The checksum.</summary>
    public static byte Checksum(ReadOnlySpan<byte> bytes)
    {
        var sum = 0;
        foreach (var b in bytes) sum += b;
        return (byte)((sum & 0xFF) ^ 0x44);
    }

    /// <summary>A PX-100 answer of three bytes.</summary>
    public static byte[] Answer(int value) => [0xCA, 0xCB, (byte)(value >> 16), (byte)(value >> 8), (byte)value, 0xCE, 0xCF];

    /// <summary>A PX-100 command, for tests and tools that play the host.</summary>
    public static byte[] Px100(byte command, byte first = 0, byte second = 0) => [0xB1, 0xB2, command, first, second, 0xB6];
}
