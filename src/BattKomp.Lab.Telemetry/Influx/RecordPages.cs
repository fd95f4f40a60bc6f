using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Apache.Arrow;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>Reads a run page by page in order of stamp, then stream, then sequence; every page is a query of its own, so nothing is held open between them.</summary>
internal sealed class RecordPages(InfluxClient client, InfluxOptions options, InfluxCatalogue catalogue, RecordQuery query)
{
    private const int PageRows = RecordQuery.MaxBatchRows;

    /// <summary>Rows of records with the order in which they are to be read.</summary>
    public async IAsyncEnumerable<(RecordRows Rows, int[] Order)> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var streams = catalogue.OfRun(query.Run);
        var signals = catalogue.SignalsOf(query.Run, query.Signals);
        if (streams.Count == 0) yield break;
        var byId = streams.ToDictionary(s => s.Id, StringComparer.Ordinal);
        var from = Math.Max(query.FromUtcNs, InfluxNames.FirstStamp);
        var to = query.ToUtcNs == long.MaxValue ? "" : $" AND time < {query.ToUtcNs}";
        // A stamp occurs at most once a stream: a page that is longer than that by its rows holds at least one stamp complete.
        var limit = PageRows + streams.Count;
        while (true)
        {
            var rows = new RecordRows(signals, byId);
            var where = $"{InfluxNames.AnyOf(streams)} AND time >= {from}{to}";
            await client.QueryAsync(options.Records, RecordRows.Query(options.Records, signals, where, $" LIMIT {limit}"), rows, cancellation);
            var last = rows.Count < limit;
            var count = rows.Count;
            // The last stamp may go on in the next page.
            if (!last) while (rows.Utc[count - 1] == rows.Utc[rows.Count - 1]) count--;
            if (count > 0) yield return (rows, Order(rows, count));
            if (last) yield break;
            from = rows.Utc[^1];
        }
    }

    /// <summary>The pages as record batches of at most the query's rows.</summary>
    public async IAsyncEnumerable<RecordBatch> BatchesAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var size = Math.Clamp(query.BatchRows, 1, RecordQuery.MaxBatchRows);
        await foreach (var (rows, order) in ReadAsync(cancellation))
            for (var at = 0; at < order.Length; at += size)
                yield return Batch(rows, order.AsSpan(at, Math.Min(size, order.Length - at)));
    }

    /// <summary>Output name of a text signal that other batches of the run hold as a number.</summary>
    public static string TextColumn(SignalSet signals, string name) => signals.Numeric.Contains(name) ? name + "_as_text" : name;

    private static int[] Order(RecordRows rows, int count)
    {
        var order = Enumerable.Range(0, count).ToArray();
        // By stamp already; rows of one stamp are few.
        System.Array.Sort(order, (a, b) =>
        {
            var byStamp = rows.Utc[a].CompareTo(rows.Utc[b]);
            if (byStamp != 0) return byStamp;
            var byStream = rows.Stream[a].OpenedOrder.CompareTo(rows.Stream[b].OpenedOrder);
            return byStream != 0 ? byStream : rows.Seq[a].CompareTo(rows.Seq[b]);
        });
        return order;
    }

    private static RecordBatch Batch(RecordRows rows, ReadOnlySpan<int> order)
    {
        var stream = new StringArray.Builder();
        foreach (var k in order) stream.Append(rows.Stream[k].Key.ToString());
        var batch = new RecordBatch.Builder()
            .Append("_stream", false, stream.Build())
            .Append("_seq", false, new Int64Array.Builder().Append(Pick(rows.Seq, order)).Build())
            .Append("_utc_ns", false, new Int64Array.Builder().Append(Pick(rows.Utc, order)).Build())
            .Append("_monotonic_ns", false, new Int64Array.Builder().Append(Pick(rows.Monotonic, order)).Build())
            .Append("_quality", false, new UInt8Array.Builder().Append(Pick(rows.Quality, order)).Build());
        for (var c = 0; c < rows.Values.Length; c++)
            batch.Append(rows.Signals.Numeric[c], false, new DoubleArray.Builder().Append(Pick(rows.Values[c], order)).Build());
        for (var c = 0; c < rows.Texts.Length; c++)
        {
            var text = new StringArray.Builder();
            foreach (var k in order)
            {
                if (rows.Texts[c][k] is { } value) text.Append(value);
                else text.AppendNull();
            }

            batch.Append(TextColumn(rows.Signals, rows.Signals.Text[c]), true, text.Build());
        }

        return batch.Build();
    }

    private static ReadOnlySpan<T> Pick<T>(List<T> column, ReadOnlySpan<int> order)
    {
        var values = CollectionsMarshal.AsSpan(column);
        var picked = new T[order.Length];
        for (var k = 0; k < picked.Length; k++) picked[k] = values[order[k]];
        return picked;
    }
}
