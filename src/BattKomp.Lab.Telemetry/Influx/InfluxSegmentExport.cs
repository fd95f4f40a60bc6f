using BattKomp.Lab.Telemetry.DuckDb;
using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>Writes records to Parquet: read back page by page into a DuckDB file beside the segment, and from there by the same COPY as the embedded store.</summary>
internal sealed class InfluxSegmentExport(InfluxClient client, InfluxOptions options, InfluxCatalogue catalogue)
{
    public async Task<ExportedSegment?> WriteAsync(string run, IReadOnlyList<StreamRange> ranges, string path, CancellationToken cancellation)
    {
        var wanted = ranges.GroupBy(r => r.Key).ToDictionary(g => g.Key, g => new SequenceSet(g.Select(r => r.Range)));
        if (wanted.Count == 0 || await SpanAsync(run, wanted, cancellation) is not { } query) return null;
        var spool = path + ".spool";
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Delete(spool);
        try
        {
            // A file, not memory: a long run's segment is larger than what the server may take.
            await using var connection = new DuckDBConnection($"DataSource={spool};memory_limit=256MB;threads=1");
            await connection.OpenAsync(cancellation);
            var signals = catalogue.SignalsOf(run, null);
            var columns = string.Concat(signals.Numeric.Select(n => $", \"{n}\" DOUBLE").Concat(signals.Text.Select(n => $", \"{RecordPages.TextColumn(signals, n)}\" VARCHAR")));
            connection.Execute($"CREATE TABLE records (_stream VARCHAR, _seq BIGINT, _utc_ns BIGINT, _monotonic_ns BIGINT, _quality UTINYINT{columns})");
            await foreach (var (rows, order) in new RecordPages(client, options, catalogue, query).ReadAsync(cancellation)) Append(connection, rows, order, wanted);
            return SegmentExport.WriteTable(connection, "records", path);
        }
        finally
        {
            Delete(spool);
        }
    }

    /// <summary>The stamps between which the ranges lie, from the ledger: a long run's next segment must not read the whole run again. Null when they hold no record.</summary>
    private async Task<RecordQuery?> SpanAsync(string run, Dictionary<StreamKey, SequenceSet> wanted, CancellationToken cancellation)
    {
        var (from, to) = (long.MaxValue, long.MinValue);
        foreach (var stream in catalogue.OfRun(run).Where(s => wanted.ContainsKey(s.Key)))
        {
            var table = new InfluxTable();
            await client.QueryAsync(options.Ledger, $"SELECT * FROM {options.Ledger.From(InfluxNames.Ledger)} WHERE \"stream\" = '{stream.Id}' AND time <= {wanted[stream.Key].Max}", table, cancellation);
            foreach (var row in table.Rows.Select(LedgerRow.Of).Where(r => r.Records > 0 && wanted[stream.Key].Intersect(r.Range).Count > 0))
                (from, to) = (Math.Min(from, row.FirstUtcNs), Math.Max(to, row.LastUtcNs));
        }

        return from > to ? null : new RecordQuery(run) { FromUtcNs = from, ToUtcNs = to + 1 };
    }

    private static void Append(DuckDBConnection connection, RecordRows rows, int[] order, Dictionary<StreamKey, SequenceSet> wanted)
    {
        using var appender = connection.CreateAppender("records");
        foreach (var k in order)
        {
            var (stream, seq) = (rows.Stream[k].Key, rows.Seq[k]);
            if (!wanted.TryGetValue(stream, out var ranges) || ranges.Intersect(new SequenceRange(seq, seq)).Count == 0) continue;
            var row = appender.CreateRow().AppendValue(stream.ToString()).AppendValue((long?)seq).AppendValue((long?)rows.Utc[k]).AppendValue((long?)rows.Monotonic[k]).AppendValue((byte?)rows.Quality[k]);
            foreach (var values in rows.Values) row.AppendValue((double?)values[k]);
            foreach (var texts in rows.Texts) row.AppendValue(texts[k]);
            row.EndRow();
        }
    }

    private static void Delete(string spool)
    {
        File.Delete(spool);
        File.Delete(spool + ".wal");
    }
}
