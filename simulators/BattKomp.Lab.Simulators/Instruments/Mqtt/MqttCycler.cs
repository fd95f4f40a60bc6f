using System.Text.Json;
using System.Threading.Channels;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Time;
using MQTTnet;
using MQTTnet.Protocol;

namespace BattKomp.Lab.Simulators.Instruments.Mqtt;

/// <summary>What an MQTT cycler is made of.</summary>
public sealed record CyclerOptions
{
    /// <summary>Instrument id, also the MQTT client id; must begin with SIM.</summary>
    public required string Id { get; init; }

    /// <summary>Where the broker is.</summary>
    public BrokerOptions Broker { get; init; } = new();

    /// <summary>Messages sent before the oldest is acknowledged.</summary>
    public int Window { get; init; } = 32;

    /// <summary>What goes wrong, and when.</summary>
    public IReadOnlyList<Fault> Faults { get; init; } = [];

    /// <summary>Seed of the faults.</summary>
    public int Seed { get; init; }

    /// <summary>Run to start without waiting for a command; null = wait.</summary>
    public string? Autostart { get; init; }
}

/// <summary>
/// A cycler that publishes every row as JSON over MQTT 5, QoS 1, in order, and keeps each until the broker's PUBACK.
/// Rows are due in lab time and stamped with lab time at start plus their own test time, so a slow broker makes them late
/// but never wrong. A run counts its messages from 1, across reconnects; the same run asked for again is not begun again.
/// </summary>
public sealed class MqttCycler : ISimulatedInstrument
{
    private readonly CyclerOptions _options;
    private readonly IRecordSource _source;
    private readonly SimulatedLabTime _time;
    private readonly Outbox _outbox;
    private readonly BrokerLink _link;
    private readonly TimeProvider _machine;
    private readonly Channel<CyclerOrder> _orders = Channel.CreateUnbounded<CyclerOrder>();
    private readonly ChargeTally _tally = new();
    private readonly CyclerFaults _faults;
    private readonly DateTimeOffset _switchedOn;
    private volatile Phase _phase = new("idle", null, false);
    private long _commands;
    private long _refused;

    /// <summary>Makes a cycler; nothing is sent before <see cref="RunAsync"/>.</summary>
    public MqttCycler(CyclerOptions options, IRecordSource source, SimulatedLabTime time, TimeProvider machine)
    {
        _options = options;
        _source = source;
        _time = time;
        _machine = machine;
        (_faults, _switchedOn) = (new CyclerFaults(options.Faults, options.Seed), time.Now);
        _outbox = new Outbox(options.Window);
        _link = new BrokerLink(options.Broker, options.Id, _outbox, machine, Hear, cancel => SayAsync(null, cancel));
        if (options.Autostart is not null) _orders.Writer.TryWrite(new CyclerOrder(true, options.Autostart));
    }

    /// <inheritdoc/>
    public string Id => _options.Id;

    /// <inheritdoc/>
    public string Address => $"{_options.Broker.Host}:{_options.Broker.Port}";

