using System.Text.Json;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>
/// The position before which everything is acknowledged, as JSON with a sum: a damaged cursor could point beyond entries that were never sent. Without a sound
/// one everything that is retained is sent again, which the server's ledger recognises.
/// </summary>
internal static class AckCursorFile
{
    private const string Name = "ack-cursor.json";

    private sealed record Stored(long Segment, long Offset, uint Sum);

    /// <summary>Replaces the file.</summary>
    /// <exception cref="IOException">The disk does not take it.</exception>
    public static void Write(IJournalDisk disk, JournalPosition cursor) =>
        disk.WriteAtomically(Name, JsonSerializer.SerializeToUtf8Bytes(new Stored(cursor.Segment, cursor.Offset, SumOf(cursor.Segment, cursor.Offset))));

    /// <summary>The cursor; null when there is none or it is damaged.</summary>
    public static JournalPosition? Read(IJournalDisk disk)
    {
        try
        {
            return disk.ReadAll(Name) is { Length: > 0 } bytes && JsonSerializer.Deserialize<Stored>(bytes) is { Offset: >= 0 } stored && stored.Sum == SumOf(stored.Segment, stored.Offset)
                ? new JournalPosition(stored.Segment, stored.Offset)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static uint SumOf(long segment, long offset)
    {
        Span<byte> bytes = stackalloc byte[2 * sizeof(long)];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(bytes, segment);
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(bytes[sizeof(long)..], offset);
        return SegmentFormat.Crc(bytes);
    }
}
