namespace BattKomp.Lab.BatteryData.Importers.Rows;

/// <summary>Takes a line without its end. An overlong line arrives as its first <see cref="LineSplitter.LongestLine"/> bytes and says so.</summary>
internal delegate void LineTaker(ReadOnlySpan<byte> line, bool overlong);

/// <summary>Cuts pushed bytes into lines; a line is given once its end has come, however the bytes were cut.</summary>
internal sealed class LineSplitter
{
    public const int LongestLine = 1 << 20;
    private byte[] _held = new byte[1024];
    private int _length;
    private bool _overlong;

    /// <summary>The bytes after the last line end.</summary>
    public ReadOnlySpan<byte> Rest => _held.AsSpan(0, _length);

    public void Feed(ReadOnlySpan<byte> bytes, LineTaker take)
    {
        while (true)
        {
            var end = bytes.IndexOf((byte)'\n');
            if (end < 0) break;
            if (_length == 0 && !_overlong && end <= LongestLine)
            {
                Give(bytes[..end], take);
            }
            else
            {
                Hold(bytes[..end]);
                Give(_held.AsSpan(0, _length), take);
            }

            _length = 0;
            _overlong = false;
            bytes = bytes[(end + 1)..];
        }

        Hold(bytes);
    }

    private void Give(ReadOnlySpan<byte> line, LineTaker take) =>
        take(!_overlong && line.Length > 0 && line[^1] == (byte)'\r' ? line[..^1] : line, _overlong);

    private void Hold(ReadOnlySpan<byte> bytes)
    {
        var room = LongestLine - _length;
        if (bytes.Length > room)
        {
            _overlong = true;
            bytes = bytes[..room];
        }

        if (_length + bytes.Length > _held.Length) Array.Resize(ref _held, Math.Max(_length + bytes.Length, _held.Length * 2));
        bytes.CopyTo(_held.AsSpan(_length));
        _length += bytes.Length;
    }
}