    /// <inheritdoc/>
    public InstrumentStats Stats
    {
        get
        {
            var phase = _phase;
            var (chargeAh, dischargeAh) = _tally.Totals;
            var (made, silenced, counts) = _faults.Tally;
            return new InstrumentStats
            {
                Id = Id,
                Type = "mqtt-cycler",
                Address = Address,
                State = phase.State,
                Stopped = phase.Stopped,
                Finished = phase.State == "finished",
                Acked = _outbox.Acked,
                Published = _outbox.Published,
                Resent = _outbox.Resent,
                Unacknowledged = _outbox.Unacknowledged,
                FramesMade = made,
                FramesSilenced = silenced,
                Faults = counts,
                Commands = Interlocked.Read(ref _commands),
                CommandsRefused = Interlocked.Read(ref _refused),
                ChargeMah = chargeAh * 1000,
                DischargeMah = dischargeAh * 1000,
            };
        }
    }

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var stopLink = new CancellationTokenSource();
        var link = _link.RunAsync(stopLink.Token);
        try
        {
            await ObeyAsync(cancel).ConfigureAwait(false);
        }
        finally
        {
            await LetGoAsync().ConfigureAwait(false);
            await stopLink.CancelAsync().ConfigureAwait(false);
            await link.ConfigureAwait(false);
        }
    }

    /// <summary>Nothing is held outside <see cref="RunAsync"/>.</summary>
    public void Dispose() { }

    private async Task ObeyAsync(CancellationToken cancel)
    {
        var running = Task.CompletedTask;
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            await foreach (var order in _orders.Reader.ReadAllAsync(cancel).ConfigureAwait(false))
            {
                if (order.Start)
                {
                    if (order.Run == _phase.Run || !running.IsCompleted) continue;
                    stop.Dispose();
                    stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                    running = ProduceAsync(order.Run, stop.Token);
                    continue;
                }
                await stop.CancelAsync().ConfigureAwait(false);
                await running.ConfigureAwait(false);
                _phase = new Phase(_phase.State == "finished" ? "finished" : "idle", _phase.Run, true);
                await SayAsync(null, cancel).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            await running.ConfigureAwait(false);
        }
        finally
        {
            stop.Dispose();
        }
    }

    private async Task ProduceAsync(string run, CancellationToken cancel)
    {
        try
        {
            var start = _time.Now;
            _phase = new Phase("running", run, false);
            await SayAsync(null, cancel).ConfigureAwait(false);
            var n = 0L;
            foreach (var record in _source.Records())
            {
                var due = start.AddSeconds(record.TestSeconds);
                await _time.DelayUntil(due, cancel).ConfigureAwait(false);
                var seconds = (due - _switchedOn).TotalSeconds;
                if (_faults.Reboots(seconds))
                {
                    _phase = new Phase("idle", null, false);
                    await SayAsync(null, cancel).ConfigureAwait(false);
                    return;
                }
                n++;
                await HandOutAsync(_faults.Apply(record, seconds, (r, error) => RecordJson.Record(Id, run, n, start + error, r)), cancel).ConfigureAwait(false);
                _tally.Add(record);
            }
            await HandOutAsync(_faults.Rest(), cancel).ConfigureAwait(false);
            await EverythingAcknowledgedAsync(cancel).ConfigureAwait(false);
            _phase = new Phase("finished", run, false);
            await SayAsync(null, cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Stopped: what was handed out stays in the outbox.
        }
    }

    private async Task HandOutAsync(IReadOnlyList<CyclerMessage> messages, CancellationToken cancel)
    {
        foreach (var message in messages)
            await _outbox.AddAsync(new OutMessage(Record(message.Payload), isRecord: !message.Copy), cancel).ConfigureAwait(false);
    }

    private async Task EverythingAcknowledgedAsync(CancellationToken cancel)
    {
        var acknowledged = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await SayAsync(acknowledged, cancel).ConfigureAwait(false);
        await acknowledged.Task.WaitAsync(cancel).ConfigureAwait(false);
    }

    // On a clean stop the broker gets a moment to take what is in the outbox.
    private async Task LetGoAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2), _machine);
        try
        {
            if (_outbox.Published > 0 && _link.LastFailure is null) await EverythingAcknowledgedAsync(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The stats say how much stayed behind.
        }
    }

    private async Task SayAsync(TaskCompletionSource? acknowledged, CancellationToken cancel)
    {
        var phase = _phase;
        var payload = RecordJson.Status(Id, phase.State, _outbox.Published, phase.Run, phase.Error);
        await _outbox.AddAsync(new OutMessage(_link.Status(payload), isRecord: false) { Acknowledged = acknowledged }, cancel).ConfigureAwait(false);
    }

    private MqttApplicationMessage Record(byte[] payload) => new()
    {
        Topic = BrokerLink.RecordsTopic(Id),
        PayloadSegment = payload,
        QualityOfServiceLevel = MqttQualityOfServiceLevel.AtLeastOnce,
    };

    // Runs on the network's thread: must not throw and must not wait.
    private void Hear(byte[] payload)
    {
        if (CyclerOrder.Read(payload, out var problem) is { } order)
        {
            Interlocked.Increment(ref _commands);
            _phase = _phase with { Error = null };
            _orders.Writer.TryWrite(order);
            return;
        }
        Interlocked.Increment(ref _refused);
        _phase = _phase with { Error = problem };
        _ = SayAsync(null, CancellationToken.None);
    }

    private sealed record Phase(string State, string? Run, bool Stopped, string? Error = null);
}

/// <summary>An order to the cycler.</summary>
internal sealed record CyclerOrder(bool Start, string Run)
{
    /// <summary>Reads an order; null and a sentence with the remedy when it is none.</summary>
    internal static CyclerOrder? Read(byte[] payload, out string? problem)
    {
        problem = "the command is not JSON; send {\"command\":\"start\",\"run\":\"…\"} or {\"command\":\"stop\"}";
        try
        {
            using var json = JsonDocument.Parse(payload);
            var command = Text(json.RootElement, "command");
            var run = Text(json.RootElement, "run");
            problem = command switch
            {
                "stop" => null,
                "start" when !string.IsNullOrEmpty(run) => null,
                "start" => "run is missing; name the run to start",
                _ => "command is neither start nor stop",
            };
            return problem is null ? new CyclerOrder(command == "start", run ?? "") : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}

/// <summary>Sums the step counters into charge in and out over all steps.</summary>
internal sealed class ChargeTally
{
    private readonly Lock _gate = new();
    private double _chargeAh;
    private double _dischargeAh;
    private int _step;
    private double _stepAh;

    internal (double ChargeAh, double DischargeAh) Totals
    {
        get
        {
            lock (_gate) return (_chargeAh, _dischargeAh);
        }
    }

    internal void Add(in CyclerRecord record)
    {
        lock (_gate)
        {
            var moved = record.Step == _step ? record.StepAh - _stepAh : record.StepAh;
            if (record.Ampere >= 0) _chargeAh += moved;
            else _dischargeAh += moved;
            (_step, _stepAh) = (record.Step, record.StepAh);
        }
    }
}
