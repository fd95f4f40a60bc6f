using System.Buffers;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>
/// The segment files: what they hold, what is acknowledged, what may be freed. One thread commits; the rest reads under <see cref="Gate"/>.
/// </summary>
internal sealed class SegmentLog : IDisposable
{
    private readonly IJournalDisk _disk;
    private readonly JournalOptions _options;
    private readonly List<Segment> _segments;
    private readonly ArrayBufferWriter<byte> _buffer = new(64 << 10);
    private IJournalFile? _file;
    private Segment? _current;
    private JournalPosition _acked;
    private JournalPosition _persistedAck;
    private bool _rollBack;
    private bool _removing;

    public SegmentLog(IJournalDisk disk, JournalOptions options, JournalRecovery recovered)
    {
        (_disk, _options, _segments) = (disk, options, recovered.Segments);
        (State, Losses) = (recovered.State, recovered.Losses);
        _current = _segments.LastOrDefault();
        _acked = _persistedAck = LoadCursor();
    }

    public Lock Gate { get; } = new();

    public JournalState State { get; }

    public IReadOnlyList<JournalLoss> Losses { get; }

    public JournalPosition End
    {
        get
        {
            lock (Gate)
                return _segments.Count == 0 ? new JournalPosition(0, 0) : new JournalPosition(_segments[^1].Number, _segments[^1].Length);
        }
    }

    public JournalPosition Acked
    {
        get
        {
            lock (Gate)
                return _acked;
        }
    }

    public long Unacked
    {
        get
        {
            lock (Gate)
                return UnackedBytes();
        }
    }

    public double UsedFraction
    {
        get
        {
            lock (Gate)
                return Math.Min(1, (double)UnackedBytes() / _options.MaxBytes);
        }
    }

    /// <summary>Writes the entries behind the last commit, gives them their sequences and flushes; all of them or, with an exception, none. <paramref name="beyondBound"/>: bytes by which the bound may be passed.</summary>
    /// <exception cref="IOException">The disk does not take them, or the bound is met.</exception>
    public void Commit(IReadOnlyList<PendingEntry> group, long beyondBound)
    {
        RollBack();
        var segment = Current();
        Encode(group, segment.Length);
        EnsureBound(_buffer.WrittenCount, beyondBound);
        _rollBack = true;
        _file!.Write(segment.Length, _buffer.WrittenSpan);
        _file.Flush();
        _rollBack = false;
        lock (Gate)
        {
            segment.Length += _buffer.WrittenCount;
            foreach (var pending in group)
            {
                State.Apply(pending.Entry);
                segment.Note(PeekOf(pending.Entry));
            }
        }
        foreach (var pending in group)
            pending.Stream.NextSeq = pending.NextSeq;
    }

    public void Acknowledge(JournalPosition before)
    {
        lock (Gate)
        {
            if (before.CompareTo(_acked) <= 0)
                return;
            _acked = before;
            FreeAcked(_options.MaxBytes);
        }
    }

    /// <summary>Frees every segment that is wholly acknowledged: a full disk matters more than what a server might ask for again.</summary>
    public void FreeAllAcked()
    {
        lock (Gate)
            FreeAcked(0);
    }

    public void PersistCursor()
    {
        var cursor = Acked;
        if (cursor == _persistedAck)
            return;
        try
        {
            AckCursorFile.Write(_disk, cursor);
            _persistedAck = cursor;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk: the cursor lags, and what it lags by is sent again.
        }
    }

    public IReadOnlyList<long> SegmentsWith(StreamKey key, long first, long last)
    {
        var id = JournalState.Id(key);
        lock (Gate)
            return [.. _segments.Where(s => s.Ranges.TryGetValue(id, out var r) && r.Last >= first && r.First <= last).Select(s => s.Number)];
    }

    public (long Length, long? Next)? Extent(long segment)
    {
        lock (Gate)
        {
            var index = _segments.FindIndex(s => s.Number >= segment);
            if (index < 0)
                return null;
            var found = _segments[index];
            return found.Number == segment
                ? (found.Length, index + 1 < _segments.Count ? _segments[index + 1].Number : null)
                : (0, found.Number);
        }
    }

    public void Dispose()
    {
        PersistCursor();
        _file?.Dispose();
    }

