using System.Buffers;
using System.Text.Json;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>
/// The agent's durable queue: append-only segment files, one writer thread that writes all that waits, flushes once, completes the waiters and starts over.
/// A sequence is assigned only when its entry is written, so what never reached the journal never had one. Safe for use from many threads.
/// </summary>
public sealed class AgentJournal : IDisposable
{
    private const string CursorFile = "ack-cursor.json";
    private const int GroupEntries = 4096;
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);

    private readonly IJournalDisk _disk;
    private readonly JournalOptions _options;
    private readonly Lock _state = new();
    private readonly object _queueGate = new();
    private readonly List<Segment> _segments;
    private readonly ArrayBufferWriter<byte> _buffer = new(1 << 20);
    private readonly Thread _writer;
    private List<Pending> _queue = [];
    private IJournalFile? _file;
    private Segment? _current;
    private JournalPosition _acked;
    private JournalPosition _persistedAck;
    private TaskCompletionSource _grown = NewSignal();
    private TaskCompletionSource _room = NewSignal();
    private int _waiting;
    private bool _stopping;
    private bool _rollBack;

    private AgentJournal(IJournalDisk disk, JournalOptions options, JournalRecovery recovered)
    {
        _disk = disk;
        _options = options;
        _segments = recovered.Segments;
        _current = _segments.LastOrDefault();
        State = recovered.State;
        Losses = recovered.Losses;
        _acked = _persistedAck = LoadCursor();
        _writer = new Thread(WriteLoop) { IsBackground = true, Name = "journal" };
        _writer.Start();
    }

    /// <summary>Opens a folder's journal, whatever state it was left in.</summary>
    public static AgentJournal Open(IJournalDisk disk, JournalOptions? options = null)
    {
        var recovery = new JournalRecovery(disk);
        recovery.Run();
        return new AgentJournal(disk, options ?? new JournalOptions(), recovery);
    }

    /// <summary>Streams and runs as committed. Read it before the first append, or under <see cref="Query{T}"/>.</summary>
    public JournalState State { get; }

    /// <summary>What opening found to be lost; the agent writes each as an ALARM event.</summary>
    public IReadOnlyList<JournalLoss> Losses { get; }

    /// <summary>Why the last write failed (disk full, journal full); null while writing works. Entries wait meanwhile.</summary>
    public string? Stall { get; private set; }

    /// <summary>Entries that wait for the disk.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Un-acknowledged bytes over the bound, 0 to 1; 1 while the disk refuses writes.</summary>
    public double UsedFraction
    {
        get
        {
            if (Stall is not null)
                return 1;
            lock (_state)
                return Math.Min(1, (double)UnackedBytes() / _options.MaxBytes);
        }
    }

    /// <summary>Where the next committed entry will begin.</summary>
    public JournalPosition End
    {
        get
        {
            lock (_state)
                return _segments.Count == 0 ? new JournalPosition(0, 0) : new JournalPosition(_segments[^1].Number, _segments[^1].Length);
        }
    }

    /// <summary>Everything before it is acknowledged. May lag behind the truth after a restart: sending again is harmless.</summary>
    public JournalPosition AckCursor
    {
        get
        {
            lock (_state)
                return _acked;
        }
    }

    /// <summary>Begins a stream of this boot; nothing is written yet.</summary>
    public static JournalStream NewStream(StreamKey key) => new(key, 0);

    /// <summary>Continues a stream that an earlier boot left open, in order to close it.</summary>
    public static JournalStream Continue(StreamTrack track) => new(track.ToKey(), track.NextSeq);

    /// <summary>Reads the state while no commit changes it.</summary>
    public T Query<T>(Func<JournalState, T> read)
    {
        lock (_state)
            return read(State);
    }

    /// <summary>
    /// Queues an entry (its key and sequence are filled in when it is written) and returns at once. The task completes with the first sequence when the
    /// entry is on stable storage. Entries of one caller keep their order.
    /// </summary>
    public Task<long> Append(JournalStream stream, Entry entry)
    {
        if (entry.BodyCase == Entry.BodyOneofCase.None || (entry.BodyCase == Entry.BodyOneofCase.Batch && entry.Batch.UtcNs.Count == 0))
            throw new ArgumentException("An entry needs a body, and a batch at least one record.", nameof(entry));
        var pending = new Pending(stream, entry);
        lock (_queueGate)
        {
            if (_stopping)
                return Task.FromException<long>(new ObjectDisposedException(nameof(AgentJournal)));
            _queue.Add(pending);
            _waiting++;
            Monitor.Pulse(_queueGate);
        }
        return pending.Done.Task;
    }

    /// <summary>True when so many entries wait for the disk that a producer should pause.</summary>
    public bool IsCongested => Waiting >= _options.MaxWaiting;

    /// <summary>Waits until a producer may queue more. Producers with a source that can wait (MQTT) await it; others drop and record the outage.</summary>
    public async ValueTask WaitForRoomAsync(CancellationToken cancel)
    {
        while (IsCongested)
        {
            var signal = Volatile.Read(ref _room).Task;
            if (IsCongested)
                await signal.WaitAsync(cancel);
        }
    }

    /// <summary>Completes when something is committed beyond <paramref name="position"/>.</summary>
    public async Task WaitBeyondAsync(JournalPosition position, CancellationToken cancel)
    {
        while (true)
        {
            var signal = Volatile.Read(ref _grown).Task;
            if (End.CompareTo(position) > 0)
                return;
            await signal.WaitAsync(cancel);
        }
    }

    /// <summary>Frees everything before a position. Freed segments stay on disk while the bound allows.</summary>
    public void Acknowledge(JournalPosition before)
    {
        lock (_state)
        {
            if (before.CompareTo(_acked) <= 0)
                return;
            _acked = before;
            FreeAcked(_options.MaxBytes);
        }
    }

    /// <summary>Writes the acknowledgement cursor to disk when it moved; called now and then, and at the end.</summary>
    public void PersistCursor()
    {
        var cursor = AckCursor;
        if (cursor == _persistedAck)
            return;
        try
        {
            _disk.WriteAtomically(CursorFile, JsonSerializer.SerializeToUtf8Bytes(cursor));
            _persistedAck = cursor;
        }
        catch (IOException)
        {
            // A full disk: the cursor lags, and what it lags by is sent again.
        }
    }

    /// <summary>A reader from a position on.</summary>
    public JournalReader Read(JournalPosition from) => new(this, _disk, from);

    /// <summary>Segments (oldest first) that hold any of a stream's sequences; for sending again.</summary>
    public IReadOnlyList<long> SegmentsWith(StreamKey key, long first, long last)
    {
        var id = JournalState.Id(key);
        lock (_state)
            return [.. _segments.Where(s => s.Ranges.TryGetValue(id, out var r) && r.Last >= first && r.First <= last).Select(s => s.Number)];
    }

    /// <summary>Committed extent of a segment, and the number of the next one (null when it is the last); null when the segment is gone.</summary>
    internal (long Length, long? Next)? Extent(long segment)
    {
        lock (_state)
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

    /// <summary>Commits what waits (unless the disk refuses), stops the writer and closes the files.</summary>
    public void Dispose()
    {
        lock (_queueGate)
        {
            if (_stopping)
                return;
            _stopping = true;
            Monitor.Pulse(_queueGate);
        }
        _writer.Join();
        PersistCursor();
        _file?.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void WriteLoop()
    {
        while (TakeGroup() is { } group)
        {
            while (!TryCommit(group))
            {
                lock (_queueGate)
                {
                    if (_stopping)
                    {
                        Abandon(group);
                        return;
                    }
                    Monitor.Wait(_queueGate, RetryPause);
                }
            }
            Complete(group);
        }
    }

    private List<Pending>? TakeGroup()
    {
        lock (_queueGate)
        {
            while (_queue.Count == 0)
            {
                if (_stopping)
                    return null;
                Monitor.Wait(_queueGate);
            }
            var take = GroupSize();
            var group = take == _queue.Count ? _queue : _queue[..take];
            _queue = take == _queue.Count ? [] : _queue[take..];
            return group;
        }
    }

    // A group must fit beside what the bound already holds, or a nearly full journal would never take it.
    private int GroupSize()
    {
        var bytes = 0L;
        var count = 0;
        while (count < _queue.Count && count < GroupEntries && (count == 0 || bytes + _queue[count].Size <= _options.SegmentBytes / 4))
            bytes += _queue[count++].Size;
        return count;
    }

    private void Abandon(List<Pending> group)
    {
        var error = new IOException($"The journal was closed before the disk took the entry: {Stall}");
        foreach (var pending in group.Concat(_queue))
            pending.Done.TrySetException(error);
    }

    private bool TryCommit(List<Pending> group)
    {
        try
        {
            RollBack();
            var segment = Current();
            Encode(group, segment.Length);
            EnsureBound(_buffer.WrittenCount);
            _rollBack = true;
            _file!.Write(segment.Length, _buffer.WrittenSpan);
            _file.Flush();
            _rollBack = false;
            lock (_state)
            {
                segment.Length += _buffer.WrittenCount;
                foreach (var pending in group)
                {
                    State.Apply(pending.Entry);
                    segment.Note(PeekOf(pending.Entry));
                }
            }
            Stall = null;
            return true;
        }
        catch (IOException e)
        {
            Stall = e.Message;
            lock (_state)
                FreeAcked(0);
            return false;
        }
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

    private void Encode(List<Pending> group, long durable)
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

    private void Complete(List<Pending> group)
    {
        foreach (var pending in group)
            pending.Stream.NextSeq = pending.NextSeq;
        lock (_queueGate)
            _waiting -= group.Count;
        Interlocked.Exchange(ref _grown, NewSignal()).SetResult();
        Interlocked.Exchange(ref _room, NewSignal()).SetResult();
        foreach (var pending in group)
            pending.Done.TrySetResult(pending.First);
    }

    private void EnsureBound(int more)
    {
        lock (_state)
        {
            FreeAcked(_options.MaxBytes - more);
            if (UnackedBytes() + more > _options.MaxBytes)
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
        var segment = new Segment(_current is not null ? _current.Number + 1 : Math.Max(1, AckCursor.Segment + 1));
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
        catch (IOException)
        {
            file.Dispose();
            throw;
        }
        _file = file;
        segment.Length = head.WrittenCount;
        lock (_state)
            _segments.Add(segment);
        return _current = segment;
    }

    private long UnackedBytes() => _segments.Sum(s => s.Number < _acked.Segment ? 0 : s.Number == _acked.Segment ? s.Length - Math.Min(_acked.Offset, s.Length) : s.Length);

    private void FreeAcked(long bound)
    {
        while (_segments.Count > 1 && _segments[0].Number < _acked.Segment && _segments.Sum(s => s.Length) > bound)
        {
            _disk.Delete(_segments[0].Name);
            _segments.RemoveAt(0);
        }
    }

    private JournalPosition LoadCursor()
    {
        var start = new JournalPosition(_segments.Count > 0 ? _segments[0].Number : 0, 0);
        try
        {
            var stored = _disk.ReadAll(CursorFile) is { Length: > 0 } bytes ? JsonSerializer.Deserialize<JournalPosition>(bytes) : start;
            var segment = _segments.Find(s => s.Number == stored.Segment);
            // A segment rebuilt or cut shorter no longer has that offset for certain: from its beginning, then.
            return segment is null ? start : stored.Offset <= segment.Length && !Losses.Any(l => l.Segment == segment.Name + ".bad") ? stored : stored with { Offset = 0 };
        }
        catch (JsonException)
        {
            return start;
        }
    }

    private sealed class Pending(JournalStream stream, Entry entry)
    {
        public JournalStream Stream { get; } = stream;

        public Entry Entry { get; } = entry;

        public int Size { get; } = entry.CalculateSize() + 128;

        public long First { get; set; }

        public long NextSeq { get; set; }

        public TaskCompletionSource<long> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
