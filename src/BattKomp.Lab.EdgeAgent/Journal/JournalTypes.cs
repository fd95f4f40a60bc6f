using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>Size and policy of a journal.</summary>
public sealed record JournalOptions
{
    /// <summary>Most bytes of un-acknowledged entries; no new run starts at 85 % of it, a safe stop follows at 95 %.</summary>
    public long MaxBytes { get; init; } = 1L << 30;

    /// <summary>Bytes after which the next segment begins.</summary>
    public long SegmentBytes { get; init; } = 8 << 20;

    /// <summary>Bytes kept free on the disk, and beyond the bound, for stops, alarms and outages when records no longer fit.</summary>
    public long ReserveBytes { get; init; } = 1 << 20;

    /// <summary>Entries waiting for the disk beyond which producers are asked to wait.</summary>
    public int MaxWaiting { get; init; } = 16384;

    /// <summary>Fraction at which no new run is started.</summary>
    public const double NoNewStarts = 0.85;

    /// <summary>Fraction at which running channels are stopped safely.</summary>
    public const double SafeStop = 0.95;
}

/// <summary>A place between two frames of the journal; ordered.</summary>
/// <param name="Segment">Number of the segment.</param>
/// <param name="Offset">Byte offset in it.</param>
public readonly record struct JournalPosition(long Segment, long Offset) : IComparable<JournalPosition>
{
    /// <inheritdoc/>
    public int CompareTo(JournalPosition other) => (Segment, Offset).CompareTo((other.Segment, other.Offset));
}

/// <summary>Something that had been durable and can no longer be read.</summary>
/// <param name="Segment">File that was set aside as *.bad, or the missing file's name.</param>
/// <param name="Detail">What was lost, in words: stream and sequences where known.</param>
public sealed record JournalLoss(string Segment, string Detail);

/// <summary>One committed entry as the uplink sends it.</summary>
/// <param name="Position">Where its frame begins.</param>
/// <param name="Next">Where the next frame begins.</param>
/// <param name="Payload">The encoded Entry.</param>
public sealed record JournalFrame(JournalPosition Position, JournalPosition Next, byte[] Payload);

/// <summary>Handle of one stream for appending. Its sequences are assigned by the journal, when an entry is written.</summary>
public sealed class JournalStream
{
    internal JournalStream(StreamKey key, long nextSeq)
    {
        Key = key;
        NextSeq = nextSeq;
    }

    /// <summary>The stream's identity.</summary>
    public StreamKey Key { get; }

    internal long NextSeq { get; set; }
}

/// <summary>A segment file and which sequences it holds.</summary>
internal sealed class Segment(long number)
{
    public long Number { get; } = number;

    public string Name => NameOf(Number);

    public long Length { get; set; }

    public Dictionary<string, (long First, long Last)> Ranges { get; } = [];

    public static string NameOf(long number) => $"journal-{number:D12}.seg";

    public static bool TryNumber(string name, out long number)
    {
        number = 0;
        return name.StartsWith("journal-", StringComparison.Ordinal) && name.EndsWith(".seg", StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(8, name.Length - 12), out number);
    }

    public void Note(in EntryPeek peek)
    {
        var id = JournalState.Id(peek.Key);
        var last = peek.FirstSeq + Math.Max(peek.Count, 1) - 1;
        Ranges[id] = Ranges.TryGetValue(id, out var r) ? (Math.Min(r.First, peek.FirstSeq), Math.Max(r.Last, last)) : (peek.FirstSeq, last);
    }
}