    private static EntryPeek PeekOf(Entry entry) =>
        new(entry.Key, entry.FirstSeq, entry.BodyCase == Entry.BodyOneofCase.Batch ? entry.Batch.UtcNs.Count : 1, entry.BodyCase);

    private void RollBack()
    {
        if (!_rollBack)
            return;
        _file!.SetLength(_current!.Length);
        _file.Flush();
        _rollBack = false;
    }

    private void Encode(IReadOnlyList<PendingEntry> group, long durable)
    {
        _buffer.ResetWrittenCount();
        SegmentFormat.WriteMark(_buffer, durable);
        var next = new Dictionary<JournalStream, long>();
        foreach (var pending in group)
        {
            var (stream, entry) = (pending.Stream, pending.Entry);
            var seq = next.TryGetValue(stream, out var n) ? n : stream.NextSeq;
            entry.Key = stream.Key;
            entry.FirstSeq = seq;
            if (entry.BodyCase == Entry.BodyOneofCase.Closed)
                entry.Closed.LastSeq = seq - 1;
            next[stream] = seq + entry.BodyCase switch { Entry.BodyOneofCase.Batch => entry.Batch.UtcNs.Count, Entry.BodyOneofCase.Closed => 0, _ => 1 };
            SegmentFormat.WriteFrame(_buffer, FrameKind.Entry, entry.ToByteArray());
            pending.First = seq;
            pending.NextSeq = next[stream];
        }
    }

    private void EnsureBound(int more, long beyondBound)
    {
        lock (Gate)
        {
            FreeAcked(_options.MaxBytes - more);
            if (UnackedBytes() + more > _options.MaxBytes + beyondBound)
                throw new IOException($"The journal holds {UnackedBytes()} bytes that the server has not acknowledged; its bound is {_options.MaxBytes}. Reconnect the server or raise journal.max_bytes.");
        }
    }

    private Segment Current()
    {
        if (_current is not null && _current.Length < _options.SegmentBytes)
        {
            _file ??= _disk.Open(_current.Name);
            return _current;
        }
        var segment = new Segment(_current is not null ? _current.Number + 1 : Math.Max(1, Acked.Segment + 1));
        var head = new ArrayBufferWriter<byte>();
        SegmentFormat.WriteHeader(head);
        SegmentFormat.WriteFrame(head, FrameKind.Snapshot, State.ToSnapshot(_current?.Length ?? 0));
        _file?.Dispose();
        _file = null;
        var file = _disk.Open(segment.Name);
        try
        {
            file.SetLength(0);
            file.Write(0, head.WrittenSpan);
            file.Flush();
            _disk.FlushDirectory();
        }
        catch
        {
            file.Dispose();
            throw;
        }
        _file = file;
        segment.Length = head.WrittenCount;
        lock (Gate)
            _segments.Add(segment);
        return _current = segment;
    }

    private long UnackedBytes() => _segments.Sum(s => s.Number < _acked.Segment ? 0 : s.Number == _acked.Segment ? s.Length - Math.Min(_acked.Offset, s.Length) : s.Length);

    // One removal at a time is made durable, oldest first: after a power cut no hole may look like a loss.
    private void FreeAcked(long bound)
    {
        try
        {
            while (_segments.Count > 1 && _segments[0].Number < _acked.Segment && _segments.Sum(s => s.Length) > bound)
            {
                if (_removing)
                    _disk.FlushDirectory();
                _removing = true;
                _disk.Delete(_segments[0].Name);
                _segments.RemoveAt(0);
                _disk.FlushDirectory();
                _removing = false;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Freed by a later acknowledgement; a writer that lacks the room says so itself.
        }
    }

    private JournalPosition LoadCursor()
    {
        var start = new JournalPosition(_segments.Count > 0 ? _segments[0].Number : 0, 0);
        if (AckCursorFile.Read(_disk) is not { } stored || _segments.Find(s => s.Number == stored.Segment) is not { } segment)
            return start;
        // A segment rebuilt or cut shorter no longer has that offset for certain: from its beginning, then.
        return stored.Offset <= segment.Length && !Losses.Any(l => l.Segment == segment.Name + ".bad") ? stored : stored with { Offset = 0 };
    }
}
