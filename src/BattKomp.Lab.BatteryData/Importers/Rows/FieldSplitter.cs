namespace BattKomp.Lab.BatteryData.Importers.Rows;

/// <summary>Splits one line at a separator; quotes are honoured. Holds places, not bytes, unless quotes had to be undone.</summary>
internal sealed class FieldSplitter
{
    private int[] _from = new int[64];
    private int[] _to = new int[64];
    private byte[] _unquoted = [];
    private bool _quoted;

    public int Count { get; private set; }

    /// <summary>A field of the line that was split last; empty after its end.</summary>
    public ReadOnlySpan<byte> this[int field, ReadOnlySpan<byte> line] =>
        field >= Count ? default : (_quoted ? _unquoted : line)[_from[field].._to[field]];

    public void Split(ReadOnlySpan<byte> line, byte separator)
    {
        Count = 0;
        _quoted = line.Contains((byte)'"');
        if (_quoted)
        {
            SplitQuoted(line, separator);
            return;
        }

        var start = 0;
        while (true)
        {
            var next = line[start..].IndexOf(separator);
            if (next < 0) break;
            Add(start, start + next);
            start += next + 1;
        }

        Add(start, line.Length);
    }

    private void SplitQuoted(ReadOnlySpan<byte> line, byte separator)
    {
        if (_unquoted.Length < line.Length) _unquoted = new byte[line.Length * 2];
        int written = 0, start = 0;
        var inside = false;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == (byte)'"')
            {
                if (inside && i + 1 < line.Length && line[i + 1] == (byte)'"') _unquoted[written++] = line[i++];
                else inside = !inside;
            }
            else if (line[i] == separator && !inside)
            {
                Add(start, written);
                start = written;
            }
            else
            {
                _unquoted[written++] = line[i];
            }
        }

        Add(start, written);
    }

    private void Add(int from, int to)
    {
        if (Count == _from.Length)
        {
            Array.Resize(ref _from, Count * 2);
            Array.Resize(ref _to, Count * 2);
        }

        _from[Count] = from;
        _to[Count++] = to;
    }
}
