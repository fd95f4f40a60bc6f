using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Records;

/// <summary>What a stream says about where its records come from.</summary>
/// <param name="Channel">rigs/…/channels/…</param>
/// <param name="Protocol">Driver folder name.</param>
/// <param name="Simulated">True for simulators.</param>
/// <param name="Signals">Numeric columns, in the order of a row's values.</param>
/// <param name="Texts">Text columns, in the order of a row's texts.</param>
public sealed record RecordedChannel(string Channel, string Protocol, bool Simulated, IReadOnlyList<string> Signals, IReadOnlyList<string> Texts);

/// <summary>One row before it has a sequence.</summary>
/// <param name="StampNs">Lab time, or the device's own UTC, ns.</param>
/// <param name="Values">By <see cref="RecordedChannel.Signals"/>; NaN = no value.</param>
/// <param name="Texts">By <see cref="RecordedChannel.Texts"/>.</param>
/// <param name="Quality">GOOD unless the driver doubts it.</param>
public readonly record struct RecordRow(long StampNs, double[] Values, string[] Texts, Quality Quality = Quality.Good);

/// <summary>Names streams uniquely within this boot.</summary>
public sealed class StreamNames(string agent, string boot)
{
    private int _last;

    /// <summary>The next stream's identity.</summary>
    public StreamKey Next() => new() { Agent = agent, Boot = boot, Stream = $"s{Interlocked.Increment(ref _last)}" };
}

/// <summary>
/// Writes one channel's streams into the journal. While a commit is under way rows gather (at most 512 a batch), so that each is as live as the disk
/// allows and a slow disk makes larger batches. Rows and events keep the order of the calls. Safe for several threads.
/// </summary>
public sealed class ChannelRecorder(AgentJournal journal, StreamNames names, StampClock clock, RecordedChannel channel)
{
    private const int BatchRecords = 512;
    private const int MaxBatchesWaiting = 64;
    private readonly Lock _gate = new();
    private JournalStream? _stream;
    private StreamOpened _opened = new();
    private StreamKey? _previous;
    private Batch _batch = new();
    private List<(Dictionary<string, uint> Index, TextColumn Column)> _texts = [];
    private TaskCompletionSource _ticket = NewTicket();
    private bool _anyDoubt;
    private int _waiting;
    private int _epoch;
    private long _anchorLabNs;
    private long _lastStampNs;
    private long _lastDeviceNs;
    private bool _deviceClock;

    /// <summary>True between <see cref="Open"/> and <see cref="CloseAsync"/>.</summary>
    public bool IsOpen => _stream is not null;

    /// <summary>Run of the stream that was opened last, or empty.</summary>
    public string Run => _opened.Run;

    /// <summary>Told of every row as it is added, in order; may write events, must return at once.</summary>
    public Action<RecordRow>? OnRow { get; set; }

    /// <summary>True when the disk is so far behind that a source that cannot wait must drop and record the outage.</summary>
    public bool IsCongested => Volatile.Read(ref _waiting) >= MaxBatchesWaiting || journal.IsCongested;

    /// <summary>Stamp of the last row or the anchor, ns lab time.</summary>
    public long LastStampNs => _lastStampNs;

    /// <summary>Opens a stream, closing an open one first. <paramref name="deviceUtcNs"/> anchors it in the device's own clock.</summary>
    public void Open(string lease, string run, string identity, long? deviceUtcNs = null, IEnumerable<string>? calibrations = null)
    {
        lock (_gate)
        {
            if (_stream is not null)
                Close("next_stream");
            _stream = AgentJournal.NewStream(names.Next());
            _epoch = clock.Epoch;
            _deviceClock = deviceUtcNs is not null;
            _anchorLabNs = clock.LabNowNs;
            _lastStampNs = (deviceUtcNs ?? _anchorLabNs) - 1;
            _lastDeviceNs = long.MinValue;
            _opened = new StreamOpened
            {
                Channel = channel.Channel,
                Lease = lease,
                Run = run,
                AnchorUtcNs = deviceUtcNs ?? _anchorLabNs,
                AnchorMachineUtcNs = clock.MachineNowNs,
                LabSpeed = clock.Speed,
                ClockQuality = _deviceClock ? ClockQuality.Device : clock.Quality,
                InstrumentIdentity = identity,
                Protocol = channel.Protocol,
                Previous = _previous,
                Simulated = channel.Simulated,
                Calibrations = { calibrations ?? [] },
            };
            _ = Send(new Entry { Opened = _opened.Clone() });
        }
    }

    /// <summary>Adds a row; the task completes when it is on stable storage. A stream must be open.</summary>
    public Task Add(RecordRow row) => TryAdd(row) ?? throw new InvalidOperationException("A row needs an open stream.");

