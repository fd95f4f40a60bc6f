using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>What a frame of a segment carries; kept in the two highest bits of its length word.</summary>
public enum FrameKind : uint
{
    /// <summary>The encoded protobuf Entry, byte for byte what the uplink sends.</summary>
    Entry = 0,

    /// <summary>JSON of the streams and runs known when the segment began; always the first frame.</summary>
    Snapshot = 1,

    /// <summary>u64: everything in this segment before that offset had reached stable storage when the frame was written.</summary>
    Mark = 2,
}

/// <summary>Where a frame lies in a segment; <see cref="PayloadOffset"/> and lengths in bytes.</summary>
public readonly record struct FrameSpan(FrameKind Kind, int Offset, int PayloadOffset, int PayloadLength)
{
    /// <summary>Offset of the byte after the frame.</summary>
    public int End => PayloadOffset + PayloadLength;
}

/// <summary>
/// Segment file: magic (8 bytes) and version (u32 LE), then frames: length (u32 LE, kind in the top two bits), CRC32C of the payload (u32 LE; for marks and snapshots xor a constant of the kind), payload.
/// </summary>
public static class SegmentFormat
{
    /// <summary>Version written and read.</summary>
    public const uint Version = 1;

    /// <summary>Bytes of magic and version.</summary>
    public const int HeaderLength = 12;

    /// <summary>Bytes before a payload.</summary>
    public const int FrameOverhead = 8;

    /// <summary>Longest payload; a longer length word is damage.</summary>
    public const int MaxPayload = 8 << 20;

    private const int KindShift = 30;
    private const uint LengthMask = 0x3FFF_FFFF;

    private static ReadOnlySpan<byte> Magic => "BKLJRNL\n"u8;

    /// <summary>CRC32C (Castagnoli) in the usual inverted form.</summary>
    public static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
            crc = BitOperations.Crc32C(crc, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));
        foreach (var b in bytes[(words.Length * sizeof(ulong))..])
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }

    /// <summary>Appends magic and version.</summary>
    public static void WriteHeader(IBufferWriter<byte> to)
    {
        var span = to.GetSpan(HeaderLength);
        Magic.CopyTo(span);
        BinaryPrimitives.WriteUInt32LittleEndian(span[8..], Version);
        to.Advance(HeaderLength);
    }

    /// <summary>True when the bytes begin with the magic and a version that this program reads.</summary>
    public static bool HasHeader(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= HeaderLength && bytes.StartsWith(Magic) && BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) == Version;

    /// <summary>Appends one frame.</summary>
    public static void WriteFrame(IBufferWriter<byte> to, FrameKind kind, ReadOnlySpan<byte> payload)
    {
        var span = to.GetSpan(FrameOverhead + payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(span, ((uint)kind << KindShift) | (uint)payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(span[4..], Sum(kind, payload));
        payload.CopyTo(span[FrameOverhead..]);
        to.Advance(FrameOverhead + payload.Length);
    }

    /// <summary>Appends a mark that everything before <paramref name="durable"/> is on stable storage.</summary>
    public static void WriteMark(IBufferWriter<byte> to, long durable)
    {
        Span<byte> payload = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(payload, durable);
        WriteFrame(to, FrameKind.Mark, payload);
    }

    /// <summary>The value of a mark's payload.</summary>
    public static long ReadMark(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadInt64LittleEndian(payload);

    /// <summary>Reads the frame at an offset; false when there is none whole and sound.</summary>
    public static bool TryReadFrame(ReadOnlySpan<byte> bytes, int offset, out FrameSpan frame)
    {
        frame = default;
        if (bytes.Length - offset < FrameOverhead)
            return false;
        var word = BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
        var length = (int)(word & LengthMask);
        var kind = (FrameKind)(word >> KindShift);
        if (length == 0 || length > MaxPayload || length > bytes.Length - offset - FrameOverhead || kind > FrameKind.Mark)
            return false;
        if (kind == FrameKind.Mark && length != sizeof(long))
            return false;
        var payload = bytes.Slice(offset + FrameOverhead, length);
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[(offset + 4)..]) != Sum(kind, payload))
            return false;
        frame = new FrameSpan(kind, offset, offset + FrameOverhead, length);
        return true;
    }

    // The kind shares the length word, which the sum does not cover: a mark whose kind bits were lost must not pass for an entry.
    private static uint Sum(FrameKind kind, ReadOnlySpan<byte> payload) => Crc(payload) ^ ((uint)kind * 0x5A5A_5A5A);

    /// <summary>Bytes that the frame at the start claims, overhead included; 0 when fewer than the overhead are there or the word is damage.</summary>
    public static int ClaimedLength(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FrameOverhead)
            return 0;
        var length = (int)(BinaryPrimitives.ReadUInt32LittleEndian(bytes) & LengthMask);
        return length is 0 or > MaxPayload ? 0 : FrameOverhead + length;
    }
}
