using System.Runtime.CompilerServices;
using Apache.Arrow;
using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>The embedded telemetry store: one DuckDB file, one owner process, rows and ledger in one transaction.</summary>
public sealed class DuckDbTelemetryStore : ITelemetryStore
{
    private readonly ConnectionGate _gate;
    private readonly GroupWriter _writer;

    /// <summary>Opens (or creates) the file. Throws when another process has it open or it is not a DuckDB file.</summary>
    public DuckDbTelemetryStore(DuckDbOptions options, TimeProvider time)
    {
        _gate = new ConnectionGate(options);
        _writer = new GroupWriter(options, _gate, time);
    }

    /// <inheritdoc/>
    public bool Available => _gate.Open;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<AppendOutcome>> AppendAsync(IReadOnlyList<StreamEntry> entries, CancellationToken cancellation)
    {
        if (entries.Count == 0) return [];
        var records = entries.Sum(e => e.Body is RecordsBody body ? body.Block.Count : 0);
        var outcomes = new AppendOutcome[entries.Count];
        await _writer.RunAsync(session =>
        {
            for (var k = 0; k < outcomes.Length; k++) outcomes[k] = session.Apply(entries[k]);
        }, records, cancellation);
        return outcomes;
    }

    /// <inheritdoc/>
    public async Task<bool> NoteBootAsync(string agent, string boot, CancellationToken cancellation)
    {
        var newest = false;
        await _writer.RunAsync(session => newest = NoteBoot(session.Connection, agent, boot), 0, cancellation);
        return newest;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<RecordBatch> ReadAsync(RecordQuery query, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var reader = new RecordReader(query);
        while (await _gate.ReadAsync(reader.NextPage, cancellation) is { } batch) yield return batch;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<LatestRecord>> GetLatestAsync(string run, CancellationToken cancellation) =>
        _gate.ReadAsync<IReadOnlyList<LatestRecord>>(c => RunQueries.Latest(c, run), cancellation);

    /// <inheritdoc/>
    public Task<IReadOnlyList<StreamState>> GetStreamsAsync(string run, CancellationToken cancellation) =>
        _gate.ReadAsync<IReadOnlyList<StreamState>>(c => StreamRows.States(c, "r.run = $1", run), cancellation);

    /// <inheritdoc/>
    public Task<IReadOnlyList<StreamState>> GetUnfinishedStreamsAsync(string agent, CancellationToken cancellation) =>
        _gate.ReadAsync<IReadOnlyList<StreamState>>(c => StreamRows.States(c, """
            s.agent = $1 AND s.quarantine IS NULL AND (s.closed_last_seq IS NULL
                OR s.closed_last_seq + 1 <> (SELECT coalesce(sum(l.last_seq - l.first_seq + 1), 0) FROM ledger l WHERE l.stream = s.id))
            """, agent), cancellation);

    /// <inheritdoc/>
    public Task<StreamState?> FindStreamAsync(StreamKey key, CancellationToken cancellation) =>
        _gate.ReadAsync(c => StreamRows.States(c, "s.agent = $1 AND s.boot = $2 AND s.stream = $3", key.Agent, key.Boot, key.Stream).FirstOrDefault(), cancellation);

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoredEvent>> GetEventsAsync(string run, CancellationToken cancellation) =>
        _gate.ReadAsync<IReadOnlyList<StoredEvent>>(c => RunQueries.Events(c, run), cancellation);

    /// <inheritdoc/>
    public async Task<RunCounts> CountAsync(string run, CancellationToken cancellation)
    {
        var streams = await _gate.ReadAsync(c => RunQueries.StreamIds(c, run), cancellation);
        var total = new RunCounts(0, 0, 0, await _gate.ReadAsync(c => RunQueries.CountQuarantine(c, run), cancellation));
        // One stream a transaction: a distinct count over a long run must not hold back the checkpoint.
        foreach (var stream in streams)
        {
            var (records, events, duplicates) = await _gate.ReadAsync(c => RunQueries.CountStream(c, run, stream), cancellation);
            total = total with { Records = total.Records + records, Events = total.Events + events, Duplicates = total.Duplicates + duplicates };
        }

        return total;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<QuarantinedEntry>> GetQuarantineAsync(string run, int limit, CancellationToken cancellation) =>
        _gate.ReadAsync<IReadOnlyList<QuarantinedEntry>>(c => RunQueries.Quarantine(c, run, limit), cancellation);

    /// <inheritdoc/>
    public Task<ExportedSegment?> ExportSegmentAsync(string run, IReadOnlyList<StreamRange> ranges, string path, CancellationToken cancellation) =>
        _gate.ReadAsync(c => SegmentExport.Write(c, run, ranges, path), cancellation);

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<StreamKey, string>> GetLedgerHashesAsync(string run, CancellationToken cancellation) =>
        (await _gate.ReadAsync(c => RunQueries.LedgerHashes(c, run), cancellation)).ToDictionary(h => h.Key, h => h.Sha256);

    /// <inheritdoc/>
    public async Task MergeLedgerAsync(string run, CancellationToken cancellation)
    {
        var streams = await _gate.ReadAsync(c => RunQueries.StreamIds(c, run), cancellation);
        foreach (var stream in streams)
            await _writer.RunAsync(session => session.MergeStream(stream, long.MaxValue), 0, cancellation);
    }

    /// <inheritdoc/>
    public Task DeleteRunAsync(string run, CancellationToken cancellation) =>
        _writer.RunAsync(session =>
        {
            var id = StreamRows.RunId(session.Connection, run);
            if (id < 0) return;
            foreach (var table in StreamRows.TablesOf(session.Connection, id)) session.Connection.Execute($"DELETE FROM {table.Name} WHERE _run = {id}");
            session.Connection.Execute($"DELETE FROM events WHERE _run = {id}");
            session.Connection.Execute($"UPDATE streams SET rows_deleted = true WHERE run = {id}");
            session.Forget();
        }, 0, cancellation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        _gate.Close();
    }

    private static bool NoteBoot(DuckDBConnection connection, string agent, string boot)
    {
        var newest = connection.Scalar<long>("SELECT coalesce(max(ordinal), -1)::BIGINT FROM boots WHERE agent = $1", agent);
        var known = connection.Query(r => r.GetInt64(0), "SELECT ordinal FROM boots WHERE agent = $1 AND boot = $2", agent, boot);
        if (known.Count > 0) return known[0] == newest;
        connection.Execute("INSERT INTO boots VALUES ($1, $2, $3)", agent, boot, newest + 1);
        return true;
    }
}
