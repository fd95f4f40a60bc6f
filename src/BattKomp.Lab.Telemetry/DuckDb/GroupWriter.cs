using System.Threading.Channels;
using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>
/// The one writer: takes everything that waits (bounded), applies it in one transaction, commits once, then answers. When
/// the database is lost under it (disk full), it answers "unavailable" until the file can be opened again.
/// </summary>
internal sealed class GroupWriter : IAsyncDisposable
{
    private const int WaitingCalls = 16_384;
    private static readonly TimeSpan ReopenFirst = TimeSpan.FromMilliseconds(100), ReopenLast = TimeSpan.FromSeconds(5);
    private readonly Channel<Work> _waiting = Channel.CreateBounded<Work>(WaitingCalls);
    private readonly CancellationTokenSource _stop = new();
    private readonly DuckDbOptions _options;
    private readonly ConnectionGate _gate;
    private readonly TimeProvider _time;
    private readonly Task _loop;
    private WriteSession? _session;

    public GroupWriter(DuckDbOptions options, ConnectionGate gate, TimeProvider time)
    {
        (_options, _gate, _time) = (options, gate, time);
        _session = new WriteSession(gate.OpenWriter(), options, time);
        gate.Release();
        _loop = Task.Factory.StartNew(Loop, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>One call's share of a transaction.</summary>
    internal sealed class Work(Action<WriteSession> stage, int records)
    {
        public Action<WriteSession> Stage { get; } = stage;
        public int Records { get; } = records;
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Runs <paramref name="stage"/> on the writer, inside a transaction shared with others; returns when it is committed.</summary>
    public async Task RunAsync(Action<WriteSession> stage, int records, CancellationToken cancellation)
    {
        if (!_gate.Open) throw _gate.Unavailable();
        var work = new Work(stage, records);
        try
        {
            await _waiting.Writer.WriteAsync(work, cancellation);
        }
        catch (ChannelClosedException)
        {
            throw new StoreUnavailableException("the telemetry store is closing");
        }

        // Not cancellable from here: the writer may commit it at any moment.
        await work.Done.Task;
    }

    private void Loop()
    {
        var group = new List<Work>();
        while (Wait())
        {
            group.Clear();
            var records = 0;
            while (records < _options.GroupRecords && _waiting.Reader.TryRead(out var work))
            {
                group.Add(work);
                records += work.Records;
            }

            if (_session is null && !TryOpen()) Refuse(group, null);
            else Commit(group);
            Maintain(records);
        }

        _session?.Dispose();
        _session = null;
    }

    private bool Wait()
    {
        var pending = _waiting.Reader.WaitToReadAsync(CancellationToken.None);
        return pending.IsCompletedSuccessfully ? pending.Result : pending.AsTask().GetAwaiter().GetResult();
    }

    private void Commit(List<Work> group)
    {
        var failure = Try(group);
        if (failure is null) { Answer(group); return; }
        if (IsOfTheStore(failure) || !TryOpen()) { Lose(); Refuse(group, failure); return; }
        // Something in the group is at fault, not the store: each alone, so that it fails only itself.
        foreach (var work in group)
        {
            var alone = _session is null && !TryOpen() ? failure : Try([work]);
            if (alone is null) Answer([work]);
            else if (IsOfTheStore(alone)) { Lose(); Refuse([work], alone); }
            else work.Done.SetException(alone);
        }
    }

    private Exception? Try(List<Work> group)
    {
        try
        {
            _session!.Begin();
            foreach (var work in group) work.Stage(_session);
            _session.Commit();
        }
        catch (Exception e)
        {
            Lose();
            return e;
        }

        return null;
    }

    // After the answers: an acknowledgement does not wait for upkeep.
    private void Maintain(int records)
    {
        try
        {
            _session?.Maintain(records);
        }
        catch (Exception)
        {
            // What was answered is committed; upkeep comes again with a new session.
            Lose();
        }
    }

    /// <summary>Drops the session; its working memory may be ahead of what is committed.</summary>
    private void Lose()
    {
        try
        {
            _session?.Dispose();
        }
        catch (Exception e) when (e is DuckDBException or AppendFailedException)
        {
            // A lost database may refuse even its closing.
        }

        _session = null;
    }

    /// <summary>One attempt to open the file again; when it fails the gate shuts and a task tries on until space is back.</summary>
    private bool TryOpen()
    {
        if (_session is not null) return true;
        try
        {
            _session = new WriteSession(_gate.OpenWriter(), _options, _time);
            _session.Begin();
            _session.Commit();
            _gate.Release();
            return true;
        }
        catch (Exception e)
        {
            Lose();
            _gate.Shut(e);
            return false;
        }
    }

    private void Refuse(List<Work> group, Exception? cause)
    {
        if (_session is null) _gate.Shut(cause);
        foreach (var work in group) work.Done.SetException(_gate.Unavailable());
        if (_session is null) _ = ReopenAsync();
    }

    private int _reopening;

    private async Task ReopenAsync()
    {
        if (Interlocked.Exchange(ref _reopening, 1) == 1) return;
        var wait = ReopenFirst;
        while (!_gate.Open && !_stop.IsCancellationRequested)
        {
            await Task.Delay(wait, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            wait = wait * 2 < ReopenLast ? wait * 2 : ReopenLast;
            // Work without content: the writer thread itself opens the file when it meets it.
            var probe = new Work(_ => { }, 0);
            if (!_waiting.Writer.TryWrite(probe)) continue;
            await probe.Done.Task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Interlocked.Exchange(ref _reopening, 0);
    }

    private static void Answer(List<Work> group)
    {
        foreach (var work in group) work.Done.TrySetResult();
    }

    private static bool IsOfTheStore(Exception e) =>
        e is IOException or OutOfMemoryException
        || e is DuckDBException { ErrorType: DuckDB.NET.Native.DuckDBErrorType.Io or DuckDB.NET.Native.DuckDBErrorType.Fatal or DuckDB.NET.Native.DuckDBErrorType.OutOfMemory or DuckDB.NET.Native.DuckDBErrorType.Internal or DuckDB.NET.Native.DuckDBErrorType.Transaction }
        || e is AppendFailedException { Message: var m } && (m.Contains("space", StringComparison.OrdinalIgnoreCase) || m.Contains("write", StringComparison.OrdinalIgnoreCase) || m.Contains("memory", StringComparison.OrdinalIgnoreCase) || m.Contains("invalidated", StringComparison.OrdinalIgnoreCase));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _waiting.Writer.TryComplete();
        await _loop;
        _stop.Dispose();
    }
}
