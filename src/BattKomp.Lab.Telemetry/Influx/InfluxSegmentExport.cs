using BattKomp.Lab.Telemetry.DuckDb;
using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>Writes records to Parquet: read back page by page into a DuckDB file beside the segment, and from there by the same COPY as the embedded store.</summary>
internal sealed class InfluxSegmentExport(InfluxClient client, InfluxOptions options, InfluxCatalogue catalogue)
{
    public async Task<ExportedSegment?> WriteAsync(string run, IReadOnlyList<StreamRange> ranges, string path, CancellationToken cancellation)
    {
        var wanted = ranges.GroupBy(r => r.Key).ToDictionary(g => g.Key, g => new SequenceSet(g.Select(r => r.Range)));
        if (wanted.Count == 0) return null;
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
            await foreach (var (rows, order) in new RecordPages(client, options, catalogue, new RecordQuery(run)).ReadAsync(cancellation)) Append(connection, rows, order, wanted);
            return SegmentExport.WriteTable(connection, "records", path);
        }
        finally
        {
            Delete(spool);
        }
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
