using System.Text.Json;
using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Instruments;
using BattKomp.Lab.Simulators.Instruments.Folder;
using BattKomp.Lab.Simulators.Instruments.Mqtt;
using BattKomp.Lab.Simulators.Instruments.Serial;
using BattKomp.Lab.Simulators.Time;

namespace BattKomp.Lab.Simulators.Hosting;

/// <summary>Builds the instruments of a configuration and runs them together until cancelled.</summary>
public sealed class SimulatorHost : IDisposable
{
    private readonly List<ISimulatedInstrument> _instruments = [];
    private readonly SimulatedLabTime _time;
    private readonly TimeProvider _machine;
    private readonly CellBench _bench;
    private readonly DateTimeOffset _switchedOn;

    /// <summary>Opens every line and reads every file, so that what cannot work is refused before anything runs.</summary>
    /// <exception cref="ConfigException">When the configuration says something impossible.</exception>
    /// <exception cref="ReplayFileException">When a file cannot be replayed.</exception>
    /// <exception cref="IOException">When a pseudo-terminal or a link cannot be made.</exception>
    public SimulatorHost(SimulatorConfig config, TimeProvider machine)
    {
        config.Check();
        _machine = machine;
        var machineOrigin = config.MachineOrigin ?? machine.GetUtcNow();
        _time = new SimulatedLabTime(config.LabOrigin ?? machineOrigin, machineOrigin, config.Speed, machine);
        (_bench, _switchedOn) = (new CellBench(config.Cells, config.Speed), _time.Now);
        try
        {
            foreach (var instrument in config.Instruments) _instruments.Add(Build(instrument));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The instruments, in the order of the configuration.</summary>
    public IReadOnlyList<ISimulatedInstrument> Instruments => _instruments;

    /// <summary>One JSON line that says where each instrument is found.</summary>
    public string ReadyLine() => JsonSerializer.Serialize(new
    {
        ready = true,
        instruments = _instruments.Select(i => i switch
        {
            LineSimulator { Listens: true } => new Dictionary<string, string> { ["id"] = i.Id, ["listen"] = i.Address },
            LineSimulator line => new Dictionary<string, string> { ["id"] = i.Id, ["path"] = i.Address, ["device"] = line.DevicePath },
            FolderWriter => new Dictionary<string, string> { ["id"] = i.Id, ["path"] = i.Address },
            _ => new Dictionary<string, string> { ["id"] = i.Id, ["broker"] = i.Address },
        }),
    });

    /// <summary>What was produced so far.</summary>
    public SimulatorStats Stats(bool exited = false) =>
        new(_machine.GetUtcNow(), _time.Now, exited, [.. _instruments.Select(i => i.Stats)]);

    /// <summary>Runs until cancelled; keeps the stats file, if one is named, up to the last.</summary>
    public async Task RunAsync(string? statsPath, CancellationToken cancel)
    {
        using var together = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var stats = statsPath is null ? null : new StatsFile(statsPath, _machine);
        var running = _instruments.Select(i => i.RunAsync(together.Token)).ToList();
        if (stats is not null) running.Add(stats.KeepAsync(() => Stats(), together.Token));
        // One that fails takes the process down; half a lab would only look like a whole one.
        await Task.WhenAny(running).ConfigureAwait(false);
        await together.CancelAsync().ConfigureAwait(false);
        try
        {
            await Task.WhenAll(running).ConfigureAwait(false);
        }
        finally
        {
            stats?.Write(Stats(exited: true));
        }
    }

    /// <summary>Closes every line.</summary>
    public void Dispose() => _instruments.ForEach(i => i.Dispose());

    /// <summary>One instrument on a line, alone, switched on now.</summary>
    /// <exception cref="ConfigException">When the configuration says something impossible.</exception>
    /// <exception cref="IOException">When the line or its link cannot be made.</exception>
    public static LineSimulator OneLine(InstrumentConfig config, SimulatedLabTime time, TimeProvider machine)
    {
        if (config.Problem() is { } problem) throw new ConfigException(problem);
        return Line(config, new CellBench(new Dictionary<string, CellParameters>(), time.Speed), time.Now, time, machine);
    }

    private static LineSimulator Line(InstrumentConfig config, CellBench bench, DateTimeOffset switchedOn, SimulatedLabTime time, TimeProvider machine)
    {
        var type = DeviceRegistry.Find(config.Type) ?? throw new ConfigException($"{config.Type} has no line");
        var context = new DeviceContext(config, bench, switchedOn);
        var device = type.Build(context);
        if (config.Faults.Select(f => Unknown(f.Kind, device.Wire)).FirstOrDefault(p => p is not null) is { } problem)
            throw new ConfigException($"{config.Id}: faults: {problem}");
        return new LineSimulator(context, device, time, machine);
    }

    private static string? Unknown(FaultKind kind, WireFormat wire) => kind switch
    {
        FaultKind.WrongChecksum when wire.ChecksumFromEnd == 0 => "wrong_checksum: this protocol has no checksum; remove it",
        FaultKind.WrongUnit when wire.FromUnit is null => "wrong_unit: frames of this protocol name no unit; remove it",
        FaultKind.ClockDrift or FaultKind.ClockStep or FaultKind.BackJump when !wire.TellsTime => $"{FaultNames.Of(kind)}: this device tells no time; remove it",
        _ => null,
    };

    private ISimulatedInstrument Build(InstrumentConfig c) => c.Type == InstrumentConfig.FolderWriter ? new FolderWriter(c.Id, c.Folder!, c.Seed, _time)
        : c.Type == InstrumentConfig.MqttCycler ? new MqttCycler(
            new CyclerOptions { Id = c.Id, Broker = c.Broker, Window = c.Window, Autostart = c.Autostart, Faults = c.Faults, Seed = c.Seed },
            c.Replay is null ? new CyclerProgram(c.Cell, c.Program, c.Seed) : NewareReplay.Load(c.Replay), _time, _machine)
        : Line(c, _bench, _switchedOn, _time, _machine);
}
