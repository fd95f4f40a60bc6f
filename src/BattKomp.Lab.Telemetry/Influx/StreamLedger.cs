using System.Text;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>
/// One stream in memory, twice: what is committed (shown to readers, changed under the catalogue's lock), and the judge's view, which runs ahead of
/// it by the writes in flight and is set back when one of them fails.
/// </summary>
internal sealed class StreamLedger
{
    private const int RecentEntries = 1024;
    private readonly Dictionary<long, (long Last, ulong Hash)> _recent = [];
    private readonly Queue<long> _order = new();

    public StreamLedger(StreamKey key, string id, string run, StreamHeader header, ulong openedHash, string? quarantineReason, long openedOrder)
    {
        (Key, Id, Run, Header, OpenedHash, QuarantineReason, OpenedOrder) = (key, id, run, header, openedHash, quarantineReason, openedOrder);
        var channel = header.Channel.Length == 0 ? "" : $",channel={InfluxNames.TagValue(header.Channel)}";
        RecordPrefix = Encoding.UTF8.GetBytes($"{InfluxNames.Records}{channel},stream={id} _seq=");
    }

    public StreamKey Key { get; }

    /// <summary>Its short id: the tag.</summary>
    public string Id { get; }
    public string Run { get; }
    public StreamHeader Header { get; }
    public ulong OpenedHash { get; }
    public string? QuarantineReason { get; }

    /// <summary>Orders streams by their opening.</summary>
    public long OpenedOrder { get; }

    /// <summary>How every line of a record begins.</summary>
    public byte[] RecordPrefix { get; }

    public bool RowsDeleted { get; set; }

    // Committed.
    public SequenceSet Stored { get; set; } = new();
    public long Records { get; set; }
    public long? ClosedLastSeq { get; set; }
    public string CloseReason { get; set; } = "";
    public long LastRecordSeq { get; set; } = -1;
    public long LastUtcNs { get; set; }

    // The judge's view.
    public SequenceSet Seen { get; private set; } = new();
    public long SeenUtcNs { get; set; } = long.MinValue;
    public long? SeenClosed { get; set; }

    /// <summary>Ledger rows since the last merge (approximate).</summary>
    public int LedgerRows { get; set; }

    /// <summary>
    /// Rows that a crash or a failed write left without a ledger row have stamps up to this; null = not looked for yet. An entry that reaches into
    /// them is compared with them before it is written again.
    /// </summary>
    public long? OrphansUntilUtcNs { get; set; }

    /// <summary>Sets the judge's view back to what is committed.</summary>
    public void Reset()
    {
        Seen = new SequenceSet(Stored.Ranges);
        SeenUtcNs = LastRecordSeq < 0 ? long.MinValue : LastUtcNs;
        SeenClosed = ClosedLastSeq;
        OrphansUntilUtcNs = null;
        _recent.Clear();
        _order.Clear();
    }

    /// <summary>Adds a committed ledger row; overlapping rows (the same records cut otherwise) count once.</summary>
    public void Commit(LedgerRow row)
    {
        var missing = Stored.Missing(row.Range);
        if (missing.Count == 0) return;
        Records += missing.Count == 1 && missing[0] == row.Range ? row.Records : row.Kind == InfluxNames.KindEvent ? 0 : missing.Sum(m => m.Count);
        Stored.Add(row.Range);
        LedgerRows++;
        if (row.Records > 0 && row.Range.Last > LastRecordSeq) (LastRecordSeq, LastUtcNs) = (row.Range.Last, row.LastUtcNs);
    }

    /// <summary>Begins the committed state anew with these rows.</summary>
    public void Replace(List<LedgerRow> rows)
    {
        (Stored, Records, LastRecordSeq, LastUtcNs, LedgerRows) = (new SequenceSet(), 0, -1, 0, 0);
        foreach (var row in rows) Commit(row);
    }

    /// <summary>The judge has accepted the range.</summary>
    public void See(SequenceRange range, ulong hash)
    {
        Seen.Add(range);
        if (_recent.TryAdd(range.First, (range.Last, hash))) _order.Enqueue(range.First);
        if (_order.Count > RecentEntries) _recent.Remove(_order.Dequeue());
    }

    /// <summary>The hash of the entry that covered exactly this range, when it is remembered.</summary>
    public ulong? HashOf(SequenceRange range) => _recent.TryGetValue(range.First, out var entry) && entry.Last == range.Last ? entry.Hash : null;

    public StreamState ToState() => new(Key, Run, Header, ClosedLastSeq, CloseReason, QuarantineReason, [.. Stored.Ranges], Records, LastUtcNs);
}

/// <summary>One row of the ledger.</summary>
/// <param name="Range">Sequences it covers; the first is its key within the stream.</param>
/// <param name="Kind">See <see cref="InfluxNames"/>.</param>
/// <param name="Hash">Of the entry's content; chained when merged.</param>
/// <param name="Records">Data records among them.</param>
/// <param name="FirstUtcNs">Stamp of the first record, 0 without one.</param>
/// <param name="LastUtcNs">Stamp of the last record, 0 without one.</param>
internal readonly record struct LedgerRow(SequenceRange Range, long Kind, ulong Hash, long Records, long FirstUtcNs, long LastUtcNs)
{
    public static LedgerRow Of(InfluxTable.Row row) =>
        new(new SequenceRange(row.Time, row.Long("last")), row.Long("kind"), unchecked((ulong)row.Long("hash")), row.Long("records"), row.Long("first_utc_ns"), row.Long("last_utc_ns"));
}
