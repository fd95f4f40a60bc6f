using System.Runtime.InteropServices;

namespace BattKomp.Lab.BatteryData;

/// <summary>Collects UTF-8 fields into one block.</summary>
internal sealed class TextBuilder
{
    private byte[] _bytes = new byte[256];
    private int _length;
    private readonly List<int> _bounds = [0];

    public int Count => _bounds.Count - 1;

    public void Append(ReadOnlySpan<byte> field)
    {
        var needed = checked(_length + field.Length);
        if (needed > _bytes.Length) Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max((long)needed, 2L * _bytes.Length)));
        field.CopyTo(_bytes.AsSpan(_length));
        _length = needed;
        _bounds.Add(_length);
    }

    public ReadOnlySpan<byte> Field(int row)
    {
        var bounds = CollectionsMarshal.AsSpan(_bounds);
        return _bytes.AsSpan(bounds[row]..bounds[row + 1]);
    }

    public (ReadOnlyMemory<byte> Bytes, ReadOnlyMemory<int> Bounds) Memory() => (_bytes.AsMemory(0, _length), _bounds.ToArray());

    public TextColumn Build(string name)
    {
        var (bytes, bounds) = Memory();
        return new TextColumn(name, bytes, bounds);
    }
}

/// <summary>Collects doubles without boxing or copying more than doubling needs.</summary>
internal sealed class NumberBuilder
{
    private double[] _values = new double[1024];

    public int Count { get; private set; }

    public ReadOnlySpan<double> Values => _values.AsSpan(0, Count);

    public void Append(double value)
    {
        if (Count == _values.Length) Array.Resize(ref _values, Count * 2);
        _values[Count++] = value;
    }

    public NumberColumn Build(string name) => new(name, _values.AsMemory(0, Count));

    /// <summary>An integer column when every value is a whole number that a double holds exactly; else the doubles as they are.</summary>
    public Column BuildInteger(string name)
    {
        const double exact = 1L << 53;
        var whole = new long[Count];
        for (var i = 0; i < Count; i++)
        {
            var value = _values[i];
            if (!(Math.Abs(value) <= exact) || value != Math.Floor(value)) return Build(name);
            whole[i] = (long)value;
        }

        return new IntegerColumn(name, whole);
    }
}

/// <summary>
/// Decides a column's type from its fields: whole numbers, else numbers, else text. A field with a leading zero or plus
/// sign (<c>007</c>, <c>+1</c>) is an identifier and makes the column text, so that nothing written is lost.
/// </summary>
internal static class ColumnInference
{
    public static Column Build(string name, TextBuilder fields) =>
        (Column?)TryIntegers(name, fields) ?? (Column?)TryNumbers(name, fields) ?? fields.Build(name);

    private static IntegerColumn? TryIntegers(string name, TextBuilder fields)
    {
        var values = new long[fields.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var field = fields.Field(i);
            if (!Utf8Number.TryParseWhole(field, out values[i])) return null;
        }

        return new IntegerColumn(name, values);
    }

    private static NumberColumn? TryNumbers(string name, TextBuilder fields)
    {
        var values = new double[fields.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var field = fields.Field(i);
            if (Utf8Number.LooksLikeIdentifier(field) || !Utf8Number.TryParse(field, out values[i])) return null;
        }

        return new NumberColumn(name, values);
    }
}
