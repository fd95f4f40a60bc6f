namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>
/// The one thread that writes: takes all that waits, commits it with one flush, completes the waiters and starts over. When the disk or the bound refuses,
/// records wait, and events overtake them into the reserve; an event then has its sequence before records that are older than it.
/// </summary>
internal sealed class JournalWriter : IDisposable
{
    private const int GroupEntries = 4096;
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);
    private readonly SegmentLog _log;
    private readonly JournalOptions _options;
    private readonly JournalReserve _reserve;
    private readonly Action _committed;
    private readonly object _gate = new();
    private readonly Thread _thread;
    private List<PendingEntry> _queue = [];
    private int _waiting;
    private bool _stopping;

    public JournalWriter(SegmentLog log, IJournalDisk disk, JournalOptions options, Action committed)
    {
        (_log, _options, _committed) = (log, options, committed);
        _reserve = new JournalReserve(disk, options.ReserveBytes);
        _reserve.TryTake();
        _thread = new Thread(Run) { IsBackground = true, Name = "journal" };
        _thread.Start();
    }

    /// <summary>Why the last write failed; null while writing works.</summary>
    public string? Stall { get; private set; }

    /// <summary>Entries that wait for the disk.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    public Task<long> Add(PendingEntry pending)
    {
        lock (_gate)
        {
            if (_stopping)
                return Task.FromException<long>(new ObjectDisposedException(nameof(AgentJournal)));
            _queue.Add(pending);
            _waiting++;
            Monitor.Pulse(_gate);
        }
        return pending.Done.Task;
    }

    /// <summary>Commits what waits, unless the disk refuses, and stops.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping)
                return;
            _stopping = true;
            Monitor.Pulse(_gate);
        }
        _thread.Join();
    }

    private void Run()
    {
        while (WaitForWork())
        {
            if (TryCommit(Next(), beyondBound: 0))
                continue;
            while (!HasRoomAgain())
                if (!Urgent() && !Pause())
                    return;
        }
    }

    private bool WaitForWork()
    {
        lock (_gate)
        {
            while (_queue.Count == 0)
            {
                if (_stopping)
                    return false;
                Monitor.Wait(_gate);
            }
            return true;
        }
    }

    // A group must fit beside what the bound already holds, or a nearly full journal would never take it.
    private List<PendingEntry> Next()
    {
        lock (_gate)
        {
            var (bytes, count) = (0L, 0);
            while (count < _queue.Count && count < GroupEntries && (count == 0 || bytes + _queue[count].Size <= _options.SegmentBytes / 4))
                bytes += _queue[count++].Size;
            return _queue[..count];
        }
    }

    private bool TryCommit(List<PendingEntry> group, long beyondBound)
    {
        try
        {
            _log.Commit(group, beyondBound);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Stall = e.Message;
            return false;
        }
        Done(group);
        return true;
    }

    private void Done(List<PendingEntry> group)
    {
        lock (_gate)
        {
            if (group.Count == _queue.Count)
                _queue = [];
            else if (ReferenceEquals(_queue[group.Count - 1], group[^1]))
                _queue.RemoveRange(0, group.Count);
            else
                _queue = [.. _queue.Except(group)];
            _waiting -= group.Count;
        }
        _committed();
        foreach (var pending in group)
            pending.Done.TrySetResult(pending.First);
    }

    // The reserve first, then records: it is what the next shortage lives on.
    private bool HasRoomAgain()
    {
        _log.FreeAllAcked();
        if (!_reserve.TryTake() && _reserve.Given)
            return false;
        var group = Next();
        if (group.Count > 0 && !TryCommit(group, beyondBound: 0))
            return false;
        Stall = null;
        return true;
    }

    // Events overtake the records that wait; true when some were committed.
    private bool Urgent()
    {
        List<PendingEntry> urgent;
        lock (_gate)
            urgent = [.. _queue.Where(p => p.Urgent).Take(GroupEntries)];
        if (urgent.Count == 0)
            return false;
        if (TryCommit(urgent, _options.ReserveBytes))
            return true;
        if (!_reserve.Held)
            return false;
        _reserve.Release();
        return TryCommit(urgent, _options.ReserveBytes);
    }

    // False when the journal is closed with entries that the disk did not take.
    private bool Pause()
    {
        lock (_gate)
        {
            if (!_stopping)
            {
                Monitor.Wait(_gate, RetryPause);
                return true;
            }
            var error = new IOException($"The journal was closed before the disk took the entry: {Stall}");
            foreach (var pending in _queue)
                pending.Done.TrySetException(error);
            return false;
        }
    }
}
