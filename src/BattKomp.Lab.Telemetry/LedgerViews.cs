namespace BattKomp.Lab.Telemetry;

/// <summary>One stream as the store knows it.</summary>
/// <param name="Key">Its identity.</param>
/// <param name="Run">runs/… it belongs to; empty when the whole stream is in quarantine.</param>
/// <param name="Header">What its opening said.</param>
/// <param name="ClosedLastSeq">Last sequence by its close; null while nobody has closed it (its end is unknown); -1 = closed empty.</param>
/// <param name="CloseReason">Why it closed.</param>
/// <param name="QuarantineReason">Not null when the stream is kept aside.</param>
/// <param name="Stored">Ledger ranges, ascending, merged where contiguous.</param>
/// <param name="Records">Data records among the stored entries; the rest are the opening and events.</param>
/// <param name="LastUtcNs">Stamp of the last record by sequence, 0 when there is none.</param>
public sealed record StreamState(
    StreamKey Key,
    string Run,
    StreamHeader Header,
    long? ClosedLastSeq,
    string CloseReason,
    string? QuarantineReason,
    IReadOnlyList<SequenceRange> Stored,
    long Records,
    long LastUtcNs)
{
    /// <summary>How many sequences are committed.</summary>
    public long StoredCount => Stored.Sum(r => r.Count);

    /// <summary>Highest committed sequence, -1 when none.</summary>
    public long MaxSeq => Stored.Count == 0 ? -1 : Stored[^1].Last;

    /// <summary>Entries 0…last as the close says; -1 = never closed, the end is unknown.</summary>
    public long Expected => ClosedLastSeq is { } last ? last + 1 : -1;

    /// <summary>What is missing between 0 and the known end (the close, else the highest stored sequence).</summary>
    public IReadOnlyList<SequenceRange> Gaps
    {
        get
        {
            var gaps = new List<SequenceRange>();
            long next = 0;
            foreach (var range in Stored)
            {
                if (range.First > next) gaps.Add(new SequenceRange(next, range.First - 1));
                next = range.Last + 1;
            }

            if (ClosedLastSeq is { } last && last >= next) gaps.Add(new SequenceRange(next, last));
            return gaps;
        }
    }
}

/// <summary>Counts of a run measured by SQL over the rows themselves, not taken from the ledger.</summary>
/// <param name="Records">Rows of records.</param>
/// <param name="Events">Rows of events (openings not among them).</param>
/// <param name="Duplicates">Rows that share (stream, sequence) with another row: 0 unless the store is broken.</param>
/// <param name="Quarantined">Entries kept aside.</param>
public sealed record RunCounts(long Records, long Events, long Duplicates, long Quarantined);

/// <summary>One stored event.</summary>
public sealed record StoredEvent(StreamKey Key, long Seq, EventBody Event);

/// <summary>One entry kept aside.</summary>
/// <param name="Key">Stream it claimed.</param>
/// <param name="FirstSeq">Sequence it claimed.</param>
/// <param name="Reason">Why.</param>
/// <param name="Bytes">The entry as sent.</param>
public sealed record QuarantinedEntry(StreamKey Key, long FirstSeq, string Reason, byte[] Bytes);

/// <summary>The newest record of a stream.</summary>
/// <param name="Key">The stream.</param>
/// <param name="Seq">Its sequence.</param>
/// <param name="UtcNs">Its stamp.</param>
/// <param name="Values">Numeric signals by BDF name.</param>
public sealed record LatestRecord(StreamKey Key, long Seq, long UtcNs, IReadOnlyDictionary<string, double> Values);

/// <summary>Which records to read.</summary>
/// <param name="Run">runs/…</param>
public sealed record RecordQuery(string Run)
{
    /// <summary>First stamp, inclusive, ns UTC.</summary>
    public long FromUtcNs { get; init; } = long.MinValue;

    /// <summary>Last stamp, exclusive, ns UTC.</summary>
    public long ToUtcNs { get; init; } = long.MaxValue;

    /// <summary>Signals wanted; null = every signal of the run.</summary>
    public IReadOnlyList<string>? Signals { get; init; }

    /// <summary>Rows of one record batch, at most <see cref="MaxBatchRows"/>.</summary>
    public int BatchRows { get; init; } = MaxBatchRows;

    /// <summary>A larger batch would not pass a default gRPC client (4 MB).</summary>
    public const int MaxBatchRows = 32_768;
}

/// <summary>Sequences of one stream.</summary>
public readonly record struct StreamRange(StreamKey Key, SequenceRange Range);

/// <summary>A Parquet file that is complete under its final name.</summary>
/// <param name="Path">Full path.</param>
/// <param name="Records">Rows.</param>
/// <param name="Bytes">Length.</param>
/// <param name="Sha256">Lower-case hex.</param>
/// <param name="FirstUtcNs">Stamp of the first record.</param>
/// <param name="LastUtcNs">Stamp of the last record.</param>
public sealed record ExportedSegment(string Path, long Records, long Bytes, string Sha256, long FirstUtcNs, long LastUtcNs);
