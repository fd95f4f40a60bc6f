namespace BattKomp.Lab.BatteryData;

/// <summary>
/// The records of one test on one test object, column by column. Canonical columns carry BDF 1.3 machine names and units
/// (positive current charges); columns that BDF has no term for keep the vendor's header and values.
/// </summary>
public sealed class RecordTable : ColumnTable
{
    /// <summary>Rows per batch that a streaming consumer may expect at most.</summary>
    public const int MaxBatch = 32 * 1024;

    /// <summary>A table with what is known of its source.</summary>
    public RecordTable(IReadOnlyList<Column> columns, SourceDescription? source = null, IReadOnlyList<ColumnTable>? instrumentTables = null)
        : base("records", columns)
    {
        Source = source ?? SourceDescription.Unknown;
        InstrumentTables = instrumentTables ?? [];
    }

    /// <summary>Where the records come from and how their signs, times and counters are to be read.</summary>
    public SourceDescription Source { get; }

    /// <summary>Tables that the instrument itself wrote beside the records (its own cycle and step rows), under the vendor's headers.</summary>
    public IReadOnlyList<ColumnTable> InstrumentTables { get; }

    /// <summary>The instrument's own table of that name (<c>cycles</c>, <c>steps</c>), or null.</summary>
    public ColumnTable? InstrumentTable(string name) => InstrumentTables.FirstOrDefault(t => t.Name == name);

    /// <summary>This table with one more column, or with the column of the same name replaced.</summary>
    public RecordTable With(Column column)
    {
        ArgumentNullException.ThrowIfNull(column);
        var columns = Columns.ToList();
        var at = columns.FindIndex(c => c.Name == column.Name);
        if (at < 0) columns.Add(column);
        else columns[at] = column;
        return new RecordTable(columns, Source, InstrumentTables);
    }

    /// <summary>This table with only the named columns, in that order.</summary>
    public RecordTable Select(params IEnumerable<string> names) =>
        new(names.Select(n => TryGet(n, out var c) ? c : throw new ArgumentException($"No column {n}.", nameof(names))).ToList(), Source, InstrumentTables);

    /// <summary>Rows <c>[start, start + count)</c>; nothing is copied.</summary>
    public RecordTable Slice(int start, int count) =>
        new(Columns.Select(c => c.Slice(start, count)).ToList(), Source, InstrumentTables);

    /// <summary>The records in consecutive batches of at most <paramref name="rows"/> rows.</summary>
    public IEnumerable<RecordTable> Batches(int rows = MaxBatch)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        for (var start = 0; start < Count; start += rows)
            yield return Slice(start, Math.Min(rows, Count - start));
    }
}
