using System.Globalization;
using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>Streams and events to and from their rows.</summary>
internal static class StreamRows
{
    private const string Columns = """
        s.id, coalesce(r.run, ''), s.agent, s.boot, s.stream, s.channel, s.lease, s.agent_run, s.anchor_utc_ns, s.anchor_machine_utc_ns,
        s.lab_speed, s.clock_quality, s.instrument_identity, s.protocol, s.previous_agent, s.previous_boot, s.previous_stream, s.simulated,
        s.quarantine, s.closed_last_seq, coalesce(s.close_reason, '')
        """;

    public static void Insert(DuckDBConnection connection, StreamCursor cursor, StreamKey key, StreamHeader header) =>
        connection.Execute(
            "INSERT INTO streams VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, NULL, NULL, false)",
            cursor.Id, cursor.Run, key.Agent, key.Boot, key.Stream, header.Channel, header.Lease, header.Run,
            header.AnchorUtcNs, header.AnchorMachineUtcNs, header.LabSpeed, header.ClockQuality, header.InstrumentIdentity, header.Protocol,
            header.Previous?.Agent, header.Previous?.Boot, header.Previous?.Stream, header.Simulated, cursor.OpenedHash, cursor.QuarantineReason);

    public static void InsertEvent(DuckDBConnection connection, StreamCursor cursor, long seq, EventBody e) =>
        connection.Execute(
            "INSERT INTO events VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            cursor.Run, cursor.Id, seq, e.Kind, e.UtcNs, e.UntilUtcNs, e.Cause, e.Detail, e.Step, e.StepCount);

    public static bool HoldsSameEvent(DuckDBConnection connection, int stream, long seq, EventBody wanted)
    {
        var rows = connection.Query(r => Event(r, 0), "SELECT kind, utc_ns, until_utc_ns, cause, detail, step, step_count FROM events WHERE _stream = $1 AND _seq = $2", stream, seq);
        return rows.Count == 1 && rows[0] == wanted;
    }

    public static EventBody Event(DuckDBDataReader r, int at) =>
        new(r.GetString(at), r.GetInt64(at + 1), r.GetInt64(at + 2), r.GetString(at + 3), r.GetString(at + 4), r.GetInt32(at + 5), r.GetInt32(at + 6));

    /// <summary>The writer's cursor of a stream from the committed and staged rows, or null when it was never opened.</summary>
    public static StreamCursor? Load(DuckDBConnection connection, StreamKey key)
    {
        var rows = connection.Query(
            r => (Id: r.GetInt32(0), Run: r.GetInt32(1), Name: r.GetString(2), Hash: r.GetFieldValue<ulong>(3), Why: Text(r, 4), Closed: Long(r, 5), Deleted: r.GetBoolean(6)),
            "SELECT s.id, s.run, coalesce(r.run, ''), s.opened_hash, s.quarantine, s.closed_last_seq, s.rows_deleted FROM streams s LEFT JOIN runs r ON r.id = s.run WHERE s.agent = $1 AND s.boot = $2 AND s.stream = $3",
            key.Agent, key.Boot, key.Stream);
        if (rows.Count == 0) return null;
        var row = rows[0];
        return new StreamCursor(row.Id, row.Run, row.Name, row.Hash)
        {
            Stored = new SequenceSet(Islands(connection, $"stream = {row.Id}").Select(i => i.Range)),
            QuarantineReason = row.Why,
            ClosedLastSeq = row.Closed,
            RowsDeleted = row.Deleted,
            LastUtcNs = LastStamps(connection, row.Run).GetValueOrDefault(row.Id, (0, long.MinValue)).Utc,
        };
    }

    /// <summary>Streams that satisfy the clause over <c>s</c> (streams) and <c>r</c> (runs), with their ledger.</summary>
    public static List<StreamState> States(DuckDBConnection connection, string where, params object?[] values)
    {
        var rows = connection.Query(r => (Id: r.GetInt32(0), Head: Head(r)), $"SELECT {Columns} FROM streams s LEFT JOIN runs r ON r.id = s.run WHERE {where} ORDER BY s.id", values);
        if (rows.Count == 0) return [];
        var ledger = Islands(connection, $"stream IN ({string.Join(',', rows.Select(r => r.Id))})").ToLookup(i => i.Stream);
        var stamps = new Dictionary<int, (long, long Utc)>();
        foreach (var run in connection.Query(r => r.GetInt32(0), $"SELECT DISTINCT run FROM streams WHERE id IN ({string.Join(',', rows.Select(r => r.Id))}) AND run >= 0"))
            foreach (var (stream, stamp) in LastStamps(connection, run)) stamps[stream] = stamp;
        return [.. rows.Select(row => row.Head with
        {
            Stored = [.. ledger[row.Id].Select(i => i.Range)],
            Records = ledger[row.Id].Sum(i => i.Records),
            LastUtcNs = stamps.GetValueOrDefault(row.Id).Utc,
        })];
    }

    /// <summary>Record tables in which a run has rows.</summary>
    public static List<RecordTableInfo> TablesOf(DuckDBConnection connection, int run) =>
        connection.Query(
            r => new RecordTableInfo(r.GetInt32(0), new SignalSet(Names(r.GetString(1)), Names(r.GetString(2)))),
            "SELECT DISTINCT t.id, t.numeric_signals, t.text_signals FROM run_tables u JOIN record_tables t ON t.id = u.record_table WHERE u.run = $1 ORDER BY t.id", run);

    /// <summary>Short id of a run, -1 when the store has never heard of it.</summary>
    public static int RunId(DuckDBConnection connection, string run)
    {
        var ids = connection.Query(r => r.GetInt32(0), "SELECT id FROM runs WHERE run = $1", run);
        return ids.Count == 0 ? -1 : ids[0];
    }

    private static Dictionary<int, (long Seq, long Utc)> LastStamps(DuckDBConnection connection, int run)
    {
        var last = new Dictionary<int, (long Seq, long Utc)>();
        if (run < 0) return last;
        foreach (var table in TablesOf(connection, run))
            foreach (var (stream, seq, utc) in connection.Query(r => (r.GetInt32(0), r.GetInt64(1), r.GetInt64(2)), $"SELECT _stream, max(_seq), max(_utc_ns) FROM {table.Name} WHERE _run = {run} GROUP BY _stream"))
                if (!last.TryGetValue(stream, out var known) || seq > known.Seq) last[stream] = (seq, utc);
        return last;
    }

    private static List<(int Stream, SequenceRange Range, long Records)> Islands(DuckDBConnection connection, string where) =>
        connection.Query(
            r => (r.GetInt32(0), new SequenceRange(r.GetInt64(1), r.GetInt64(2)), r.GetInt64(3)),
            string.Format(CultureInfo.InvariantCulture, Schema.Islands, where));

    private static StreamState Head(DuckDBDataReader r)
    {
        StreamKey? previous = Text(r, 14) is { } agent ? new StreamKey(agent, r.GetString(15), r.GetString(16)) : null;
        var header = new StreamHeader(r.GetString(5), r.GetString(6), r.GetString(7), r.GetInt64(8), r.GetInt64(9), r.GetDouble(10), r.GetString(11), r.GetString(12), r.GetString(13), previous, r.GetBoolean(17));
        return new StreamState(new StreamKey(r.GetString(2), r.GetString(3), r.GetString(4)), r.GetString(1), header, Long(r, 19), r.GetString(20), Text(r, 18), [], 0, 0);
    }

    private static string[] Names(string names) => names.Length == 0 ? [] : names.Split(',');

    private static string? Text(DuckDBDataReader r, int at) => r.IsDBNull(at) ? null : r.GetString(at);

    private static long? Long(DuckDBDataReader r, int at) => r.IsDBNull(at) ? null : r.GetInt64(at);
}
