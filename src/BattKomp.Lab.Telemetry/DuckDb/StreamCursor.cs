namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>The writer's working memory of one stream, loaded on first use and dropped when a commit fails.</summary>
internal sealed class StreamCursor(int id, int run, string runName, ulong openedHash)
{
    private const int RecentEntries = 1024;
    private readonly Dictionary<long, (long Last, ulong Hash)> _recent = [];
    private readonly Queue<long> _order = new();

    public int Id { get; } = id;

    /// <summary>Short id of the run, -1 for a quarantined stream.</summary>
    public int Run { get; } = run;
    public string RunName { get; } = runName;
    public ulong OpenedHash { get; } = openedHash;
    public SequenceSet Stored { get; init; } = new();
    public string? QuarantineReason { get; init; }
    public bool RowsDeleted { get; set; }
    public long? ClosedLastSeq { get; set; }

    /// <summary>Stamp of the record with the highest sequence so far.</summary>
    public long LastUtcNs { get; set; } = long.MinValue;

    /// <summary>Ledger rows since the last merge (approximate).</summary>
    public int LedgerRows { get; set; }

    public void Remember(SequenceRange range, ulong hash)
    {
        Stored.Add(range);
        LedgerRows++;
        if (_recent.TryAdd(range.First, (range.Last, hash))) _order.Enqueue(range.First);
        if (_order.Count > RecentEntries) _recent.Remove(_order.Dequeue());
    }

    /// <summary>The hash of the entry that covered exactly this range, when it is remembered.</summary>
    public ulong? HashOf(SequenceRange range) =>
        _recent.TryGetValue(range.First, out var entry) && entry.Last == range.Last ? entry.Hash : null;
}
