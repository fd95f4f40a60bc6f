using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>
/// The agent's durable queue: append-only segment files, one writer thread that writes all that waits, flushes once, completes the waiters and starts over.
/// A sequence is assigned only when its entry is written, so what never reached the journal never had one. Safe for use from many threads.
/// </summary>
public sealed class AgentJournal : IDisposable
{
    private readonly IJournalDisk _disk;
    private readonly JournalOptions _options;
    private readonly SegmentLog _log;
    private readonly JournalWriter _writer;
    private TaskCompletionSource _grown = NewSignal();
    private TaskCompletionSource _room = NewSignal();

    private AgentJournal(IJournalDisk disk, JournalOptions options, JournalRecovery recovered)
    {
        (_disk, _options) = (disk, options);
        _log = new SegmentLog(disk, options, recovered);
        _writer = new JournalWriter(_log, disk, options, Committed);
    }

    /// <summary>Opens a folder's journal, whatever state it was left in.</summary>
    public static AgentJournal Open(IJournalDisk disk, JournalOptions? options = null)
    {
        var recovery = new JournalRecovery(disk);
        recovery.Run();
        return new AgentJournal(disk, options ?? new JournalOptions(), recovery);
    }

    /// <summary>Streams and runs as committed. Read it before the first append, or under <see cref="Query{T}"/>.</summary>
    public JournalState State => _log.State;

    /// <summary>What opening found to be lost; the agent writes each as an ALARM event.</summary>
    public IReadOnlyList<JournalLoss> Losses => _log.Losses;

    /// <summary>Why the last write failed (disk full, journal full); null while writing works. Records wait meanwhile, events go into the reserve.</summary>
    public string? Stall => _writer.Stall;

    /// <summary>Entries that wait for the disk.</summary>
    public int Waiting => _writer.Waiting;

    /// <summary>Un-acknowledged bytes over the bound, 0 to 1; 1 while the disk refuses writes.</summary>
    public double UsedFraction => Stall is not null ? 1 : _log.UsedFraction;

    /// <summary>Where the next committed entry will begin.</summary>
    public JournalPosition End => _log.End;

    /// <summary>Everything before it is acknowledged. May lag behind the truth after a restart: sending again is harmless.</summary>
    public JournalPosition AckCursor => _log.Acked;

    /// <summary>Bytes written and not acknowledged.</summary>
    public long UnackedBytes => _log.Unacked;

    /// <summary>Begins a stream of this boot; nothing is written yet.</summary>
    public static JournalStream NewStream(StreamKey key) => new(key, 0);

    /// <summary>Continues a stream that an earlier boot left open, in order to close it.</summary>
    public static JournalStream Continue(StreamTrack track) => new(track.ToKey(), track.NextSeq);

    /// <summary>Reads the state while no commit changes it.</summary>
    public T Query<T>(Func<JournalState, T> read)
    {
        lock (_log.Gate)
            return read(State);
    }

    /// <summary>
    /// Queues an entry (its key and sequence are filled in when it is written) and returns at once. The task completes with the first sequence when the
    /// entry is on stable storage. Entries of one caller keep their order, but for events on a full disk, which do not wait for the records before them.
    /// </summary>
    public Task<long> Append(JournalStream stream, Entry entry)
    {
        if (entry.BodyCase == Entry.BodyOneofCase.None || (entry.BodyCase == Entry.BodyOneofCase.Batch && entry.Batch.UtcNs.Count == 0))
            throw new ArgumentException("An entry needs a body, and a batch at least one record.", nameof(entry));
        return _writer.Add(new PendingEntry(stream, entry));
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
    public void Acknowledge(JournalPosition before) => _log.Acknowledge(before);

    /// <summary>Writes the acknowledgement cursor to disk when it moved; called now and then, and at the end.</summary>
    public void PersistCursor() => _log.PersistCursor();

    /// <summary>A reader from a position on.</summary>
    public JournalReader Read(JournalPosition from) => new(this, _disk, from);

    /// <summary>Segments (oldest first) that hold any of a stream's sequences; for sending again.</summary>
    public IReadOnlyList<long> SegmentsWith(StreamKey key, long first, long last) => _log.SegmentsWith(key, first, last);

    /// <summary>Committed extent of a segment, and the number of the next one (null when it is the last); null when the segment is gone.</summary>
    internal (long Length, long? Next)? Extent(long segment) => _log.Extent(segment);

    /// <summary>Commits what waits (unless the disk refuses), stops the writer and closes the files.</summary>
    public void Dispose()
    {
        _writer.Dispose();
        _log.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Committed()
    {
        Interlocked.Exchange(ref _grown, NewSignal()).SetResult();
        Interlocked.Exchange(ref _room, NewSignal()).SetResult();
    }
}
