using Apache.Arrow;
using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>Reads a run page by page; every page is a transaction of its own and starts after the last row of the one before.</summary>
internal sealed class RecordReader(RecordQuery query)
{
    private (long Utc, int Stream, long Seq)? _after;
    private bool _ended;

    /// <summary>The next batch, or null at the end.</summary>
    public RecordBatch? NextPage(DuckDBConnection connection)
    {
        if (_ended) return null;
        var rows = Math.Clamp(query.BatchRows, 1, RecordQuery.MaxBatchRows);
        var run = StreamRows.RunId(connection, query.Run);
        var union = new RunUnion(connection, run, query.Signals);
        if (union.Empty) return null;
        using var command = connection.Command($"SELECT * FROM ({union.Select(Where())}) ORDER BY _utc_ns, _stream, _seq LIMIT {rows}");
        using var reader = command.ExecuteReader();
        var page = new Page(union, rows, RunQueries.Keys(connection, run));
        while (reader.Read()) _after = page.Add(reader);
        _ended = page.Count < rows;
        return page.Count == 0 ? null : page.ToBatch();
    }

    private string Where()
    {
        var range = $"_utc_ns >= {query.FromUtcNs} AND _utc_ns < {query.ToUtcNs}";
        return _after is not { } a ? range
            : $"{range} AND _utc_ns >= {a.Utc} AND (_utc_ns > {a.Utc} OR _stream > {a.Stream} OR (_stream = {a.Stream} AND _seq > {a.Seq}))";
    }

    private sealed class Page(RunUnion union, int capacity, Dictionary<int, StreamKey> keys)
    {
        private readonly Dictionary<int, string> _names = keys.ToDictionary(p => p.Key, p => p.Value.ToString());
        private readonly StringArray.Builder _stream = new();
        private readonly long[] _seq = new long[capacity], _utc = new long[capacity], _monotonic = new long[capacity];
        private readonly byte[] _quality = new byte[capacity];
        private readonly double[][] _values = [.. union.Numeric.Select(_ => new double[capacity])];
        private readonly StringArray.Builder[] _texts = [.. union.Text.Select(_ => new StringArray.Builder())];

        public int Count { get; private set; }

        public (long, int, long) Add(DuckDBDataReader r)
        {
            var stream = r.GetInt32(0);
            var k = Count++;
            _stream.Append(_names[stream]);
            _seq[k] = r.GetInt64(1);
            _utc[k] = r.GetInt64(2);
            _monotonic[k] = r.GetInt64(3);
            _quality[k] = r.GetByte(4);
            for (var c = 0; c < _values.Length; c++) _values[c][k] = r.IsDBNull(5 + c) ? double.NaN : r.GetDouble(5 + c);
            for (var c = 0; c < _texts.Length; c++)
            {
                var at = 5 + _values.Length + c;
                if (r.IsDBNull(at)) _texts[c].AppendNull();
                else _texts[c].Append(r.GetString(at));
            }

            return (_utc[k], stream, _seq[k]);
        }

        public RecordBatch ToBatch()
        {
            var batch = new RecordBatch.Builder()
                .Append("_stream", false, _stream.Build())
                .Append("_seq", false, new Int64Array.Builder().Append(_seq.AsSpan(0, Count)).Build())
                .Append("_utc_ns", false, new Int64Array.Builder().Append(_utc.AsSpan(0, Count)).Build())
                .Append("_monotonic_ns", false, new Int64Array.Builder().Append(_monotonic.AsSpan(0, Count)).Build())
                .Append("_quality", false, new UInt8Array.Builder().Append(_quality.AsSpan(0, Count)).Build());
            for (var c = 0; c < _values.Length; c++)
                batch.Append(union.Numeric[c], false, new DoubleArray.Builder().Append(_values[c].AsSpan(0, Count)).Build());
            for (var c = 0; c < _texts.Length; c++)
                batch.Append(union.TextColumn(union.Text[c]), true, _texts[c].Build());
            return batch.Build();
        }
    }
}
