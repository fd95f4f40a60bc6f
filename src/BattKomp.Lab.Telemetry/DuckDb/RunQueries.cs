using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>Questions about a run, answered by SQL over its rows.</summary>
internal static class RunQueries
{
    public static List<int> StreamIds(DuckDBConnection connection, string run) =>
        connection.Query(r => r.GetInt32(0), "SELECT s.id FROM streams s JOIN runs r ON r.id = s.run WHERE r.run = $1 ORDER BY s.id", run);

    /// <summary>A hash over each stream's ledger rows in order.</summary>
    public static List<(StreamKey Key, string Sha256)> LedgerHashes(DuckDBConnection connection, string run) => connection.Query(
        r => (new StreamKey(r.GetString(0), r.GetString(1), r.GetString(2)), r.GetString(3)),
        "SELECT s.agent, s.boot, s.stream, sha256(string_agg(l.first_seq || '-' || l.last_seq || ':' || l.hash, ',' ORDER BY l.first_seq)) " +
        "FROM streams s JOIN ledger l ON l.stream = s.id WHERE s.run = $1 GROUP BY s.agent, s.boot, s.stream", StreamRows.RunId(connection, run));

    public static Dictionary<int, StreamKey> Keys(DuckDBConnection connection, int run) =>
        connection.Query(r => (r.GetInt32(0), new StreamKey(r.GetString(1), r.GetString(2), r.GetString(3))), $"SELECT id, agent, boot, stream FROM streams WHERE run = {run}")
            .ToDictionary(p => p.Item1, p => p.Item2);

    public static List<StoredEvent> Events(DuckDBConnection connection, string run) =>
        connection.Query(
            r => new StoredEvent(new StreamKey(r.GetString(0), r.GetString(1), r.GetString(2)), r.GetInt64(3), StreamRows.Event(r, 4)),
            """
            SELECT s.agent, s.boot, s.stream, e._seq, e.kind, e.utc_ns, e.until_utc_ns, e.cause, e.detail, e.step, e.step_count
            FROM events e JOIN streams s ON s.id = e._stream JOIN runs r ON r.id = e._run WHERE r.run = $1 ORDER BY e.utc_ns, e._stream, e._seq
            """, run);

    public static (long Records, long Events, long Duplicates) CountStream(DuckDBConnection connection, string run, int stream)
    {
        var id = StreamRows.RunId(connection, run);
        var tables = StreamRows.TablesOf(connection, id);
        var records = tables.Sum(t => connection.Scalar<long>($"SELECT count(*) FROM {t.Name} WHERE _run = {id} AND _stream = {stream}"));
        var events = connection.Scalar<long>($"SELECT count(*) FROM events WHERE _stream = {stream}");
        var all = string.Join(" UNION ALL ", tables.Select(t => $"SELECT _seq FROM {t.Name} WHERE _run = {id} AND _stream = {stream}").Append($"SELECT _seq FROM events WHERE _stream = {stream}"));
        var distinct = connection.Scalar<long>($"SELECT count(DISTINCT _seq) FROM ({all})");
        return (records, events, records + events - distinct);
    }

    public static long CountQuarantine(DuckDBConnection connection, string run) =>
        connection.Scalar<long>("SELECT count(*) FROM quarantine q JOIN runs r ON r.id = q.run WHERE r.run = $1", run);

    public static List<QuarantinedEntry> Quarantine(DuckDBConnection connection, string run, int limit) =>
        connection.Query(
            r => new QuarantinedEntry(new StreamKey(r.GetString(0), r.GetString(1), r.GetString(2)), r.GetInt64(3), r.GetString(4), Bytes(r, 5)),
            "SELECT q.agent, q.boot, q.stream, q.first_seq, q.reason, q.bytes FROM quarantine q LEFT JOIN runs r ON r.id = q.run WHERE $1 = '' OR r.run = $1 ORDER BY q.received_utc_ns LIMIT $2",
            run, limit);

    public static List<LatestRecord> Latest(DuckDBConnection connection, string run)
    {
        var id = StreamRows.RunId(connection, run);
        var keys = Keys(connection, id);
        var latest = new Dictionary<int, LatestRecord>();
        foreach (var table in StreamRows.TablesOf(connection, id))
            foreach (var (stream, record) in LatestIn(connection, table, id, keys))
                if (!latest.TryGetValue(stream, out var known) || record.Seq > known.Seq) latest[stream] = record;
        return [.. latest.OrderBy(p => p.Key).Select(p => p.Value)];
    }

    private static List<(int Stream, LatestRecord Record)> LatestIn(DuckDBConnection connection, RecordTableInfo table, int run, Dictionary<int, StreamKey> keys)
    {
        var names = table.Signals.Numeric;
        var columns = string.Concat(names.Select(n => $", t.\"{n}\""));
        return connection.Query(
            r => (r.GetInt32(0), new LatestRecord(keys[r.GetInt32(0)], r.GetInt64(1), r.GetInt64(2), names.Select((n, k) => (n, v: r.GetDouble(3 + k))).ToDictionary(p => p.n, p => p.v))),
            $"""
            SELECT t._stream, t._seq, t._utc_ns{columns} FROM {table.Name} t
            JOIN (SELECT _stream AS s, max(_seq) AS q FROM {table.Name} WHERE _run = {run} GROUP BY _stream) m ON t._stream = m.s AND t._seq = m.q WHERE t._run = {run}
            """);
    }

    private static byte[] Bytes(DuckDBDataReader reader, int at)
    {
        using var stream = reader.GetStream(at);
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
