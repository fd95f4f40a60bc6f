using System.Diagnostics.CodeAnalysis;

namespace BattKomp.Lab.BatteryData;

/// <summary>Named columns of equal length.</summary>
public class ColumnTable
{
    private readonly Dictionary<string, Column> _byName;

    /// <summary>A table of the given columns; equal lengths and distinct names are required.</summary>
    public ColumnTable(string name, IReadOnlyList<Column> columns)
    {
        ArgumentNullException.ThrowIfNull(columns);
        Name = name;
        Columns = columns;
        Count = columns.Count == 0 ? 0 : columns[0].Count;
        _byName = new Dictionary<string, Column>(columns.Count, StringComparer.Ordinal);
        foreach (var column in columns)
        {
            if (column.Count != Count)
                throw new ArgumentException($"Column {column.Name} has {column.Count} rows where {columns[0].Name} has {Count}.", nameof(columns));
            if (!_byName.TryAdd(column.Name, column))
                throw new ArgumentException($"Column {column.Name} occurs twice.", nameof(columns));
        }
    }

    /// <summary>What the rows are: records, cycles, steps.</summary>
    public string Name { get; }

    /// <summary>The columns in file order.</summary>
    public IReadOnlyList<Column> Columns { get; }

    /// <summary>Number of rows.</summary>
    public int Count { get; }

    /// <summary>Whether there is a column of that name.</summary>
    public bool Has(string name) => _byName.ContainsKey(name);

    /// <summary>The column of that name, if there is one.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out Column? column) => _byName.TryGetValue(name, out column);

    /// <summary>A column's values as doubles (whole numbers are widened), or null when there is no such column or it holds text.</summary>
    public double[]? Numbers(string name) => Numbers(_byName.GetValueOrDefault(name));

    /// <summary>A column's texts, or null when there is no such column or it holds numbers.</summary>
    public TextColumn? Texts(string name) => _byName.GetValueOrDefault(name) as TextColumn;

    internal static double[]? Numbers(Column? column)
    {
        switch (column)
        {
            case NumberColumn numbers:
                return numbers.Values.ToArray();
            case IntegerColumn integers:
                var wide = new double[integers.Count];
                for (var i = 0; i < wide.Length; i++) wide[i] = integers.Values[i];
                return wide;
            default:
                return null;
        }
    }
}
