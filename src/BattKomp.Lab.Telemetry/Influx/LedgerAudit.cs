namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>
/// Checks the ledger of unsealed streams against the rows, at start and after every outage, and takes out what is not there. InfluxDB 1.6.7 loses what it has
/// acknowledged when it is killed twice: after the first kill it cuts the torn end off its log but goes on writing behind the hole, and at the next start
/// it cuts there again. A sequence that leaves the ledger is a gap, and gaps are asked for again: agents keep acknowledged entries while they have space.
/// </summary>
internal sealed class LedgerAudit(InfluxClient client, InfluxOptions options, TimeProvider time)
{
    private const int PageRows = 200_000;
    private static readonly SignalSet NoSignals = new([], []);

    public async Task RunAsync(InfluxCatalogue catalogue, CancellationToken cancellation)
    {
        // A sealed run's ledger is merged into one row, and its records are in the archive.
        foreach (var state in catalogue.States(s => s.QuarantineReason is null && !s.RowsDeleted && (s.ClosedLastSeq is null || s.LedgerRows > 1)))
            await CheckAsync(catalogue.Find(state.Key)!, cancellation);
    }

    private async Task CheckAsync(StreamLedger stream, CancellationToken cancellation)
    {
        var ledger = (await AskAsync(options.Ledger, $"SELECT * FROM {options.Ledger.From(InfluxNames.Ledger)} WHERE \"stream\" = '{stream.Id}'", cancellation)).ConvertAll(LedgerRow.Of);
        // What has aged out, or is about to, says nothing.
        if (options.RetentionHours > 0 && ledger.Exists(r => r.Records > 0 && r.FirstUtcNs < Now() - (long)(options.RetentionHours * 3.6e12))) return;
        var events = await AskAsync(options.Ledger, $"SELECT \"utc_ns\" FROM {options.Ledger.From(InfluxNames.Events)} WHERE \"stream\" = '{stream.Id}'", cancellation);
        var present = new SequenceSet(events.Select(e => new SequenceRange(e.Time, e.Time)).Append(new SequenceRange(0, 0)));
        var others = stream.Stored.Ranges.Sum(r => present.Intersect(r).Sum(p => p.Count));
        // Rows after the ledger's last stamp are those of a write that nobody acknowledged.
        var counted = await AskAsync(options.Records, $"SELECT count(\"_seq\") AS n FROM {options.Records.From(InfluxNames.Records)} WHERE \"stream\" = '{stream.Id}' AND time <= {stream.LastUtcNs}", cancellation);
        if ((counted.Count == 0 ? 0 : counted[0].Long("n")) == stream.Records && others + stream.Records == stream.Stored.Ranges.Sum(r => r.Count)) return;

        var records = await RecordsAsync(stream, cancellation);
        foreach (var (range, _, _) in records) present.Add(range);
        var stored = new SequenceSet(stream.Stored.Ranges.SelectMany(present.Intersect));
        if (stored.Ranges.SequenceEqual(stream.Stored.Ranges)) return;
        await RewriteAsync(stream, [.. stored.Ranges.Select(r => RowOf(r, records))], cancellation);
    }

    private static LedgerRow RowOf(SequenceRange range, List<(SequenceRange Seqs, long From, long To)> records)
    {
        var inside = new SequenceSet(records.Select(r => r.Seqs)).Intersect(range).Sum(r => r.Count);
        var touching = records.Where(r => r.Seqs.First <= range.Last && range.First <= r.Seqs.Last).ToList();
        return new LedgerRow(range, InfluxNames.KindMerged, 0, inside, touching.Count == 0 ? 0 : touching.Min(r => r.From), touching.Count == 0 ? 0 : touching.Max(r => r.To));
    }

    // New rows first: a crash before the old ones are deleted is found by the next audit.
    private async Task RewriteAsync(StreamLedger stream, List<LedgerRow> rows, CancellationToken cancellation)
    {
        using var lines = new LineBuffer();
        foreach (var row in rows) OwnRows.Ledger(lines, stream, row);
        if (rows.Count > 0) await client.WriteOwnAsync(options.Ledger, lines.Written, cancellation);
        var from = 0L;
        foreach (var key in rows.Select(r => r.Range.First).Append(long.MaxValue))
        {
            var until = key == long.MaxValue ? "" : $" AND time < {key}";
            if (from < key)
                await AskAsync(options.Ledger, $"DELETE FROM \"{InfluxNames.Ledger}\" WHERE \"stream\" = '{stream.Id}' AND time >= {from}{until}", cancellation);
            from = key == long.MaxValue ? key : key + 1;
        }

        stream.Replace(rows);
    }

    /// <summary>The stream's records as runs of consecutive sequences with their first and last stamp.</summary>
    private async Task<List<(SequenceRange Seqs, long From, long To)>> RecordsAsync(StreamLedger stream, CancellationToken cancellation)
    {
        var found = new List<(SequenceRange Seqs, long From, long To)>();
        var known = new Dictionary<string, StreamLedger>(StringComparer.Ordinal) { [stream.Id] = stream };
        for (var from = InfluxNames.FirstStamp; ;)
        {
            var page = new RecordRows(NoSignals, known);
            await client.QueryAsync(options.Records, RecordRows.Query(options.Records, NoSignals, $"\"stream\" = '{stream.Id}' AND time >= {from} AND time <= {stream.LastUtcNs}", $" LIMIT {PageRows}"), page, cancellation);
            for (var k = 0; k < page.Count; k++)
            {
                if (found.Count > 0 && found[^1].Seqs.Last + 1 == page.Seq[k]) found[^1] = (new(found[^1].Seqs.First, page.Seq[k]), found[^1].From, page.Utc[k]);
                else found.Add((new(page.Seq[k], page.Seq[k]), page.Utc[k], page.Utc[k]));
            }

            if (page.Count < PageRows) return found;
            from = page.Utc[^1] + 1;
        }
    }

    private async Task<List<InfluxTable.Row>> AskAsync(InfluxPlace place, string query, CancellationToken cancellation)
    {
        var table = new InfluxTable();
        await client.QueryAsync(place, query, table, cancellation);
        return table.Rows;
    }

    private long Now() => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
}
