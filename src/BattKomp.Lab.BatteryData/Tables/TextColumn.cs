using System.Text;

namespace BattKomp.Lab.BatteryData;

/// <summary>Text values, kept as one UTF-8 block so that a million fields cost no million strings. Empty means missing.</summary>
public sealed class TextColumn : Column
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly ReadOnlyMemory<int> _bounds;

    /// <summary>Field i is <c>bytes[bounds[i] .. bounds[i + 1]]</c>; so there is one bound more than there are rows.</summary>
    internal TextColumn(string name, ReadOnlyMemory<byte> bytes, ReadOnlyMemory<int> bounds)
        : base(name)
    {
        _bytes = bytes;
        _bounds = bounds;
    }

    /// <summary>A column of the given texts; null becomes empty.</summary>
    public TextColumn(string name, IEnumerable<string?> values)
        : base(name)
    {
        ArgumentNullException.ThrowIfNull(values);
        var builder = new TextBuilder();
        foreach (var value in values) builder.Append(Encoding.UTF8.GetBytes(value ?? ""));
        (_bytes, _bounds) = builder.Memory();
    }

    /// <inheritdoc/>
    public override int Count => _bounds.Length - 1;

    /// <summary>The text of one row.</summary>
    public string this[int row] => Encoding.UTF8.GetString(Utf8(row));

    /// <summary>The UTF-8 bytes of one row.</summary>
    public ReadOnlySpan<byte> Utf8(int row)
    {
        var bounds = _bounds.Span;
        return _bytes.Span[bounds[row]..bounds[row + 1]];
    }

    /// <summary>The UTF-8 block and the bounds of the fields in it.</summary>
    internal (ReadOnlyMemory<byte> Bytes, ReadOnlyMemory<int> Bounds) Utf8Block => (_bytes, _bounds);

    /// <inheritdoc/>
    public override Column Rename(string name) => new TextColumn(name, _bytes, _bounds);

    /// <inheritdoc/>
    public override Column Slice(int start, int count) => new TextColumn(Name, _bytes, _bounds.Slice(start, count + 1));
}
