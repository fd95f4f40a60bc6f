using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.V1;
using ReportState = BattKomp.Lab.V1.ChannelReport.Types.State;

namespace BattKomp.Lab.EdgeAgent.Instruments.MqttJson;

/// <summary>
/// An instrument that publishes JSON: each record once into the journal (redeliveries are known by the device counter, whose high-water mark lies in the
/// journal beside the records), start at the lease's start, stop at its end. The vendor's program in the instrument does the rest.
/// </summary>
public sealed class MqttChannel : ChannelDriver
{
    /// <summary>Protocol name, as the catalogue spells it.</summary>
    public const string Protocol = "mqtt-json";

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LoopPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan OrderInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(10);
    private readonly JsonMapping _mapping;
    private readonly JsonRecordReader _reader;
    private readonly SenmlRecordReader? _senml;
    private readonly IMqttPort _port;
    private readonly DeadLetters _deadLetters;
    private readonly ChannelRecorder _recorder;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Counter, long UtcNs)> _high = [];
    private Task _lastCommit = Task.CompletedTask;
    private volatile DeviceStatus _status = new("", 0, "");
    private volatile string? _haltCause;
    private volatile bool _stopUnheard;
    private long _heardNs;
    private long _lostFromNs;
    private long _ordered;
    private long _haltedAt;
    private string? _text;
    private string _told = "";

    /// <summary>Routes the instrument's topics; before the port runs.</summary>
    public MqttChannel(string channel, bool simulated, JsonMapping mapping, IMqttPort port, DeadLetters deadLetters, DriverContext context)
        : base(channel, context)
    {
        (_mapping, _reader, _port, _deadLetters) = (mapping, new JsonRecordReader(mapping), port, deadLetters);
        _senml = mapping.Format == MessageFormat.Senml ? new SenmlRecordReader(mapping) : null;
        _recorder = new ChannelRecorder(context.Journal, context.Names, context.Clock,
            new RecordedChannel(channel, Protocol, simulated, mapping.Columns, [.. mapping.Texts.Select(t => t.Signal)]));
        Watch.Signals = mapping.Columns;
        _recorder.OnRow = row => TakeAlarms(Watch.Judge(row));
        foreach (var run in context.Journal.Query(s => s.Runs.Where(r => r.Channel == channel && r.DeviceCounter is not null).ToList()))
            _high[run.Run] = (run.DeviceCounter!.Value, run.LastUtcNs);
        port.Route(mapping.RecordsTopic, Take);
        port.Supervise(BrokerIsLost, BrokerIsBack);
        if (mapping.StatusTopic.Length > 0)
            port.Route(mapping.StatusTopic, TakeStatus);
    }

    /// <summary>Redeliveries that were known by their counter and dropped.</summary>
    public long Redelivered { get; private set; }

    /// <inheritdoc/>
    protected override ChannelRecorder Stream => _recorder;

    /// <summary>Alarms apply at once; another mapping is another channel.</summary>
    public override bool Use(ChannelConfig config)
    {
        var text = ConfigText.Without(config.Text, "limits", "alarms");
        if (_text is not null && text != _text)
            return false;
        _text = text;
        return base.Use(config);
    }

    /// <inheritdoc/>
    public override void Retire()
    {
        _port.Unroute(_mapping.RecordsTopic, Take);
        _port.Unroute(_mapping.StatusTopic, TakeStatus);
    }

    /// <inheritdoc/>
    public override async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            Watch.Promise(LoopPatience);
            try
            {
                Context.Clock.LookForStep();
                if (_stopUnheard)
                    await InsistOnStopAsync(cancel);
                if (Lease is { } lease)
                    await UnderLeaseAsync(lease, cancel);
                else
                    TellOnce(ReportState.Idle, "", _mapping.Instrument);
            }
            catch (IOException e)
            {
                TellOnce(ReportState.Fault, "", e.Message);
            }
            await Task.Delay(Tick, Context.Machine, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        Watch.Rest();
        await _recorder.CloseAsync("agent_stopped").ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public override async Task<OrderDone> StopAsync(StopMode mode, string reason)
    {
        var started = Context.Machine.GetTimestamp();
        Halt($"stopped: {reason}");
        _stopUnheard = true;
        var done = new OrderDone { Channel = Channel };
        try
        {
            // The instrument knows one stop, at once: SAFE and IMMEDIATE are the same.
            while (!(done.Done = _status.Stands) && Context.Machine.GetElapsedTime(started) < StopPatience)
            {
                await OrderAsync(new { command = "stop" }, CancellationToken.None);
                await Task.Delay(Tick, Context.Machine);
            }
            if (!done.Done)
                done.Detail = _status.State.Length == 0
                    ? $"the instrument has said nothing for {StopPatience.TotalSeconds} s; it is ordered to stop until it answers"
                    : $"the instrument still says \"{_status.State}\" after {StopPatience.TotalSeconds} s; it is ordered to stop until it answers";
        }
        catch (IOException e)
        {
            done.Detail = e.Message;
        }
        done.SecondsToSafe = Context.Machine.GetElapsedTime(started).TotalSeconds;
        return done;
    }

    /// <inheritdoc/>
    protected override string? Refuse(LeasedChannel part) =>
        part.Control == ControlClass.Full ? "this instrument runs its vendor's program: control is start_stop or monitor" : null;

    /// <inheritdoc/>
    protected override void Halt(string cause)
    {
        if (_haltCause is null && Lease is not null)
            (_haltedAt, _haltCause) = (Context.Machine.GetTimestamp(), cause);
    }

    private Task OrderAsync(object order, CancellationToken cancel) =>
        _mapping.CommandTopic.Length == 0 ? Task.CompletedTask : _port.PublishAsync(_mapping.CommandTopic, JsonSerializer.SerializeToUtf8Bytes(order), cancel);

    private async Task UnderLeaseAsync(ChannelLease lease, CancellationToken cancel)
    {
        var run = lease.Part.Run;
        var track = Context.Journal.Query(s => s.Run(run) is { } t ? t with { } : null);
        var mine = _status.Run == run || _status.Run.Length == 0;
        if (track is { Ended: true })
        {
            Tell(ReportState.Ended, run, "the run has ended", track.EndReason);
            Finished(lease);
            return;
        }
        if (lease.Held.Verdict.MustStop)
            Halt("lease_over: the lease's window has ended");
        else if (Context.Locks.Reason(Channel) is { } locked)
            Halt($"stopped: {locked}");
        else if (Context.Journal.UsedFraction >= JournalOptions.SafeStop && track is not null)
            Halt($"journal_full: {Context.Journal.Stall ?? "the bound is near"}");
        if (_haltCause is { } cause)
            await StopAndEndAsync(lease, cause, cancel);
        else if (_status is { State: "finished" } && mine && (track?.DeviceCounter ?? 0) >= Math.Min(_status.Published, Highest(run)) && Highest(run) > 0)
            await EndRunAsync(lease, "completed");
        else if (lease.Held.Verdict.MayEnergise)
            await KeepRunningAsync(lease, track, cancel);
        else
            TellOnce(ReportState.Idle, run, "waiting for the lease's window");
    }

    private async Task KeepRunningAsync(ChannelLease lease, RunTrack? track, CancellationToken cancel)
    {
        var run = lease.Part.Run;
        if (_status.Running && _status.Run == run)
        {
            TellOnce(ReportState.Energised, run, $"{_mapping.Instrument} runs");
            return;
        }
        if (track is null && Blocked() is { } problem)
        {
            TellOnce(ReportState.Fault, "", $"{run} does not start: {problem}");
            return;
        }
        // Repeated until the status tells that it was heard; the instrument does not begin the same run twice.
        if (lease.Part.Control != ControlClass.StartStop || Context.Machine.GetElapsedTime(_ordered) < OrderInterval)
            return;
        _ordered = Context.Machine.GetTimestamp();
        _stopUnheard = false;
        await OrderAsync(new { command = "start", run }, cancel);
    }

    private async Task StopAndEndAsync(ChannelLease lease, string cause, CancellationToken cancel)
    {
        var waited = Context.Machine.GetElapsedTime(_haltedAt);
        if (!_status.Stands && waited < StopPatience && lease.Part.Control == ControlClass.StartStop)
        {
            _stopUnheard = true;
            if (Context.Machine.GetElapsedTime(_ordered) < OrderInterval && waited > Tick)
                return;
            _ordered = Context.Machine.GetTimestamp();
            await OrderAsync(new { command = "stop" }, cancel);
            return;
        }
        await EndRunAsync(lease, _status.Stands || lease.Part.Control != ControlClass.StartStop ? cause : $"{cause}; the instrument did not confirm the stop");
    }

    // An instrument that was away when it was ordered to stop may come back still running: it is told again until it says that it stands.
    private async Task InsistOnStopAsync(CancellationToken cancel)
    {
        if (_status.Stands)
        {
            _stopUnheard = false;
            return;
        }
        if (Context.Machine.GetElapsedTime(_ordered) < OrderInterval)
            return;
        _ordered = Context.Machine.GetTimestamp();
        await OrderAsync(new { command = "stop" }, cancel);
    }

    private async Task EndRunAsync(ChannelLease lease, string end)
    {
        var cause = end.Split(':')[0];
        Task stopped;
        lock (_gate)
        {
            var journalled = Highest(lease.Part.Run) > 0 || Context.Journal.Query(s => s.Run(lease.Part.Run)) is not null;
            if (journalled && _recorder.Run != lease.Part.Run)
                _recorder.Open(lease.Held.Lease.Name, lease.Part.Run, _mapping.Instrument, HighUtc(lease.Part.Run));
            stopped = _recorder.Run == lease.Part.Run && _recorder.IsOpen
                ? Task.WhenAll(_recorder.Event(StreamEvent.Types.Kind.Stopped, cause, end), _recorder.CloseAsync(cause))
                : Task.CompletedTask;
            DropLease(lease);
        }
        await stopped;
        Tell(ReportState.Ended, lease.Part.Run, end, cause);
        Finished(lease);
    }

    private void Finished(ChannelLease lease)
    {
        DropLease(lease);
        Watch.UseLease([]);
        _haltCause = null;
        _told = "";
    }

    private long Highest(string run)
    {
        lock (_gate)
            return _high.TryGetValue(run, out var high) ? high.Counter : 0;
    }

    private long? HighUtc(string run) => _mapping.UtcPath.Length > 0 && _high.TryGetValue(run, out var high) ? high.UtcNs + 1 : null;

    private Task TakeStatus(ReadOnlyMemory<byte> payload)
    {
        try
        {
            using var json = JsonDocument.Parse(payload);
            var root = json.RootElement;
            _status = new DeviceStatus(
                root.TryGetProperty("state", out var state) ? state.GetString() ?? "" : "",
                root.TryGetProperty("published", out var published) && published.TryGetInt64(out var n) ? n : 0,
                root.TryGetProperty("run", out var run) && run.ValueKind == JsonValueKind.String ? run.GetString()! : "");
            return Task.CompletedTask;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return Poison(_mapping.StatusTopic, payload, $"the status is not as declared: {e.Message}");
        }
    }

    private Task Take(ReadOnlyMemory<byte> payload)
    {
        try
        {
            Watch.Bytes(sent: false, payload.Span);
            IReadOnlyList<JsonRow> rows = _senml is not null ? _senml.Read(payload, out var problem) : _reader.Read(payload.Span, out problem) is { } row ? [row] : [];
            if (rows.Count == 0)
                return Poison(_mapping.RecordsTopic, payload, problem);
            lock (_gate)
            {
                _lastCommit = rows.Count == 1 ? Keep(rows[0]) : Task.WhenAll(rows.Select(Keep).ToList());
                return Context.Journal.IsCongested ? Task.WhenAll(_lastCommit, Context.Journal.WaitForRoomAsync(CancellationToken.None).AsTask()) : _lastCommit;
            }
        }
        catch (Exception e)
        {
            return Task.FromException(e);
        }
    }

    private Task Poison(string topic, ReadOnlyMemory<byte> payload, string reason)
    {
        try
        {
            _deadLetters.Keep(topic, payload.Span, reason);
            Context.Log($"{Channel}: a message on {topic} went to {_deadLetters.Folder}: {reason}");
            return Task.CompletedTask;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Task.FromException(e);
        }
    }

    // Nobody can say that it listened since the last message; a frozen broker is noticed only when its keep-alive is overdue.
    private void BrokerIsLost()
    {
        lock (_gate)
            _lostFromNs = _lostFromNs != 0 ? _lostFromNs : _heardNs != 0 ? _heardNs : Context.Clock.LabNowNs;
    }

    private void BrokerIsBack()
    {
        lock (_gate)
        {
            if (_lostFromNs != 0 && _recorder.IsOpen)
                _ = _recorder.Event(StreamEvent.Types.Kind.Outage, "broker_lost", _mapping.CounterPath.Length > 0 ? "the device's counter tells what was missed" : "", _lostFromNs, Context.Clock.LabNowNs);
            _lostFromNs = 0;
        }
    }

    private Task Keep(JsonRow row)
    {
        // Kept messages may arrive before the connection is told to stand: the outage comes before them.
        BrokerIsBack();
        _heardNs = Context.Clock.LabNowNs;
        var (run, lease) = RunOf(row);
        var key = run.Length > 0 ? run : JournalState.WithoutRun(Channel);
        var known = _high.TryGetValue(key, out var high);
        if (known && row.Counter is { } n && n <= high.Counter && (run.Length > 0 || row.UtcNs is null || row.UtcNs <= high.UtcNs))
        {
            Redelivered++;
            // The first copy may still be on its way to the disk: the acknowledgement waits for it.
            return _lastCommit;
        }
        OpenStream(run, lease, row);
        if (row.Counter is { } counter)
        {
            var expected = known && counter > high.Counter ? high.Counter + 1 : run.Length > 0 ? 1 : counter;
            if (counter > expected)
                _ = _recorder.Event(StreamEvent.Types.Kind.Note, "device_counter_gap", $"device records {expected} to {counter - 1} never arrived", row.UtcNs);
            _high[key] = (counter, row.UtcNs ?? 0);
        }
        return _recorder.Add(new RecordRow(row.UtcNs ?? Context.Clock.LabNowNs, row.Values, row.Texts));
    }

    // A message that names a run belongs to it, also after its lease; one that names none belongs to the lease in force.
    private (string Run, string Lease) RunOf(JsonRow row)
    {
        var lease = Lease;
        if (lease is not null && (row.Run == lease.Part.Run || _mapping.RunPath.Length == 0))
            return (lease.Part.Run, lease.Held.Lease.Name);
        var known = row.Run.Length > 0 ? Context.Journal.Query(s => s.Run(row.Run)) : null;
        return known is not null && known.Channel == Channel ? (known.Run, known.Lease) : ("", "");
    }

    private void OpenStream(string run, string lease, JsonRow row)
    {
        if (_recorder.IsOpen && _recorder.Run == run)
            return;
        var before = run.Length > 0 && !_recorder.IsOpen ? Context.Journal.Query(s => s.Run(run) is { } t ? t with { } : null) : null;
        if (Lease is { } held && held.Part.Run == run)
            Watch.UseLease(held.Part.Alarms);
        _recorder.Open(lease, run, _mapping.Instrument, row.UtcNs);
        if (before is not { Ended: false })
            return;
        // A device that counts and keeps its records loses none while the agent is away: that is a note. Without a counter nobody can tell.
        var kind = row.Counter is null ? StreamEvent.Types.Kind.Outage : StreamEvent.Types.Kind.Note;
        _ = _recorder.Event(kind, "agent_restart", "", before.LastUtcNs, row.UtcNs ?? Context.Clock.LabNowNs);
    }

    private void TellOnce(ReportState state, string run, string detail)
    {
        var told = $"{state}|{run}|{detail}";
        if (told == _told)
            return;
        _told = told;
        Tell(state, run, detail);
    }

    private sealed record DeviceStatus(string State, long Published, string Run)
    {
        public bool Running => State == "running";

        // Known to stand still. Silence and "offline" prove nothing: the instrument may be running where nobody hears it.
        public bool Stands => State is "idle" or "finished";
    }
}
