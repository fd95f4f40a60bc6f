using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Instruments.Serial;
using BattKomp.Lab.Simulators.Time;

namespace BattKomp.Lab.Simulators.Instruments.Ebc;

/// <summary>What an EBC-A20 simulator is made of.</summary>
public sealed record EbcOptions
{
    /// <summary>Instrument id; must begin with SIM.</summary>
    public required string Id { get; init; }

    /// <summary>A stable name for the device path; null = only the path itself.</summary>
    public string? Link { get; init; }

    /// <summary>The cell on the clamps.</summary>
    public CellParameters Cell { get; init; } = new();

    /// <summary>Seed of noise and faults.</summary>
    public int Seed { get; init; }

    /// <summary>What goes wrong, and when.</summary>
    public IReadOnlyList<Fault> Faults { get; init; } = [];
}

/// <summary>An EBC-A20 on a real pseudo-terminal: ten reports a second of lab time, never more than 9600 baud carries.</summary>
public sealed class EbcA20Simulator : ISimulatedInstrument
{
    private const double ReportSeconds = 0.1;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(50);

    private readonly EbcOptions _options;
    private readonly SimulatedLabTime _time;
    private readonly EbcDevice _device;
    private readonly EbcCommandReader _commands = new();
    private readonly FaultInjector _faults;
    private readonly LinePace _pace;
    private readonly DeviceLink? _link;
    private readonly DateTimeOffset _switchedOn;
    private PseudoTerminal? _line;
    private volatile InstrumentStats _stats;
    private double _nextReport;
    private long _sent;
    private long _dropped;
    private bool _wasOpen;

    /// <summary>Opens the pseudo-terminal, so that the path is known, and switches the device on.</summary>
    /// <exception cref="IOException">When no pseudo-terminal or link can be made.</exception>
    public EbcA20Simulator(EbcOptions options, SimulatedLabTime time, TimeProvider machine)
    {
        _options = options;
        _time = time;
        _device = new EbcDevice(new EquivalentCircuitCell(options.Cell), new SubstepPolicy(time.Speed),
            new MeasurementNoise(options.Seed, options.Cell.VoltageNoiseVolt));
        _faults = new FaultInjector(options.Faults, options.Seed);
        _pace = new LinePace(machine, LinePace.BytesPerSecond9600E, EbcWire.ReportLength);
        _link = options.Link is null ? null : new DeviceLink(options.Link);
        _switchedOn = time.Now;
        PlugIn();
        _stats = TakeStats();
    }

    /// <inheritdoc/>
    public string Id => _options.Id;

    /// <inheritdoc/>
    public string Address => _link?.Path ?? DevicePath;

    /// <summary>The device path behind the link; changes when the line is plugged in again.</summary>
    public string DevicePath { get; private set; } = "";

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

    private double Seconds => (_time.Now - _switchedOn).TotalSeconds;

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
        var cut = _faults.LineCut(Seconds);
        if (cut && _line is not null) Unplug();
        if (!cut && _line is null) PlugIn();

        var open = false;
        if (_line is null) cancel.WaitHandle.WaitOne(LongestWait);
        else open = Listen(_line, cancel);

        var now = Seconds;
        _device.AdvanceTo(now);
        if (now >= _nextReport) Report(now, open);
        _stats = TakeStats();
    }

    private bool Listen(PseudoTerminal line, CancellationToken cancel)
    {
        var (open, bytes) = line.Receive(UntilNextReport(), cancel);
        if (bytes.Length > 0) _device.AdvanceTo(Seconds);
        foreach (var payload in _commands.Take(bytes)) _device.Take(payload);
        // The client left: nobody may later read what it did not. A line that cannot be cleared is replaced.
        if (_wasOpen && !open && !line.Forget())
        {
            Unplug();
            PlugIn();
        }
        _wasOpen = open;
        return open;
    }

    private TimeSpan UntilNextReport()
    {
        var due = TimeSpan.FromSeconds(Math.Max(0, _nextReport - Seconds) / _time.Speed);
        var free = _pace.UntilFree();
        var wait = due > free ? due : free;
        return wait < LongestWait ? wait : LongestWait;
    }

    private void Report(double now, bool open)
    {
        if (!_pace.TryTakeFrame()) return;
        _nextReport = (Math.Floor(now / ReportSeconds + 1e-9) + 1) * ReportSeconds;
        if (_line is null || !open) return;
        var frame = _faults.Apply(EbcWire.Frame(_device.NextReport()), now);
        if (_line.Send(frame)) _sent++;
        else _dropped++;
    }

    private void PlugIn()
    {
        _line = new PseudoTerminal();
        DevicePath = _line.Path;
        _link?.PointTo(_line.Path);
    }

    private void Unplug()
    {
        _link?.Remove();
        _line?.Dispose();
        _line = null;
        _wasOpen = false;
    }

    private InstrumentStats TakeStats() => new()
    {
        Id = Id,
        Type = "ebc-a20",
        Address = Address,
        State = _line is null ? "hung_up" : _device.Phase switch { EbcPhase.Active => "running", EbcPhase.Finished => "finished", _ => "idle" },
        Stopped = _device.Stopped,
        Finished = _device.Phase == EbcPhase.Finished,
        SerialReportsSent = _sent,
        SerialReportsDropped = _dropped,
        Commands = _device.Accepted,
        CommandsRefused = _device.Refused,
        ChargeMah = _device.Cell.ChargeAh * 1000,
        DischargeMah = _device.Cell.DischargeAh * 1000,
    };
}
