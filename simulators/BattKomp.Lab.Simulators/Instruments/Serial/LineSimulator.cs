using System.Net;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Time;

namespace BattKomp.Lab.Simulators.Instruments.Serial;

/// <summary>
/// A simulated device on a real line: a pseudo-terminal, or a TCP port that carries the raw bytes. It has a thread of its
/// own, plugs the line in and out where the fault script says so, and keeps the stats.
/// </summary>
public sealed class LineSimulator : ISimulatedInstrument
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(50);

    private readonly DeviceContext _context;
    private readonly ISimulatedDevice _device;
    private readonly LineEngine _engine;
    private readonly SimulatedLabTime _time;
    private readonly DeviceLink? _link;
    private IPEndPoint? _listen;
    private ILine? _line;
    private volatile InstrumentStats _stats;
    private LineTally _tally;
    private bool _wasOpen;

    /// <summary>Builds the device, opens the line, so that its address is known, and switches the device on.</summary>
    /// <exception cref="IOException">When no line or link can be made.</exception>
    public LineSimulator(DeviceContext context, ISimulatedDevice device, SimulatedLabTime time, TimeProvider machine)
    {
        (_context, _device, _time) = (context, device, time);
        _engine = new LineEngine(device, new FaultInjector(context.Config.Faults, context.Config.Seed, device.Wire, context.Counts), machine);
        _link = context.Config.Link is null ? null : new DeviceLink(context.Config.Link);
        _listen = context.Config.Listen is null ? null : IPEndPoint.Parse(context.Config.Listen);
        PlugIn();
        _stats = TakeStats();
    }

    /// <inheritdoc/>
    public string Id => _context.Config.Id;

    /// <inheritdoc/>
    public string Address => _link?.Path ?? DevicePath;

    /// <summary>The device path behind the link, or <c>host:port</c>; a path changes when the line is plugged in again.</summary>
    public string DevicePath { get; private set; } = "";

    /// <summary>Whether it is a TCP port.</summary>
    public bool Listens => _listen is not null;

    /// <inheritdoc/>
    public InstrumentStats Stats => _stats;

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancel)
    {
        // A thread of its own: it waits in poll(), which no pool thread should.
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() => Pump(done, cancel)) { IsBackground = true, Name = Id }.Start();
        return done.Task;
    }

    /// <summary>Hangs up and takes the link away.</summary>
    public void Dispose()
    {
        _line?.Dispose();
        _link?.Dispose();
    }

    private double Seconds => (_time.Now - _context.SwitchedOn).TotalSeconds;

    private void Pump(TaskCompletionSource done, CancellationToken cancel)
    {
        try
        {
            while (!cancel.IsCancellationRequested) Turn(cancel);
            done.SetResult();
        }
        catch (Exception failure)
        {
            done.SetException(failure);
        }
    }

    private void Turn(CancellationToken cancel)
    {
        TimeSpan wait;
        bool cut;
        lock (_context.Bench.Gate)
        {
            wait = _engine.UntilNext(Seconds, _time.Speed);
            cut = _engine.LineCut(Seconds);
        }
        if (cut && _line is not null) Unplug();
        if (!cut && _line is null) PlugIn();

        if (wait > LongestWait) wait = LongestWait;
        var (open, bytes) = (false, Array.Empty<byte>());
        if (_line is null) cancel.WaitHandle.WaitOne(wait > TimeSpan.FromMilliseconds(1) ? wait : TimeSpan.FromMilliseconds(1));
        else (open, bytes) = _line.Receive(wait, cancel);
        lock (_context.Bench.Gate)
        {
            _engine.Hear(bytes, Seconds);
            _engine.AdvanceTo(Seconds);
            while (_engine.Next(Seconds) is { } due) Write(due, open);
            _stats = TakeStats();
        }
        Leave(open);
    }

    private void Write(Emission due, bool open)
    {
        var frames = due.Intact + due.Spoiled;
        if (_line is null || !open) _tally.Unheard += frames;
        else if (_line.Send(due.Bytes)) (_tally.Sent, _tally.Spoiled) = (_tally.Sent + frames, _tally.Spoiled + due.Spoiled);
        else _tally.Dropped += frames;
    }

    // The client left: nobody may later read what it did not. A line that cannot be cleared is replaced.
    private void Leave(bool open)
    {
        if (_line is not null && _wasOpen && !open && !_line.Forget())
        {
            Unplug();
            PlugIn();
        }
        _wasOpen = open;
    }

    private void PlugIn()
    {
        if (_listen is null)
        {
            _line = new PseudoTerminal();
        }
        else
        {
            // The same port again: a device server keeps its address.
            var line = new TcpLine(_listen);
            (_line, _listen) = (line, line.EndPoint);
        }
        DevicePath = _line.Address;
        _link?.PointTo(_line.Address);
    }

    private void Unplug()
    {
        _link?.Remove();
        _line?.Dispose();
        _line = null;
        _wasOpen = false;
    }

    private InstrumentStats TakeStats()
    {
        var reading = _device.Read();
        return new InstrumentStats
        {
            Id = Id,
            Type = _context.Config.Type,
            Address = Address,
            State = _line is null ? "hung_up" : reading.State,
            Stopped = reading.Stopped,
            Finished = reading.State == "finished",
            SerialReportsSent = _tally.Sent,
            SerialReportsDropped = _tally.Dropped,
            FramesMade = _engine.Made,
            FramesSpoiled = _tally.Spoiled,
            FramesSilenced = _engine.Silenced,
            FramesUnheard = _tally.Unheard,
            Faults = _context.Counts.Snapshot(),
            Commands = reading.Commands,
            CommandsRefused = reading.Refused,
            ChargeMah = reading.ChargeMah,
            DischargeMah = reading.DischargeMah,
            Ampere = reading.Ampere,
            Values = reading.Values,
        };
    }

    private struct LineTally
    {
        internal long Sent;
        internal long Spoiled;
        internal long Dropped;
        internal long Unheard;
    }
}
