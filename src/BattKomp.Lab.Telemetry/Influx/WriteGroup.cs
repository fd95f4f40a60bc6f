namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>One caller's entries, or something that must run alone, on its way through the store.</summary>
internal sealed class Work
{
    public IReadOnlyList<StreamEntry> Entries { get; init; } = [];

    public AppendOutcome[] Outcomes { get; init; } = [];

    /// <summary>Runs when nothing is in flight; null for entries.</summary>
    public Func<InfluxCatalogue, Task>? Alone { get; init; }

    public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>Consecutive records of one entry that are to be written.</summary>
internal sealed class RecordPiece(StreamLedger stream, Work work, int index, RecordBlock block, int start, int count, LedgerRow row)
{
    public StreamLedger Stream => stream;
    public Work Work => work;

    /// <summary>Which entry of the work.</summary>
    public int Index => index;
    public RecordBlock Block => block;
    public int Start => start;
    public int Count => count;
    public LedgerRow Row => row;
    public StreamEntry Entry => work.Entries[index];

    /// <summary>Sequences that InfluxDB refused, with its reason.</summary>
    public SortedDictionary<long, string> Refused { get; } = [];

    public long SeqOf(int k) => row.Range.First + k - start;
}

/// <summary>What is written together: records first, then the store's own rows, then the ledger; only then the answers.</summary>
internal sealed class WriteGroup : IDisposable
{
    public List<RecordPiece> Pieces { get; } = [];

    /// <summary>Rows of streams, events, signals and quarantine.</summary>
    public LineBuffer Own { get; } = new();

    /// <summary>Ledger rows of entries other than records.</summary>
    public List<(StreamLedger Stream, LedgerRow Row)> Ledger { get; } = [];

    /// <summary>Changes of the committed state, made under the catalogue's lock when all is written.</summary>
    public List<Action> Commits { get; } = [];

    /// <summary>Calls to be answered.</summary>
    public List<Work> Works { get; } = [];

    public int Records { get; set; }

    public void Dispose() => Own.Dispose();
}
