using System.Security.Cryptography;
using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>Writes records to Parquet by DuckDB's own COPY: temporary name, sync, hash, rename.</summary>
internal static class SegmentExport
{
    public static ExportedSegment? Write(DuckDBConnection connection, string run, IReadOnlyList<StreamRange> ranges, string path)
    {
        var id = StreamRows.RunId(connection, run);
        var keys = RunQueries.Keys(connection, id).ToDictionary(p => p.Value, p => p.Key);
        var parts = ranges.Where(r => keys.ContainsKey(r.Key)).Select(r => $"(_stream = {keys[r.Key]} AND _seq BETWEEN {r.Range.First} AND {r.Range.Last})").ToList();
        var union = new RunUnion(connection, id, null);
        if (union.Empty || parts.Count == 0) return null;
        var rows = union.Select(AnyOf(parts));
        var counts = connection.Query(r => (Rows: r.GetInt64(0), First: r.IsDBNull(1) ? 0 : r.GetInt64(1), Last: r.IsDBNull(2) ? 0 : r.GetInt64(2)), $"SELECT count(*), min(_utc_ns), max(_utc_ns) FROM ({rows})")[0];
        if (counts.Rows == 0) return null;

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = path + ".tmp";
        File.Delete(temporary);
        var signals = string.Concat(union.Numeric.Concat(union.Text.Select(union.TextColumn)).Select(n => $", q.\"{n}\""));
        connection.Execute($"""
            COPY (SELECT s.agent || '/' || s.boot || '/' || s.stream AS _stream, q._seq, q._utc_ns, q._monotonic_ns, q._quality{signals}
                  FROM ({rows}) q JOIN streams s ON s.id = q._stream ORDER BY q._utc_ns, q._stream, q._seq)
            TO '{temporary.Replace("'", "''", StringComparison.Ordinal)}' (FORMAT parquet, COMPRESSION zstd)
            """);
        return Finish(temporary, path, counts.Rows, counts.First, counts.Last);
    }

    /// <summary>Writes a table whose rows stand in the order wanted, with the columns of a segment; null when it is empty.</summary>
    public static ExportedSegment? WriteTable(DuckDBConnection connection, string table, string path)
    {
        var counts = connection.Query(r => (Rows: r.GetInt64(0), First: r.IsDBNull(1) ? 0 : r.GetInt64(1), Last: r.IsDBNull(2) ? 0 : r.GetInt64(2)), $"SELECT count(*), min(_utc_ns), max(_utc_ns) FROM {table}")[0];
        if (counts.Rows == 0) return null;
        var temporary = path + ".tmp";
        File.Delete(temporary);
        connection.Execute($"COPY (FROM {table}) TO '{temporary.Replace("'", "''", StringComparison.Ordinal)}' (FORMAT parquet, COMPRESSION zstd)");
        return Finish(temporary, path, counts.Rows, counts.First, counts.Last);
    }

    /// <summary>A balanced disjunction: the parser's depth grows with the logarithm of the ranges.</summary>
    private static string AnyOf(List<string> parts)
    {
        if (parts.Count == 1) return parts[0];
        var half = parts.Count / 2;
        return $"({AnyOf(parts[..half])} OR {AnyOf(parts[half..])})";
    }

    private static ExportedSegment Finish(string temporary, string path, long records, long first, long last)
    {
        string sha;
        long bytes;
        using (var file = new FileStream(temporary, FileMode.Open, FileAccess.ReadWrite))
        {
            file.Flush(flushToDisk: true);
            sha = Convert.ToHexStringLower(SHA256.HashData(file));
            bytes = file.Length;
        }

        File.Move(temporary, path, overwrite: true);
        return new ExportedSegment(path, records, bytes, sha, first, last);
    }
}
