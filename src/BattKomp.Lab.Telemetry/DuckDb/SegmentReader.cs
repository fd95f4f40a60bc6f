using Apache.Arrow;
using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>Reads segments back: the archive does not need the hot store.</summary>
public static class SegmentReader
{
    /// <summary>
    /// The records of all files by stamp, then stream, then sequence, in batches of at most <see cref="RecordQuery.MaxBatchRows"/>, with the
    /// columns of <see cref="ITelemetryStore.ReadAsync"/>. A signal that a file lacks is NaN or null there.
    /// </summary>
    public static IEnumerable<RecordBatch> Read(IReadOnlyList<string> paths)
    {
        if (paths.Count == 0) yield break;
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        var files = string.Join(", ", paths.Select(p => $"'{p.Replace("'", "''", StringComparison.Ordinal)}'"));
        using var command = connection.Command($"SELECT * FROM read_parquet([{files}], union_by_name = true) ORDER BY _utc_ns, _stream, _seq");
        using var reader = command.ExecuteReader();
        var page = new Columns(reader);
        while (reader.Read())
        {
            page.Add(reader);
            if (page.Count == RecordQuery.MaxBatchRows) yield return page.Take();
        }

        if (page.Count > 0) yield return page.Take();
    }

    private sealed class Columns
    {
        private readonly string[] _names;
        private readonly Type[] _types;
        private object[] _builders = [];

        public Columns(DuckDBDataReader reader)
        {
            _names = [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)];
            _types = [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetFieldType)];
            Start();
        }

        public int Count { get; private set; }

        public void Add(DuckDBDataReader reader)
        {
            for (var c = 0; c < _builders.Length; c++)
            {
                var missing = reader.IsDBNull(c);
                switch (_builders[c])
                {
                    case Int64Array.Builder whole: whole.Append(reader.GetInt64(c)); break;
                    case UInt8Array.Builder small: small.Append(reader.GetByte(c)); break;
                    case DoubleArray.Builder number: number.Append(missing ? double.NaN : reader.GetDouble(c)); break;
                    case StringArray.Builder text when missing: text.AppendNull(); break;
                    case StringArray.Builder text: text.Append(reader.GetString(c)); break;
                }
            }

            Count++;
        }

        public RecordBatch Take()
        {
            var batch = new RecordBatch.Builder();
            for (var c = 0; c < _builders.Length; c++)
                batch.Append(_names[c], _builders[c] is StringArray.Builder, Array(_builders[c]));
            Start();
            return batch.Build();
        }

        private static IArrowArray Array(object builder) => builder switch
        {
            Int64Array.Builder b => b.Build(),
            UInt8Array.Builder b => b.Build(),
            DoubleArray.Builder b => b.Build(),
            _ => ((StringArray.Builder)builder).Build(),
        };

        private void Start()
        {
            Count = 0;
            _builders = [.. _types.Select<Type, object>(t =>
                t == typeof(long) ? new Int64Array.Builder() : t == typeof(byte) ? new UInt8Array.Builder() : t == typeof(double) ? new DoubleArray.Builder() : new StringArray.Builder())];
        }
    }
}
