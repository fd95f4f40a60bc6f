using System.Globalization;
using BattKomp.Lab.EdgeAgent.Records;

namespace BattKomp.Lab.EdgeAgent.Safety;

/// <summary>The last of what went over a channel's line, raw, and its last readings: evidence when something stops the channel. In memory, bounded. Safe for several threads.</summary>
public sealed class LineCapture(int maxBytes = 64 << 10, int maxRows = 500)
{
    private readonly Lock _gate = new();
    private readonly Queue<(long Ns, bool Sent, byte[] Bytes)> _frames = new();
    private readonly Queue<RecordRow> _rows = new();
    private int _bytes;

    /// <summary>Keeps bytes that were sent or received at a machine time (ns since 1970).</summary>
    public void Bytes(long machineNs, bool sent, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        lock (_gate)
        {
            var kept = bytes.Length > maxBytes ? bytes[^maxBytes..] : bytes;
            _frames.Enqueue((machineNs, sent, kept.ToArray()));
            _bytes += kept.Length;
            while (_bytes > maxBytes)
                _bytes -= _frames.Dequeue().Bytes.Length;
        }
    }

    /// <summary>Keeps a reading.</summary>
    public void Row(RecordRow row)
    {
        lock (_gate)
        {
            _rows.Enqueue(row);
            if (_rows.Count > maxRows)
                _rows.Dequeue();
        }
    }

    /// <summary>One line a piece: machine time in ns, "in" or "out", hex.</summary>
    public string Lines()
    {
        lock (_gate)
            return string.Concat(_frames.Select(f => string.Create(CultureInfo.InvariantCulture, $"{f.Ns} {(f.Sent ? "out" : "in")} {Convert.ToHexStringLower(f.Bytes)}\n")));
    }

    /// <summary>The readings as CSV: stamp in ns of lab time, the signals, the quality.</summary>
    public string Readings(IReadOnlyList<string> signals)
    {
        lock (_gate)
            return $"utc_ns,{string.Join(',', signals)},quality\n"
                + string.Concat(_rows.Select(r => $"{r.StampNs},{string.Join(',', r.Values.Select(v => v.ToString("R", CultureInfo.InvariantCulture)))},{r.Quality}\n"));
    }
}
