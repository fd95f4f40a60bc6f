using System.Buffers.Binary;
using System.Security.Cryptography;
using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>
/// Everything the one writer knows and holds while the database is open: connection, appenders, catalogue, stream cursors.
/// Used by the writer thread only. After a failed transaction it is thrown away and made anew from the committed state.
/// </summary>
internal sealed class WriteSession : IDisposable
{
    private const int MaxRecordTables = 1024;
    private readonly DuckDBConnection _connection;
    private readonly TimeProvider _time;
    private readonly DuckDbOptions _options;
    private readonly Dictionary<SignalSet, RecordTableInfo> _tables = [];
    private readonly Dictionary<int, ChunkAppender> _appenders = [];
    private readonly Dictionary<StreamKey, StreamCursor> _cursors = [];
    private readonly Dictionary<string, int> _runs = new(StringComparer.Ordinal);
    private readonly HashSet<(int Run, int Table)> _runTables = [];
    private readonly HashSet<StreamCursor> _longLedgers = [];
    private ChunkAppender? _ledger;
    private int _nextStream;

    public WriteSession(DuckDBConnection connection, DuckDbOptions options, TimeProvider time)
    {
        (_connection, _options, _time) = (connection, options, time);
        _connection.Execute(Schema.Create);
        foreach (var (id, numeric, text) in _connection.Query(r => (r.GetInt32(0), r.GetString(1), r.GetString(2)), "SELECT id, numeric_signals, text_signals FROM record_tables"))
        {
            var signals = new SignalSet(Split(numeric), Split(text));
            _tables[signals] = new RecordTableInfo(id, signals);
        }

        foreach (var (id, run) in _connection.Query(r => (r.GetInt32(0), r.GetString(1)), "SELECT id, run FROM runs")) _runs[run] = id;
        foreach (var pair in _connection.Query(r => (r.GetInt32(0), r.GetInt32(1)), "SELECT run, record_table FROM run_tables")) _runTables.Add(pair);
        _nextStream = _connection.Scalar<int>("SELECT coalesce(max(id), -1)::INTEGER FROM streams") + 1;
    }

    public DuckDBConnection Connection => _connection;

    public void Begin() => _connection.Execute("BEGIN TRANSACTION");

    public void Commit()
    {
        Flush();
        _connection.Execute("COMMIT");
    }

    /// <summary>Between transactions: merges ledgers that have grown long, and keeps the log short while traffic is light.</summary>
    public void Maintain(int records)
    {
        if (records < DuckDbOptions.LightCommit && new FileInfo(_options.Path + ".wal") is { Exists: true } log && log.Length > _options.LightCheckpointBytes)
            _connection.Execute("CHECKPOINT");
        foreach (var cursor in _longLedgers)
        {
            Begin();
            // Recent rows stay single, so that an agent's repeats after a reconnect are still known by their hash.
            MergeStream(cursor.Id, Math.Max(0, cursor.Stored.Max - 4096));
            Commit();
            cursor.LedgerRows = 0;
        }

        _longLedgers.Clear();
    }

    public void MergeStream(int stream, long belowSeq)
    {
        Flush();
        _connection.Execute(string.Format(System.Globalization.CultureInfo.InvariantCulture, Schema.Merge, stream, belowSeq));
    }

    /// <summary>Drops the working memory of streams, so that it is loaded again.</summary>
    public void Forget() => _cursors.Clear();

    /// <summary>Judges one entry and stages what it brings in the open transaction.</summary>
    public AppendOutcome Apply(StreamEntry entry)
    {
        if (entry.Body is PoisonBody poison) return Quarantine(entry, poison.Reason);
        if (entry.Body is OpenedBody opened) return ApplyOpened(entry, opened);
        if (Find(entry.Key) is not { } cursor)
            return entry.Body is ClosedBody { LastSeq: -1 }
                ? new AppendOutcome(AppendResult.Stored, "", null, "")
                : new AppendOutcome(AppendResult.UnknownStream, "", null, "");
        if (cursor.QuarantineReason is { } reason) return Quarantine(entry, reason);
        if (entry.Body is ClosedBody closed) return ApplyClosed(entry, closed, cursor);
        if (entry.FirstSeq < 1) return Quarantine(entry, $"first_seq is {entry.FirstSeq}; sequence 0 is the stream's opening");
        if (cursor.ClosedLastSeq is { } last && entry.LastSeq > last)
            return Quarantine(entry, $"sequence {entry.LastSeq} comes after the stream's close at {last}");
        return ApplyContent(entry, cursor);
    }

