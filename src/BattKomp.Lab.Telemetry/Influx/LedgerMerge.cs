using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>
/// Replaces the contiguous ledger rows of a stream by one whose hash chains theirs. The merged row is written first, over the key of the first; readers
/// skip what lies inside it, so a crash before the others are deleted changes nothing.
/// </summary>
internal sealed class LedgerMerge(InfluxClient client, InfluxOptions options, InfluxCatalogue catalogue)
{
    /// <summary>Hash over the stream's ledger rows in order; null when it has none.</summary>
    public static async Task<string?> HashAsync(InfluxClient client, InfluxOptions options, StreamLedger stream, CancellationToken cancellation)
    {
        var rows = (await RowsAsync(client, options, stream, cancellation)).OrderBy(r => r.Range.First)
            .Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Range.First}-{r.Range.Last}:{r.Hash}")).ToList();
        return rows.Count == 0 ? null : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(',', rows))));
    }

    public async Task MergeAsync(StreamLedger stream, CancellationToken cancellation)
    {
        var rows = await RowsAsync(client, options, stream, cancellation);
        using var lines = new LineBuffer();
        var inside = new List<SequenceRange>();
        foreach (var island in Islands(rows).Where(i => i.Count > 1))
        {
            var (first, last) = (island[0].Range.First, island.Max(r => r.Range.Last));
            var records = island.Sum(r => r.Records);
            var chain = string.Join(',', island.Select(r => r.Hash.ToString(CultureInfo.InvariantCulture)));
            var hash = System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(chain)));
            var stamped = island.Where(r => r.Records > 0).ToList();
            OwnRows.Ledger(lines, stream, new LedgerRow(
                new SequenceRange(first, last), InfluxNames.KindMerged, hash, records, stamped.Count == 0 ? 0 : stamped[0].FirstUtcNs, stamped.Count == 0 ? 0 : stamped[^1].LastUtcNs));
            inside.Add(new SequenceRange(first + 1, last));
        }

        lock (catalogue.Lock) stream.LedgerRows = 0;
        if (inside.Count == 0) return;
        await client.WriteOwnAsync(options.Ledger, lines.Written, cancellation);
        foreach (var range in inside)
            await client.QueryAsync(options.Ledger, $"DELETE FROM \"{InfluxNames.Ledger}\" WHERE \"stream\" = '{stream.Id}' AND time >= {range.First} AND time <= {range.Last}", new InfluxTable(), cancellation);
    }

    private static async Task<List<LedgerRow>> RowsAsync(InfluxClient client, InfluxOptions options, StreamLedger stream, CancellationToken cancellation)
    {
        var table = new InfluxTable();
        await client.QueryAsync(options.Ledger, $"SELECT * FROM {options.Ledger.From(InfluxNames.Ledger)} WHERE \"stream\" = '{stream.Id}'", table, cancellation);
        return table.Rows.ConvertAll(LedgerRow.Of);
    }

    // Rows in order of their first sequence; one that begins inside another (cut otherwise after a failure) adds only what it is longer by.
    private static IEnumerable<List<LedgerRow>> Islands(List<LedgerRow> rows)
    {
        var island = new List<LedgerRow>();
        var end = long.MinValue;
        foreach (var row in rows)
        {
            if (island.Count > 0 && row.Range.First > end + 1)
            {
                yield return island;
                island = [];
            }

            if (island.Count == 0 || row.Range.First == end + 1) island.Add(row);
            else if (row.Range.Last > end) island.Add(row with { Records = row.Kind == InfluxNames.KindEvent ? 0 : row.Range.Last - end });
            end = Math.Max(end, row.Range.Last);
        }

        if (island.Count > 0) yield return island;
    }
}
