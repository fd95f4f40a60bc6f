namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>Questions about a run, answered by InfluxQL over its rows.</summary>
internal sealed class InfluxQueries(InfluxClient client, InfluxOptions options, InfluxCatalogue catalogue, CancellationToken cancellation)
{
    private const int SequencesAQuery = 200;
    private readonly string _records = options.Records.From(InfluxNames.Records), _events = options.Ledger.From(InfluxNames.Events), _aside = options.Ledger.From(InfluxNames.Quarantine);

    public static EventBody Event(InfluxTable.Row row) =>
        new(row.Text("kind"), row.Long("utc_ns"), row.Long("until_utc_ns"), row.Text("cause"), row.Text("detail"), (int)row.Long("step"), (int)row.Long("step_count"));

    public async Task<List<StoredEvent>> EventsAsync(string run)
    {
        var streams = catalogue.OfRun(run);
        if (streams.Count == 0) return [];
        var byId = streams.ToDictionary(s => s.Id, StringComparer.Ordinal);
        var rows = await AskAsync(options.Ledger, $"SELECT * FROM {_events} WHERE {InfluxNames.AnyOf(streams)}");
        return [.. rows.Select(r => (Stream: byId[r.Text("stream")], Row: r)).OrderBy(r => r.Row.Long("utc_ns")).ThenBy(r => r.Stream.OpenedOrder).ThenBy(r => r.Row.Time)
            .Select(r => new StoredEvent(r.Stream.Key, r.Row.Time, Event(r.Row)))];
    }

    public async Task<RunCounts> CountAsync(string run)
    {
        var aside = await AskAsync(options.Ledger, $"SELECT count(\"first_seq\") AS n FROM {_aside} WHERE \"run\" = {InfluxNames.Literal(run)}");
        var total = new RunCounts(0, 0, 0, aside.Count == 0 ? 0 : aside[0].Long("n"));
        foreach (var stream in catalogue.OfRun(run))
        {
            var rows = await AskAsync(options.Records, $"SELECT count(\"_seq\") AS n, count(distinct(\"_seq\")) AS d FROM {_records} WHERE \"stream\" = '{stream.Id}'");
            var (records, distinct) = rows.Count == 0 ? (0, 0) : (rows[0].Long("n"), rows[0].Long("d"));
            var events = await AskAsync(options.Ledger, $"SELECT \"utc_ns\" FROM {_events} WHERE \"stream\" = '{stream.Id}'");
            total = total with
            {
                Records = total.Records + records,
                Events = total.Events + events.Count,
                Duplicates = total.Duplicates + records - distinct + await RecordsAtAsync(stream, events.ConvertAll(e => e.Time)),
            };
        }

        return total;
    }

    public async Task<List<LatestRecord>> LatestAsync(string run)
    {
        var streams = catalogue.OfRun(run);
        if (streams.Count == 0) return [];
        var rows = new RecordRows(catalogue.SignalsOf(run, null), streams.ToDictionary(s => s.Id, StringComparer.Ordinal));
        await client.QueryAsync(options.Records, RecordRows.Query(options.Records, rows.Signals, InfluxNames.AnyOf(streams), " GROUP BY \"stream\" ORDER BY time DESC LIMIT 1"), rows, cancellation);
        return [.. Enumerable.Range(0, rows.Count).OrderBy(k => rows.Stream[k].OpenedOrder).Select(k => new LatestRecord(
            rows.Stream[k].Key, rows.Seq[k], rows.Utc[k], rows.Signals.Numeric.Select((n, c) => (n, v: rows.Values[c][k])).ToDictionary(p => p.n, p => p.v)))];
    }

    public async Task<List<QuarantinedEntry>> QuarantineAsync(string run, int limit)
    {
        var where = run.Length == 0 ? "" : $" WHERE \"run\" = {InfluxNames.Literal(run)}";
        var rows = await AskAsync(options.Ledger, $"SELECT * FROM {_aside}{where}");
        var kept = new List<QuarantinedEntry>();
        foreach (var row in rows.OrderBy(r => r.Long("received_utc_ns")).Take(limit))
        {
            var parts = await AskAsync(options.Ledger, $"SELECT \"base64\" FROM {options.Ledger.From(InfluxNames.QuarantineBytes)} WHERE time >= {row.Time} AND time < {row.Time + row.Long("parts")}");
            kept.Add(new QuarantinedEntry(
                new StreamKey(row.Text("agent"), row.Text("boot"), row.Text("name")), row.Long("first_seq"), row.Text("reason"),
                [.. parts.SelectMany(p => Convert.FromBase64String(p.Text("base64")))]));
        }

        return kept;
    }

    /// <summary>How many records stand under sequences that are events.</summary>
    private async Task<long> RecordsAtAsync(StreamLedger stream, List<long> sequences)
    {
        var found = 0L;
        foreach (var chunk in sequences.Chunk(SequencesAQuery))
        {
            var any = string.Join(" OR ", chunk.Select(s => $"\"_seq\" = {s}"));
            var rows = await AskAsync(options.Records, $"SELECT count(\"_seq\") AS n FROM {_records} WHERE \"stream\" = '{stream.Id}' AND ({any})");
            found += rows.Count == 0 ? 0 : rows[0].Long("n");
        }

        return found;
    }

    private async Task<List<InfluxTable.Row>> AskAsync(InfluxPlace place, string query)
    {
        var table = new InfluxTable();
        await client.QueryAsync(place, query, table, cancellation);
        return table.Rows;
    }
}
