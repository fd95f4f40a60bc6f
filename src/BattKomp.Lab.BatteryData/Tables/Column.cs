namespace BattKomp.Lab.BatteryData;

/// <summary>One named column. The name is a BDF 1.3 machine name (<c>voltage_volt</c>) or, for a vendor's own column, its header as written.</summary>
public abstract class Column
{
    private protected Column(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Name = name;
    }

    /// <summary>Machine name, or the vendor's header.</summary>
    public string Name { get; }

    /// <summary>Number of rows.</summary>
    public abstract int Count { get; }

    /// <summary>The same values under another name; nothing is copied.</summary>
    public abstract Column Rename(string name);

    /// <summary>Rows <c>[start, start + count)</c>; nothing is copied.</summary>
    public abstract Column Slice(int start, int count);
}

/// <summary>Double-precision values; NaN means that the record has no such value.</summary>
public sealed class NumberColumn(string name, ReadOnlyMemory<double> values) : Column(name)
{
    /// <summary>The values in record order.</summary>
    public ReadOnlySpan<double> Values => values.Span;

    /// <inheritdoc/>
    public override int Count => values.Length;

    /// <inheritdoc/>
    public override Column Rename(string name) => new NumberColumn(name, values);

    /// <inheritdoc/>
    public override Column Slice(int start, int count) => new NumberColumn(Name, values.Slice(start, count));
}

/// <summary>Whole numbers without gaps (counts and indices). A count with missing values is a <see cref="NumberColumn"/>.</summary>
public sealed class IntegerColumn(string name, ReadOnlyMemory<long> values) : Column(name)
{
    /// <summary>The values in record order.</summary>
    public ReadOnlySpan<long> Values => values.Span;

    /// <inheritdoc/>
    public override int Count => values.Length;

    /// <inheritdoc/>
    public override Column Rename(string name) => new IntegerColumn(name, values);

    /// <inheritdoc/>
    public override Column Slice(int start, int count) => new IntegerColumn(Name, values.Slice(start, count));
}
