namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>
/// What a look through the bytes of one segment finds. A mark tells which bytes had been made durable, so damage before it is a loss to report,
/// while anything unreadable after it is the tail of a commit that never completed and is cut.
/// </summary>
public sealed class SegmentScan
{
    private readonly List<FrameSpan> _frames = [];

    private SegmentScan()
    {
    }

    /// <summary>Sound frames to keep, in file order.</summary>
    public IReadOnlyList<FrameSpan> Frames => _frames;

    /// <summary>True when bytes that had been durable can no longer be read.</summary>
    public bool Damaged { get; private set; }

    /// <summary>Length to cut the file to (only meaningful when it is not damaged).</summary>
    public int SoundLength { get; private set; }

    /// <summary>Bytes before which everything had been durable, as far as the segment itself and its successor tell.</summary>
    public long Durable { get; private set; }

    /// <summary>Sound frames found anywhere, kept or not.</summary>
    public int Found { get; private set; }

    /// <summary>Scans a segment. <paramref name="knownDurable"/> is the length that a later segment attests, 0 when none does.</summary>
    public static SegmentScan Of(ReadOnlySpan<byte> bytes, long knownDurable)
    {
        var scan = new SegmentScan { Durable = knownDurable };
        var found = new List<FrameSpan>();
        var holes = new List<(int From, int To)>();
        var position = SegmentFormat.HasHeader(bytes) ? SegmentFormat.HeaderLength : 0;
        if (position == 0 && bytes.Length > 0)
            position = Skip(bytes, 0, holes);
        while (position < bytes.Length)
        {
            if (!SegmentFormat.TryReadFrame(bytes, position, out var frame))
            {
                position = Skip(bytes, position, holes);
                continue;
            }
            found.Add(frame);
            if (frame.Kind == FrameKind.Mark)
                scan.Durable = Math.Max(scan.Durable, SegmentFormat.ReadMark(bytes.Slice(frame.PayloadOffset, frame.PayloadLength)));
            position = frame.End;
        }
        scan.Judge(bytes.Length, found, holes);
        return scan;
    }

    private void Judge(int length, List<FrameSpan> found, List<(int From, int To)> holes)
    {
        var torn = holes.Where(h => h.From >= Durable).Select(h => h.From).DefaultIfEmpty(length).Min();
        Found = found.Count;
        Damaged = holes.Any(h => h.From < Durable) || length < Durable;
        SoundLength = torn;
        _frames.AddRange(found.Where(f => f.Offset < torn));
    }

    private static int Skip(ReadOnlySpan<byte> bytes, int from, List<(int From, int To)> holes)
    {
        var to = from + 1;
        while (to < bytes.Length && !SegmentFormat.TryReadFrame(bytes, to, out _))
            to++;
        holes.Add((from, to));
        return to;
    }
}
