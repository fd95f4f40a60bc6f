using System.Buffers;
using BattKomp.Lab.EdgeAgent.Instruments.Frames;

namespace BattKomp.Lab.EdgeAgent.Instruments.VellemanK8090;

/// <summary>What a packet orders, asks or tells.</summary>
public enum K8090Code : byte
{
    /// <summary>Relays on.</summary>
    SwitchOn = 0x11,

    /// <summary>Relays off.</summary>
    SwitchOff = 0x12,

    /// <summary>Relays the other way.</summary>
    Toggle = 0x14,

    /// <summary>Asks for the relays; answered by <see cref="RelayStatus"/>.</summary>
    QueryRelays = 0x18,

    /// <summary>Sets the buttons' modes.</summary>
    SetButtonMode = 0x21,

    /// <summary>Asks for, and tells, the buttons' modes.</summary>
    ButtonMode = 0x22,

    /// <summary>Relays on for a time.</summary>
    StartTimer = 0x41,

    /// <summary>Sets the timers' default.</summary>
    SetTimer = 0x42,

    /// <summary>Asks for, and tells, a timer's delay.</summary>
    TimerDelay = 0x44,

    /// <summary>Tells of buttons pressed and let go.</summary>
    ButtonStatus = 0x50,

    /// <summary>Tells of the relays: before, now, timed.</summary>
    RelayStatus = 0x51,

    /// <summary>Back to factory settings.</summary>
    FactoryReset = 0x66,

    /// <summary>Asks for, and tells, the jumper.</summary>
    Jumper = 0x70,

    /// <summary>Asks for, and tells, the firmware's year and week.</summary>
    Firmware = 0x71,
}

/// <summary>One packet; relays and buttons are masks, bit 0 = channel 1.</summary>
/// <param name="Code">What it is about.</param>
/// <param name="Mask">First byte.</param>
/// <param name="First">Second byte.</param>
/// <param name="Second">Third byte.</param>
public readonly record struct K8090Packet(K8090Code Code, byte Mask, byte First, byte Second)
{
    /// <summary>Second and third byte as one number.</summary>
    public int Number => (First << 8) | Second;
}

/// <summary>Packets of the Velleman K8090: <c>04 code mask p1 p2 sum 0F</c>, sum = two's complement of the first five. Pure; never throws.</summary>
public static class K8090Codec
{
    /// <summary>Bytes of every packet.</summary>
    public const int Length = 7;

    private const byte Start = 0x04;
    private const byte End = 0x0F;

    /// <summary>The bytes of a packet.</summary>
    public static byte[] Encode(K8090Code code, byte mask = 0, byte first = 0, byte second = 0)
    {
        byte[] packet = [Start, (byte)code, mask, first, second, 0, End];
        packet[5] = Checksum(packet);
        return packet;
    }

    /// <summary>Two's complement of the sum of the first five bytes.</summary>
    public static byte Checksum(ReadOnlySpan<byte> packet) => (byte)-(packet[0] + packet[1] + packet[2] + packet[3] + packet[4]);

    /// <summary>True when the shape of a packet is right; the sum is not looked at.</summary>
    public static bool IsPacket(ReadOnlySpan<byte> packet) => packet.Length == Length && packet[0] == Start && packet[^1] == End;

    /// <summary>The content of a packet of right shape.</summary>
    public static K8090Packet Content(ReadOnlySpan<byte> packet) => new((K8090Code)packet[1], packet[2], packet[3], packet[4]);

    /// <summary>Takes the next sound packet; false when more must arrive.</summary>
    public static bool TryTake(ref ReadOnlySequence<byte> input, out K8090Packet packet) =>
        FrameScanner.TryTake(ref input, head => head[0] == Start ? Length : FrameScanner.NoFrame, (ReadOnlySpan<byte> frame, out K8090Packet found) =>
        {
            found = Content(frame);
            return IsPacket(frame) && frame[5] == Checksum(frame);
        }, out packet, out _);

    /// <summary>Takes the next packet with a code, dropping others (a button may be pressed at any time).</summary>
    public static bool TryTake(ref ReadOnlySequence<byte> input, K8090Code code, out K8090Packet packet)
    {
        while (TryTake(ref input, out packet))
            if (packet.Code == code)
                return true;
        return false;
    }
}
