using System.Buffers;
using System.Globalization;

namespace BattKomp.Lab.BatteryData;

/// <summary>Comma-separated UTF-8 records with LF line ends; numbers in invariant, round-trip form, NaN as an empty field.</summary>
internal sealed class Utf8CsvWriter(Stream stream)
{
    private const int LongestNumber = 32;
    private static readonly SearchValues<byte> NeedQuotes = SearchValues.Create(",\"\r\n"u8);
    private byte[] _buffer = new byte[1 << 16];
    private int _length;
    private bool _first = true;
    private bool _blank = true;

    public void Field(double value)
    {
        Separate(LongestNumber);
        if (double.IsNaN(value)) return;
        _blank = false;
        value.TryFormat(_buffer.AsSpan(_length), out var written, "R", CultureInfo.InvariantCulture);
        _length += written;
    }

    public void Field(long value)
    {
        Separate(LongestNumber);
        _blank = false;
        value.TryFormat(_buffer.AsSpan(_length), out var written, default, CultureInfo.InvariantCulture);
        _length += written;
    }

    public void Field(ReadOnlySpan<byte> text)
    {
        Separate((text.Length * 2) + 2);
        if (text.Length > 0) _blank = false;
        if (text.IndexOfAny(NeedQuotes) < 0)
        {
            text.CopyTo(_buffer.AsSpan(_length));
            _length += text.Length;
            return;
        }

        _buffer[_length++] = (byte)'"';
        foreach (var b in text)
        {
            if (b == (byte)'"') _buffer[_length++] = b;
            _buffer[_length++] = b;
        }

        _buffer[_length++] = (byte)'"';
    }

    public void EndRecord()
    {
        Reserve(3);
        if (_blank)
        {
            // A single empty field would make a blank line, which readers skip.
            _buffer[_length++] = (byte)'"';
            _buffer[_length++] = (byte)'"';
        }

        _buffer[_length++] = (byte)'\n';
        _first = _blank = true;
    }

    public void Flush()
    {
        stream.Write(_buffer, 0, _length);
        _length = 0;
    }

    private void Separate(int room)
    {
        Reserve(room + 1);
        if (!_first)
        {
            _buffer[_length++] = (byte)',';
            _blank = false;
        }

        _first = false;
    }

    private void Reserve(int room)
    {
        if (_length + room <= _buffer.Length) return;
        Flush();
        if (room > _buffer.Length) Array.Resize(ref _buffer, room * 2);
    }
}
