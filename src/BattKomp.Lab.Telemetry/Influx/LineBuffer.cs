using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>
/// Line protocol as UTF-8 bytes in one pooled buffer; nothing is allocated per line. Numbers are written so that reading them gives the same bits.
/// </summary>
internal sealed class LineBuffer : IDisposable
{
    private const int MostBytesOfNumber = 32;
    private const double Micro = 1e6;
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(64 * 1024);
    private byte _separator;

    public int Length { get; private set; }

    public int Lines { get; private set; }

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    /// <summary>Where each line ends; kept only for lines begun with <see cref="Begin"/>.</summary>
    public List<int> Ends { get; } = [];

    public void Clear()
    {
        (Length, Lines) = (0, 0);
        Ends.Clear();
    }

    /// <summary>Begins a line of one of the store's own measurements; fields follow, then <see cref="End"/>.</summary>
    public LineBuffer Begin(string measurementAndTags)
    {
        Raw(Encoding.UTF8.GetBytes(measurementAndTags));
        _separator = (byte)' ';
        return this;
    }

    /// <summary>Adds a field: text, whole number, number or truth; nothing when it is null.</summary>
    public LineBuffer Field(string name, object? value)
    {
        if (value is null) return this;
        Raw([_separator]);
        Raw(Encoding.UTF8.GetBytes(name + "="));
        _separator = (byte)',';
        switch (value)
        {
            case string text: Text(text); break;
            case double number: Float(number); break;
            case bool truth: Raw(truth ? "true"u8 : "false"u8); break;
            default: Integer(Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture)); break;
        }

        return this;
    }

    /// <summary>Ends a line begun with <see cref="Begin"/>.</summary>
    public void End(long stamp)
    {
        EndLine(stamp);
        Ends.Add(Length);
    }

    /// <summary>Bytes that are line protocol already.</summary>
    public void Raw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>The stamp, and the end of the line.</summary>
    public void EndLine(long stamp)
    {
        var room = Room(MostBytesOfNumber);
        room[0] = (byte)' ';
        Utf8Formatter.TryFormat(stamp, room[1..], out var written);
        room[written + 1] = (byte)'\n';
        Length += written + 2;
        Lines++;
    }

    /// <summary>An integer field's value.</summary>
    public void Integer(long value)
    {
        var room = Room(MostBytesOfNumber);
        Utf8Formatter.TryFormat(value, room, out var written);
        room[written] = (byte)'i';
        Length += written + 1;
    }

    /// <summary>A float field's value, finite.</summary>
    public void Float(double value)
    {
        var room = Room(MostBytesOfNumber);
        if (TryShortDecimal(value, room, out var written)) { Length += written; return; }
        // The default format is the shortest that reads back as the same double.
        Utf8Formatter.TryFormat(value, room, out written);
        Length += written;
    }

    /// <summary>A string field's value, quoted.</summary>
    public void Text(string value)
    {
        var most = Encoding.UTF8.GetMaxByteCount(value.Length) * 2 + 2;
        var room = Room(most);
        var scratch = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(value.Length));
        var count = Encoding.UTF8.GetBytes(value, scratch);
        var at = 0;
        room[at++] = (byte)'"';
        foreach (var b in scratch.AsSpan(0, count))
        {
            if (b is (byte)'"' or (byte)'\\') room[at++] = (byte)'\\';
            room[at++] = b;
        }

        room[at++] = (byte)'"';
        Length += at;
        ArrayPool<byte>.Shared.Return(scratch);
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }

    // Most instruments count in micro-units: m / 10^6 with m below 2^53 is the double nearest to that decimal, so the decimal reads back as it.
    private static bool TryShortDecimal(double value, Span<byte> to, out int written)
    {
        written = 0;
        var magnitude = Math.Abs(value);
        if (!(magnitude < 1e9) || (value == 0 && double.IsNegative(value))) return false;
        var scaled = (long)Math.Round(magnitude * Micro);
        if (scaled / Micro != magnitude) return false;
        if (value < 0) to[written++] = (byte)'-';
        var (whole, part) = Math.DivRem(scaled, 1_000_000);
        Utf8Formatter.TryFormat(whole, to[written..], out var digits);
        written += digits;
        if (part == 0) return true;
        to[written] = (byte)'.';
        var last = 0;
        for (var k = 6; k >= 1; k--)
        {
            (part, var digit) = Math.DivRem(part, 10);
            to[written + k] = (byte)('0' + digit);
            if (last == 0 && digit != 0) last = k;
        }

        written += last + 1;
        return true;
    }

    private Span<byte> Room(int bytes)
    {
        if (_bytes.Length - Length < bytes) Grow(bytes);
        return _bytes.AsSpan(Length);
    }

    private void Grow(int bytes)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_bytes.Length * 2, Length + bytes));
        _bytes.AsSpan(0, Length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