    /// <summary>Adds a row as <see cref="Add"/> does; null, and nothing is added, when no stream is open.</summary>
    public Task? TryAdd(RecordRow row)
    {
        lock (_gate)
        {
            if (_stream is null)
                return null;
            TurnStreamWhenAClockStepped(row.StampNs);
            Put(row);
            var committed = _ticket.Task;
            if (_waiting == 0 || _batch.UtcNs.Count >= BatchRecords)
                SendBatch();
            OnRow?.Invoke(row);
            return committed;
        }
    }

    /// <summary>Writes an event in its place among the rows.</summary>
    public Task Event(StreamEvent.Types.Kind kind, string cause, string detail, long? fromNs = null, long? untilNs = null, int step = 0, int stepCount = 0, int gotoStep = 0)
    {
        lock (_gate)
        {
            if (_stream is null)
                return Task.CompletedTask;
            SendBatch();
            var at = fromNs ?? (_deviceClock ? Math.Max(_lastStampNs, 0) : clock.LabNowNs);
            return Send(new Entry
            {
                Event = new StreamEvent { Kind = kind, UtcNs = at, UntilUtcNs = untilNs ?? 0, Cause = cause, Detail = detail, Step = step, StepCount = stepCount, GotoStep = gotoStep },
            });
        }
    }

    /// <summary>Closes the stream; the task completes when that is durable.</summary>
    public Task CloseAsync(string reason)
    {
        lock (_gate)
            return _stream is null ? Task.CompletedTask : Close(reason);
    }

    private static TaskCompletionSource NewTicket() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Task Close(string reason)
    {
        SendBatch();
        var closed = Send(new Entry { Closed = new StreamClosed { Reason = reason } });
        _previous = _stream!.Key;
        _stream = null;
        return closed;
    }

    private void TurnStreamWhenAClockStepped(long stampNs)
    {
        var deviceStepped = _deviceClock && stampNs < _lastDeviceNs;
        if (deviceStepped || (!_deviceClock && _epoch != clock.Epoch))
            Open(_opened.Lease, _opened.Run, _opened.InstrumentIdentity, _deviceClock ? stampNs : null, _opened.Calibrations);
        _lastDeviceNs = stampNs;
    }

    private void Put(RecordRow row)
    {
        if (_batch.Columns.Count == 0)
            BeginBatch();
        _lastStampNs = Math.Max(row.StampNs, _lastStampNs + 1);
        _batch.UtcNs.Add(_lastStampNs);
        _batch.MonotonicNs.Add(_deviceClock ? clock.LabNowNs - _anchorLabNs : _lastStampNs - _anchorLabNs);
        _batch.Quality.Add(row.Quality);
        _anyDoubt |= row.Quality != Quality.Good;
        for (var k = 0; k < channel.Signals.Count; k++)
            _batch.Columns[k].Values.Add(row.Values[k]);
        for (var k = 0; k < channel.Texts.Count; k++)
            PutText(_texts[k].Index, _texts[k].Column, row.Texts[k]);
    }

    private static void PutText(Dictionary<string, uint> index, TextColumn column, string text)
    {
        if (!index.TryGetValue(text, out var at))
        {
            index[text] = at = (uint)column.Dictionary.Count;
            column.Dictionary.Add(text);
        }
        column.Values.Add(at);
    }

    private void BeginBatch()
    {
        foreach (var signal in channel.Signals)
            _batch.Columns.Add(new Column { Signal = signal });
        _texts = [.. channel.Texts.Select(t => (new Dictionary<string, uint>(), new TextColumn { Signal = t }))];
        _batch.TextColumns.AddRange(_texts.Select(t => t.Column));
    }

    private void SendBatch()
    {
        if (_batch.UtcNs.Count == 0)
            return;
        if (!_anyDoubt)
            _batch.Quality.Clear();
        var (batch, ticket) = (_batch, _ticket);
        (_batch, _ticket, _anyDoubt) = (new Batch(), NewTicket(), false);
        Forward(Send(new Entry { Batch = batch }), ticket);
    }

    private Task<long> Send(Entry entry)
    {
        Interlocked.Increment(ref _waiting);
        var done = journal.Append(_stream!, entry);
        _ = done.ContinueWith(_ => Sent(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        return done;
    }

    private void Sent()
    {
        lock (_gate)
        {
            if (Interlocked.Decrement(ref _waiting) == 0 && _stream is not null)
                SendBatch();
        }
    }

    private static void Forward(Task<long> done, TaskCompletionSource ticket) =>
        done.ContinueWith(static (task, state) =>
        {
            var t = (TaskCompletionSource)state!;
            if (task.Exception is { } e)
                t.TrySetException(e.InnerExceptions);
            else
                t.TrySetResult();
        }, ticket, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}
