namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>Makes the database ready and reads the catalogue from it.</summary>
internal sealed class CatalogueLoader(InfluxClient client, InfluxOptions options, TimeProvider time)
{
    public async Task<InfluxCatalogue> LoadAsync(CancellationToken cancellation)
    {
        if (options.Bucket.Length == 0) await PrepareAsync(cancellation);
        var catalogue = new InfluxCatalogue();
        foreach (var row in (await AskAsync(options.Ledger, $"SELECT * FROM {options.Ledger.From(InfluxNames.Streams)}", cancellation)).OrderBy(r => r.Long("opened_order")))
            if (row.Has("agent"))
                catalogue.Add(Stream(row));
        await LoadLedgerAsync(catalogue, cancellation);
        foreach (var row in await AskAsync(options.Ledger, $"SELECT * FROM {options.Ledger.From(InfluxNames.Signals)}", cancellation))
            catalogue.AddSignals(row.Text("run"), new SignalSet(Names(row.Text("numeric")), Names(row.Text("text"))));
        foreach (var row in await AskAsync(options.Ledger, $"SELECT * FROM {options.Ledger.From(InfluxNames.Boots)}", cancellation))
        {
            if (!catalogue.Boots.TryGetValue(row.Text("agent"), out var boots)) catalogue.Boots[row.Text("agent")] = boots = [];
            boots.Add((row.Text("boot"), row.Time));
        }

        foreach (var row in await AskAsync(options.Records, $"SHOW FIELD KEYS FROM {options.Records.From(InfluxNames.Records)}", cancellation))
            if (row.Text("fieldKey") is var field && InfluxNames.SignalOf(field) is not null)
                catalogue.TextFields[field] = row.Text("fieldType") == "string";
        await new LedgerAudit(client, options, time).RunAsync(catalogue, cancellation);
        foreach (var state in catalogue.States(_ => true)) catalogue.Find(state.Key)!.Reset();
        return catalogue;
    }

    private async Task PrepareAsync(CancellationToken cancellation)
    {
        var database = options.Database.Replace("\"", "\\\"", StringComparison.Ordinal);
        await AskAsync(options.Ledger, $"CREATE DATABASE \"{database}\"", cancellation);
        if (options.Records.Policy.Length == 0) return;
        var minutes = (long)(options.RetentionHours * 60);
        var known = await AskAsync(options.Ledger, $"SHOW RETENTION POLICIES ON \"{database}\"", cancellation);
        var verb = known.Exists(r => r.Text("name") == options.Records.Policy) ? "ALTER" : "CREATE";
        await AskAsync(options.Ledger, $"{verb} RETENTION POLICY \"{options.Records.Policy}\" ON \"{database}\" DURATION {minutes}m REPLICATION 1", cancellation);
    }

    private async Task LoadLedgerAsync(InfluxCatalogue catalogue, CancellationToken cancellation)
    {
        var byId = catalogue.States(_ => true).Select(s => catalogue.Find(s.Key)!).ToDictionary(s => s.Id, StringComparer.Ordinal);
        // In order of the first sequence, because that is the stamp.
        foreach (var row in await AskAsync(options.Ledger, $"SELECT * FROM {options.Ledger.From(InfluxNames.Ledger)}", cancellation))
        {
            if (byId.TryGetValue(row.Text("stream"), out var stream)) { stream.Commit(LedgerRow.Of(row)); continue; }
            if (!catalogue.WithoutOpening.TryGetValue(row.Text("stream"), out var rows)) catalogue.WithoutOpening[row.Text("stream")] = rows = [];
            rows.Add(LedgerRow.Of(row));
        }
    }

    private static StreamLedger Stream(InfluxTable.Row row)
    {
        StreamKey? previous = row.Has("previous_stream") ? new StreamKey(row.Text("previous_agent"), row.Text("previous_boot"), row.Text("previous_stream")) : null;
        var header = new StreamHeader(
            row.Text("channel"), row.Text("lease"), row.Text("agent_run"), row.Long("anchor_utc_ns"), row.Long("anchor_machine_utc_ns"), row.Double("lab_speed"),
            row.Text("clock_quality"), row.Text("instrument_identity"), row.Text("protocol"), previous, row.Bool("simulated"));
        return new StreamLedger(
            new StreamKey(row.Text("agent"), row.Text("boot"), row.Text("name")), row.Text("stream"), row.Text("run"), header,
            unchecked((ulong)row.Long("opened_hash")), row.Text("quarantine") is { Length: > 0 } reason ? reason : null, row.Long("opened_order"))
        {
            ClosedLastSeq = row.Has("closed_last_seq") ? row.Long("closed_last_seq") : null,
            CloseReason = row.Text("close_reason"),
            RowsDeleted = row.Bool("rows_deleted"),
        };
    }

    private async Task<List<InfluxTable.Row>> AskAsync(InfluxPlace place, string query, CancellationToken cancellation)
    {
        var table = new InfluxTable();
        await client.QueryAsync(place, query, table, cancellation);
        return table.Rows;
    }

    private static string[] Names(string names) => names.Length == 0 ? [] : names.Split(',');
}
