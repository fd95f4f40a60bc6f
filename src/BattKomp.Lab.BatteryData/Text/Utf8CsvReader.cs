namespace BattKomp.Lab.BatteryData;

/// <summary>
/// Comma-separated records as UTF-8 spans: no string per field, quotes honoured, CRLF or LF, byte-order mark skipped,
/// blank lines skipped. Not a general CSV library: it reads forward once and hands out spans valid until the next record.
/// </summary>
internal sealed class Utf8CsvReader
{
    private const int LongestRecord = 16 * 1024 * 1024;
    private readonly Stream _stream;
    private readonly string _file;
    private byte[] _buffer = new byte[1 << 18];
    private int _start;
    private int _end;
    private bool _exhausted;
    private byte[] _fields = [];
    private int _base;
    private int[] _from = new int[64];
    private int[] _to = new int[64];
    private long _nextLine = 1;

    public Utf8CsvReader(Stream stream, string file)
    {
        _stream = stream;
        _file = file;
        Fill();
        if (_end - _start >= 3 && _buffer.AsSpan(_start, 3).SequenceEqual("\uFEFF"u8)) _start += 3;
    }

    /// <summary>1-based line on which the current record starts.</summary>
    public long Line { get; private set; }

    public int FieldCount { get; private set; }

    /// <summary>True when the current record is the last one and no line end follows it.</summary>
    public bool Unterminated { get; private set; }

    public ReadOnlySpan<byte> this[int field] => _fields.AsSpan((_base + _from[field])..(_base + _to[field]));

    /// <summary>Moves to the next record that is not a blank line; false at the end.</summary>
    public bool Read()
    {
        while (TryTakeRecord(out var from, out var length, out var quoted))
        {
            if (length == 0) continue;
            if (_buffer.AsSpan(from, length).Contains((byte)0))
                throw Fail(ImportFailureCode.Binary, "the line holds a NUL byte, so this is not text.", "Export the data as text again.");
            if (quoted) SplitQuoted(_buffer.AsSpan(from, length));
            else Split(from, length);
            return true;
        }

        return false;
    }

    private bool TryTakeRecord(out int from, out int length, out bool quoted)
    {
        var scanned = 0;
        while (true)
        {
            var span = _buffer.AsSpan(_start, _end - _start);
            var newline = FindEnd(span, ref scanned, out quoted);
            if (newline >= 0 || (_exhausted && span.Length > 0))
            {
                Unterminated = newline < 0;
                length = newline < 0 ? span.Length : newline;
                from = _start;
                Line = _nextLine;
                _nextLine += 1 + (quoted ? span[..length].Count((byte)'\n') : 0);
                _start += Math.Min(span.Length, length + 1);
                if (length > 0 && span[length - 1] == (byte)'\r') length--;
                return true;
            }

            if (_exhausted)
            {
                from = length = 0;
                return false;
            }

            Fill();
        }
    }

    /// <summary>Index of the line end that closes the record (one inside quotes does not), or −1. <paramref name="scanned"/> skips what is known to hold none.</summary>
    private static int FindEnd(ReadOnlySpan<byte> span, ref int scanned, out bool quoted)
    {
        quoted = false;
        var newline = span[scanned..].IndexOf((byte)'\n');
        newline = newline < 0 ? -1 : newline + scanned;
        if (!span[..(newline < 0 ? span.Length : newline)].Contains((byte)'"'))
        {
            scanned = newline < 0 ? span.Length : 0;
            return newline;
        }

        quoted = true;
        scanned = 0;
        var inside = false;
        for (var i = 0; i < span.Length; i++)
        {
            if (span[i] == (byte)'"') inside = !inside;
            else if (span[i] == (byte)'\n' && !inside) return i;
        }

        return -1;
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= LongestRecord)
                throw Fail(ImportFailureCode.UnknownFormat, "a line is longer than 16 MiB.", "Check that the file is the text export it should be.");
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var read = _stream.Read(_buffer, _end, _buffer.Length - _end);
        _exhausted = read == 0;
        _end += read;
    }

    private void Split(int from, int length)
    {
        _fields = _buffer;
        _base = from;
        FieldCount = 0;
        var start = 0;
        var span = _buffer.AsSpan(from, length);
        for (var i = 0; i < span.Length; i++)
        {
            if (span[i] != (byte)',') continue;
            Add(start, i);
            start = i + 1;
        }

        Add(start, length);
    }

    private void SplitQuoted(ReadOnlySpan<byte> span)
    {
        _fields = new byte[span.Length];
        _base = 0;
        FieldCount = 0;
        int written = 0, start = 0;
        var inside = false;
        for (var i = 0; i < span.Length; i++)
        {
            if (span[i] == (byte)'"')
            {
                if (inside && i + 1 < span.Length && span[i + 1] == (byte)'"') _fields[written++] = span[i++];
                else inside = !inside;
            }
            else if (span[i] == (byte)',' && !inside)
            {
                Add(start, written);
                start = written;
            }
            else
            {
                _fields[written++] = span[i];
            }
        }

        Add(start, written);
    }

    private void Add(int from, int to)
    {
        if (FieldCount == _from.Length)
        {
            Array.Resize(ref _from, FieldCount * 2);
            Array.Resize(ref _to, FieldCount * 2);
        }

        _from[FieldCount] = from;
        _to[FieldCount++] = to;
    }

    private BatteryDataException Fail(ImportFailureCode code, string message, string remedy) =>
        new(new ImportFailure(code, _file, Line, null, null, message, remedy));
}
