using Apache.Arrow;

namespace BattKomp.Lab.Telemetry;

/// <summary>
/// Where records live while they are hot, together with the ledger that says which of them are stored. A call that
/// returns has committed; all calls may run concurrently.
/// </summary>
public interface ITelemetryStore : IAsyncDisposable
{
    /// <summary>False while the store cannot take writes (disk full, reopening).</summary>
    bool Available { get; }

    /// <summary>
    /// Takes entries in order and commits rows and ledger together (commit = ack). Exactly-once by (stream, sequence): what is
    /// stored already with equal content is a duplicate and adds nothing; other content under the same key is quarantined.
    /// Entries of one stream must not be in two unfinished calls at once, or their order is undefined.
    /// </summary>
    /// <exception cref="StoreUnavailableException">Nothing was acknowledged; send the same entries again later.</exception>
    Task<IReadOnlyList<AppendOutcome>> AppendAsync(IReadOnlyList<StreamEntry> entries, CancellationToken cancellation);

    /// <summary>
    /// Notes that an agent's boot has said hello. False when a newer boot of the same agent has said hello before: this one is
    /// a copy or a leftover.
    /// </summary>
    /// <exception cref="StoreUnavailableException">Nothing was noted.</exception>
    Task<bool> NoteBootAsync(string agent, string boot, CancellationToken cancellation);

    /// <summary>
    /// Records by stamp, then stream, then sequence. Columns: <c>_stream</c> (agent/boot/stream), <c>_seq</c>, <c>_utc_ns</c>,
    /// <c>_monotonic_ns</c>, <c>_quality</c>, then the signals (double with NaN for no value, or utf-8 with null).
    /// Each batch is a short transaction of its own.
    /// </summary>
    IAsyncEnumerable<RecordBatch> ReadAsync(RecordQuery query, CancellationToken cancellation);

    /// <summary>The newest record of each of the run's streams that has one.</summary>
    Task<IReadOnlyList<LatestRecord>> GetLatestAsync(string run, CancellationToken cancellation);

    /// <summary>Every stream of a run, in the order they were opened.</summary>
    Task<IReadOnlyList<StreamState>> GetStreamsAsync(string run, CancellationToken cancellation);

    /// <summary>Every stream of an agent whose ledger has a hole or that nobody has closed.</summary>
    Task<IReadOnlyList<StreamState>> GetUnfinishedStreamsAsync(string agent, CancellationToken cancellation);

    /// <summary>One stream, or null when its opening never arrived.</summary>
    Task<StreamState?> FindStreamAsync(StreamKey key, CancellationToken cancellation);

    /// <summary>The run's events by stamp.</summary>
    Task<IReadOnlyList<StoredEvent>> GetEventsAsync(string run, CancellationToken cancellation);

    /// <summary>Counts measured over the rows themselves.</summary>
    Task<RunCounts> CountAsync(string run, CancellationToken cancellation);

    /// <summary>Entries kept aside for a run's streams, or all of them with an empty run; at most <paramref name="limit"/>.</summary>
    Task<IReadOnlyList<QuarantinedEntry>> GetQuarantineAsync(string run, int limit, CancellationToken cancellation);

    /// <summary>
    /// Writes the records of the given ranges as Parquet (zstd), ordered by stamp: to a temporary name beside
    /// <paramref name="path"/>, synced, hashed and renamed. Null when the ranges hold no record; then there is no file.
    /// </summary>
    Task<ExportedSegment?> ExportSegmentAsync(string run, IReadOnlyList<StreamRange> ranges, string path, CancellationToken cancellation);

    /// <summary>
    /// For each stream of the run with a ledger: lower-case hex SHA-256 over "first-last:hash" of its ledger rows in order, joined by commas.
    /// </summary>
    Task<IReadOnlyDictionary<StreamKey, string>> GetLedgerHashesAsync(string run, CancellationToken cancellation);

    /// <summary>Merges the run's contiguous ledger ranges (their hashes are chained); done when a run is sealed.</summary>
    Task MergeLedgerAsync(string run, CancellationToken cancellation);

    /// <summary>Deletes the run's rows. Its streams and ledger stay, so that a late repeat is still known as a duplicate.</summary>
    Task DeleteRunAsync(string run, CancellationToken cancellation);
}
