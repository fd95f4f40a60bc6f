namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>What the judge asks the database about a stream.</summary>
internal sealed class StoredRows(InfluxClient client, InfluxOptions options, InfluxCatalogue catalogue, CancellationToken cancellation)
{
    /// <summary>Newest stamp of the stream's records after <paramref name="afterUtcNs"/>; the smallest possible when there is none.</summary>
    public async Task<long> NewestStampAsync(StreamLedger stream, long afterUtcNs)
    {
        var after = Math.Max(afterUtcNs, InfluxNames.FirstStamp);
        var rows = await AskAsync(options.Records, $"SELECT last(\"_seq\") FROM {options.Records.From(InfluxNames.Records)} WHERE \"stream\" = '{stream.Id}' AND time > {after}");
        return rows.Count == 0 ? long.MinValue : rows[0].Time;
    }

    /// <summary>The ledger row that begins at the sequence.</summary>
    public async Task<LedgerRow?> LedgerAsync(StreamLedger stream, long first)
    {
        var rows = await AskAsync(options.Ledger, $"SELECT * FROM {options.Ledger.From(InfluxNames.Ledger)} WHERE \"stream\" = '{stream.Id}' AND time = {first}");
        return rows.Count == 0 ? null : LedgerRow.Of(rows[0]);
    }

    public async Task<bool> HoldsEventAsync(StreamLedger stream, long seq, EventBody wanted)
    {
        var rows = await AskAsync(options.Ledger, $"SELECT * FROM {options.Ledger.From(InfluxNames.Events)} WHERE \"stream\" = '{stream.Id}' AND time = {seq}");
        return rows.Count == 1 && InfluxQueries.Event(rows[0]) == wanted;
    }

    /// <summary>Hash of what is kept aside under the key, or null.</summary>
    public async Task<string?> AsideHashAsync(long key)
    {
        var rows = await AskAsync(options.Ledger, $"SELECT \"hash\" FROM {options.Ledger.From(InfluxNames.Quarantine)} WHERE time = {key}");
        return rows.Count == 0 ? null : rows[0].Text("hash");
    }

    /// <summary>
    /// Null when every row that stands under the block's stamps is the block's own record, and every sequence of <paramref name="held"/> is there; else
    /// what is wrong.
    /// </summary>
    public async Task<string?> CompareAsync(StreamLedger stream, long firstSeq, RecordBlock block, List<SequenceRange> held)
    {
        var all = catalogue.SignalsOf(stream.Run, null);
        var signals = new SignalSet([.. block.Signals.Numeric.Union(all.Numeric)], [.. block.Signals.Text.Union(all.Text)]);
        var rows = new RecordRows(signals, new Dictionary<string, StreamLedger>(StringComparer.Ordinal) { [stream.Id] = stream });
        var where = $"\"stream\" = '{stream.Id}' AND time >= {block.UtcNs[0]} AND time <= {block.UtcNs[^1]}";
        await client.QueryAsync(options.Records, RecordRows.Query(options.Records, signals, where), rows, cancellation);
        var found = 0L;
        for (var row = 0; row < rows.Count; row++)
        {
            var k = rows.Seq[row] - firstSeq;
            if (k < 0 || k >= block.Count) return $"stamp {rows.Utc[row]} is that of sequence {rows.Seq[row]}, which is stored";
            if (!Same(rows, row, block, (int)k)) return $"sequence {rows.Seq[row]} is stored with other content";
            if (held.Exists(h => h.First <= rows.Seq[row] && rows.Seq[row] <= h.Last)) found++;
        }

        return stream.RowsDeleted || found == held.Sum(h => h.Count) ? null : $"sequences {held[0].First} to {held[^1].Last} are stored with other content";
    }

    private static bool Same(RecordRows rows, int row, RecordBlock block, int k)
    {
        if (rows.Utc[row] != block.UtcNs[k] || rows.Monotonic[row] != block.MonotonicNs[k]) return false;
        if (rows.Quality[row] != (block.Quality.Length == 0 ? 0 : block.Quality[k])) return false;
        // The block's own signals come first; any other must be absent.
        for (var c = 0; c < rows.Values.Length; c++)
            if (!rows.Values[c][row].Equals(c < block.Values.Length ? block.Values[c][k] : double.NaN)) return false;
        for (var c = 0; c < rows.Texts.Length; c++)
            if (rows.Texts[c][row] != (c < block.Texts.Length ? block.Texts[c][k] : null)) return false;
        return true;
    }

    private async Task<List<InfluxTable.Row>> AskAsync(InfluxPlace place, string query)
    {
        var table = new InfluxTable();
        await client.QueryAsync(place, query, table, cancellation);
        return table.Rows;
    }
}
