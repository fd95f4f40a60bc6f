using System.Buffers;
using System.Buffers.Binary;
using BattKomp.Lab.EdgeAgent.Instruments.Frames;

namespace BattKomp.Lab.EdgeAgent.Instruments.JbdUart;

/// <summary>One reply.</summary>
/// <param name="Register">What was asked.</param>
/// <param name="Status">0 = done, 80 = error.</param>
/// <param name="Data">Its content.</param>
public sealed record JbdReply(byte Register, byte Status, byte[] Data)
{
    /// <summary>Status of a reply that says that it was done.</summary>
    public const byte Ok = 0x00;
}

/// <summary>Frames of the JBD UART protocol, pure (see README.md). Nothing here throws on any received input.</summary>
public static class JbdCodec
{
    /// <summary>First byte of every frame.</summary>
    public const byte Start = 0xDD;

    /// <summary>Last byte of every frame.</summary>
    public const byte End = 0x77;

    /// <summary>Second byte of a read.</summary>
    public const byte ReadMark = 0xA5;

    /// <summary>Second byte of a write.</summary>
    public const byte WriteMark = 0x5A;

    /// <summary>Bytes of a frame without data.</summary>
    public const int Overhead = 7;

    /// <summary>A question for a register.</summary>
    public static byte[] Read(byte register) => Frame([ReadMark, register, 0]);

    /// <summary>An order.</summary>
    public static byte[] Write(byte register, ReadOnlySpan<byte> data) => Frame([WriteMark, register, (byte)data.Length, .. data]);

    /// <summary>10000h less the sum of register, length and data of a question or order; of status, length and data of a reply.</summary>
    public static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        var sum = 0;
        foreach (var b in bytes)
            sum += b;
        return (ushort)(0x10000 - sum);
    }

    /// <summary>Length of the frame that would begin here; the length byte stands in the same place in all of them.</summary>
    public static int Length(ReadOnlySpan<byte> head) =>
        head[0] != Start ? FrameScanner.NoFrame : head.Length < 4 ? FrameScanner.TooShort : Overhead + head[3];

    /// <summary>True when borders and sum of a whole frame are right.</summary>
    public static bool Sound(ReadOnlySpan<byte> frame) => frame[^1] == End && SumValid(frame);

    /// <summary>True when the sum is right.</summary>
    public static bool SumValid(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt16BigEndian(frame[^3..]) == Checksum(frame[2..^3]);

    /// <summary>Takes the reply of one register, skipping all else; false when more must arrive.</summary>
    public static bool TryTakeReply(ref ReadOnlySequence<byte> input, byte register, out JbdReply reply)
    {
        // Only a start with the register asked for may make us wait for its bytes.
        int OfRegister(ReadOnlySpan<byte> head) => head is [Start, var asked, ..] && asked != register ? FrameScanner.NoFrame : Length(head);
        bool Decode(ReadOnlySpan<byte> frame, out JbdReply found)
        {
            found = new JbdReply(frame[1], frame[2], frame[4..^3].ToArray());
            return Sound(frame);
        }
        return FrameScanner.TryTake(ref input, OfRegister, Decode, out reply, out _);
    }

    private static byte[] Frame(byte[] content)
    {
        var sum = Checksum(content.AsSpan(1));
        return [Start, .. content, (byte)(sum >> 8), (byte)sum, End];
    }
}
