namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>Reads committed entries in the order they were written, never past the last commit. Not safe for several threads at once.</summary>
public sealed class JournalReader : IDisposable
{
    private const int ChunkBytes = 256 << 10;
    private readonly AgentJournal _journal;
    private readonly IJournalDisk _disk;
    private IJournalFile? _file;
    private byte[] _chunk = [];
    private long _chunkStart;
    private int _chunkLength;

    internal JournalReader(AgentJournal journal, IJournalDisk disk, JournalPosition from)
    {
        _journal = journal;
        _disk = disk;
        Position = from;
    }

    /// <summary>Where the next read begins.</summary>
    public JournalPosition Position { get; private set; }

    /// <summary>The next committed entry; null when there is none yet.</summary>
    public JournalFrame? TryRead()
    {
        while (_journal.Extent(Position.Segment) is { } extent)
        {
            if (Position.Offset == 0 && extent.Length > 0)
                Position = Position with { Offset = SegmentFormat.HeaderLength };
            if (Position.Offset >= extent.Length)
            {
                if (extent.Next is not { } next)
                    return null;
                MoveTo(next);
                continue;
            }
            var at = Position;
            var (kind, payload) = ReadFrame(extent.Length);
            if (kind == FrameKind.Entry && payload is not null)
                return new JournalFrame(at, Position, payload);
        }
        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private (FrameKind Kind, byte[]? Payload) ReadFrame(long segmentLength)
    {
        var claimed = SegmentFormat.ClaimedLength(Bytes(SegmentFormat.FrameOverhead));
        var bytes = claimed == 0 ? [] : Bytes(claimed);
        if (!SegmentFormat.TryReadFrame(bytes, 0, out var frame))
        {
            // The disk no longer gives what it took. Recovery at the next start sets the segment aside; reading goes on behind it.
            Position = Position with { Offset = segmentLength };
            return (FrameKind.Mark, null);
        }
        Position = Position with { Offset = Position.Offset + frame.End };
        return (frame.Kind, frame.Kind == FrameKind.Entry ? bytes.Slice(frame.PayloadOffset, frame.PayloadLength).ToArray() : null);
    }

    private ReadOnlySpan<byte> Bytes(int count)
    {
        var from = (int)(Position.Offset - _chunkStart);
        if (_file is null || from < 0 || from + count > _chunkLength)
        {
            _file ??= _disk.Open(Segment.NameOf(Position.Segment));
            if (_chunk.Length < count)
                _chunk = new byte[Math.Max(ChunkBytes, count)];
            _chunkStart = Position.Offset;
            _chunkLength = _file.Read(_chunkStart, _chunk);
            from = 0;
        }
        return _chunk.AsSpan(from, Math.Min(count, _chunkLength - from));
    }

    private void MoveTo(long segment)
    {
        _file?.Dispose();
        _file = null;
        _chunkLength = 0;
        Position = new JournalPosition(segment, 0);
    }
}