    private AppendOutcome ApplyOpened(StreamEntry entry, OpenedBody opened)
    {
        if (entry.FirstSeq != 0) return Quarantine(entry, $"first_seq is {entry.FirstSeq}; an opening is sequence 0");
        if (Find(entry.Key) is { } known)
        {
            if (known.QuarantineReason is { } reason) return Quarantine(entry, reason);
            return known.OpenedHash == entry.Hash
                ? new AppendOutcome(AppendResult.Duplicate, "", null, known.RunName)
                : Quarantine(entry, "the stream was opened before with another header");
        }

        var run = opened.QuarantineReason is null ? RunId(opened.Run) : -1;
        var cursor = new StreamCursor(_nextStream++, run, opened.QuarantineReason is null ? opened.Run : "", entry.Hash) { QuarantineReason = opened.QuarantineReason };
        StreamRows.Insert(_connection, cursor, entry.Key, opened.Header);
        _cursors[entry.Key] = cursor;
        if (opened.QuarantineReason is { } why) return Quarantine(entry, why);
        StageLedger(cursor, new SequenceRange(0, 0), Schema.Opened, entry.Hash, 0);
        return new AppendOutcome(AppendResult.Stored, "", null, cursor.RunName);
    }

    private AppendOutcome ApplyClosed(StreamEntry entry, ClosedBody closed, StreamCursor cursor)
    {
        if (closed.LastSeq < -1 || entry.FirstSeq != closed.LastSeq + 1)
            return Quarantine(entry, $"a close at {closed.LastSeq} has first_seq {closed.LastSeq + 1}, not {entry.FirstSeq}");
        if (closed.LastSeq < cursor.Stored.Max)
            return Quarantine(entry, $"a close at {closed.LastSeq} denies sequence {cursor.Stored.Max}, which is stored");
        if (cursor.ClosedLastSeq is { } before && before != closed.LastSeq)
            return Quarantine(entry, $"the stream was closed before at {before}, not {closed.LastSeq}");
        SequenceRange? missing = cursor.Stored.Max < closed.LastSeq ? new SequenceRange(cursor.Stored.Max + 1, closed.LastSeq) : null;
        if (cursor.ClosedLastSeq is not null) return new AppendOutcome(AppendResult.Duplicate, "", missing, cursor.RunName);
        _connection.Execute("UPDATE streams SET closed_last_seq = $1, close_reason = $2 WHERE id = $3", closed.LastSeq, closed.Reason, cursor.Id);
        cursor.ClosedLastSeq = closed.LastSeq;
        return new AppendOutcome(AppendResult.Stored, "", missing, cursor.RunName);
    }

    private AppendOutcome ApplyContent(StreamEntry entry, StreamCursor cursor)
    {
        var range = new SequenceRange(entry.FirstSeq, entry.LastSeq);
        var before = cursor.Stored.Max;
        var held = before < range.First ? [] : cursor.Stored.Intersect(range);
        if (held.Count > 0)
        {
            if (!SameAsStored(entry, cursor, range, held)) return Quarantine(entry, $"sequences {held[0].First} to {held[^1].Last} are stored with other content");
            if (held.Sum(h => h.Count) == range.Count) return new AppendOutcome(AppendResult.Duplicate, "", null, cursor.RunName);
        }

        if (entry.Body is RecordsBody { Block: var block })
        {
            if (before < range.First && block.UtcNs[0] <= cursor.LastUtcNs)
                return Quarantine(entry, $"utc_ns[0] is not after the stream's last stamp {cursor.LastUtcNs}");
            if (TableFor(block.Signals) is not { } table)
                return Quarantine(entry, $"more than {MaxRecordTables} different signal sets in this store");
            foreach (var part in held.Count == 0 ? [range] : cursor.Stored.Missing(range)) StageRecords(entry, cursor, table, block, range, part);
            if (range.Last > before) cursor.LastUtcNs = block.UtcNs[^1];
        }
        else
        {
            StreamRows.InsertEvent(_connection, cursor, entry.FirstSeq, (EventBody)entry.Body);
            StageLedger(cursor, range, Schema.Event, entry.Hash, 0);
        }

        SequenceRange? missing = range.First > before + 1 ? new SequenceRange(before + 1, range.First - 1) : null;
        return new AppendOutcome(AppendResult.Stored, "", missing, cursor.RunName);
    }

    private void StageRecords(StreamEntry entry, StreamCursor cursor, RecordTableInfo table, RecordBlock block, SequenceRange range, SequenceRange part)
    {
        var whole = part == range;
        var start = (int)(part.First - range.First);
        if (_runTables.Add((cursor.Run, table.Id))) _connection.Execute("INSERT INTO run_tables VALUES ($1, $2)", cursor.Run, table.Id);
        RecordTableInfo.Append(Appender(table), cursor.Run, cursor.Id, range.First, block, start, (int)part.Count);
        StageLedger(cursor, part, Schema.Records, whole ? entry.Hash : EntryHash.Of(new RecordsBody(block.Slice(start, (int)part.Count))), part.Count);
    }

    private bool SameAsStored(StreamEntry entry, StreamCursor cursor, SequenceRange range, List<SequenceRange> held)
    {
        if (cursor.HashOf(range) is { } hash) return hash == entry.Hash;
        Flush();
        var rows = _connection.Query(r => r.GetFieldValue<ulong>(0), "SELECT hash FROM ledger WHERE stream = $1 AND first_seq = $2 AND last_seq = $3 AND kind <> 3", cursor.Id, range.First, range.Last);
        if (rows.Count > 0) return rows[0] == entry.Hash;
        // Merged away, or cut otherwise than before: the rows themselves decide. Deleted rows cannot contradict.
        if (cursor.RowsDeleted) return true;
        if (entry.Body is EventBody e) return StreamRows.HoldsSameEvent(_connection, cursor.Id, entry.FirstSeq, e);
        var block = ((RecordsBody)entry.Body).Block;
        return _tables.TryGetValue(block.Signals, out var table)
            && held.TrueForAll(part => table.HoldsSame(_connection, cursor.Id, range.First, block, part));
    }

    private AppendOutcome Quarantine(StreamEntry entry, string reason)
    {
        var run = Find(entry.Key);
        var bytes = entry.Raw();
        var hash = BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(bytes));
        var (agent, boot, stream) = entry.Key;
        var known = _connection.Scalar<long>("SELECT count(*) FROM quarantine WHERE agent = $1 AND boot = $2 AND stream = $3 AND first_seq = $4 AND hash = $5", agent, boot, stream, entry.FirstSeq, hash);
        if (known == 0)
        {
            var received = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
            _connection.Execute("INSERT INTO quarantine VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", agent, boot, stream, run?.Run ?? -1, entry.FirstSeq, hash, reason, bytes, received);
        }

        return new AppendOutcome(AppendResult.Quarantined, reason, null, run?.RunName ?? "");
    }

    private void StageLedger(StreamCursor cursor, SequenceRange range, byte kind, ulong hash, long records)
    {
        var ledger = _ledger ??= new ChunkAppender(_connection, "ledger");
        ledger.Cells<int>(0, 1)[0] = cursor.Id;
        ledger.Cells<long>(1, 1)[0] = range.First;
        ledger.Cells<long>(2, 1)[0] = range.Last;
        ledger.Cells<byte>(3, 1)[0] = kind;
        ledger.Cells<ulong>(4, 1)[0] = hash;
        ledger.Cells<long>(5, 1)[0] = records;
        ledger.Advance(1);
        cursor.Remember(range, hash);
        if (cursor.LedgerRows > _options.LedgerRowsPerStream) _longLedgers.Add(cursor);
    }

    private void Flush()
    {
        foreach (var appender in _appenders.Values) appender.Flush();
        _ledger?.Flush();
    }

    private ChunkAppender Appender(RecordTableInfo table)
    {
        if (!_appenders.TryGetValue(table.Id, out var appender)) _appenders[table.Id] = appender = new ChunkAppender(_connection, table.Name);
        return appender;
    }

    private RecordTableInfo? TableFor(SignalSet signals)
    {
        if (_tables.TryGetValue(signals, out var table)) return table;
        if (_tables.Count >= MaxRecordTables) return null;
        table = new RecordTableInfo(_tables.Count, signals);
        _connection.Execute(table.CreateSql());
        _connection.Execute("INSERT INTO record_tables VALUES ($1, $2, $3, $4)", table.Id, table.Name, string.Join(',', signals.Numeric), string.Join(',', signals.Text));
        return _tables[signals] = table;
    }

    private int RunId(string run)
    {
        if (_runs.TryGetValue(run, out var id)) return id;
        id = _runs.Count;
        _connection.Execute("INSERT INTO runs VALUES ($1, $2)", id, run);
        return _runs[run] = id;
    }

    private StreamCursor? Find(StreamKey key)
    {
        if (_cursors.TryGetValue(key, out var cursor)) return cursor;
        cursor = StreamRows.Load(_connection, key);
        if (cursor is not null) _cursors[key] = cursor;
        return cursor;
    }

    public void Dispose()
    {
        foreach (var appender in _appenders.Values) appender.Dispose();
        _ledger?.Dispose();
        _connection.Dispose();
    }

    private static string[] Split(string names) => names.Length == 0 ? [] : names.Split(',');
}
