using System.Text.Json;
using BattKomp.Lab.Simulators.Instruments;
using BattKomp.Lab.Simulators.Instruments.Ebc;
using BattKomp.Lab.Simulators.Instruments.Mqtt;
using BattKomp.Lab.Simulators.Time;

namespace BattKomp.Lab.Simulators.Hosting;

/// <summary>Builds the instruments of a configuration and runs them together until cancelled.</summary>
public sealed class SimulatorHost : IDisposable
{
    private readonly List<ISimulatedInstrument> _instruments = [];
    private readonly SimulatedLabTime _time;
    private readonly TimeProvider _machine;

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
        instruments = _instruments.Select(i => i is EbcA20Simulator ebc
            ? new Dictionary<string, string> { ["id"] = i.Id, ["path"] = i.Address, ["device"] = ebc.DevicePath }
            : new Dictionary<string, string> { ["id"] = i.Id, ["broker"] = i.Address }),
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

    private ISimulatedInstrument Build(InstrumentConfig c) => c.Type == InstrumentConfig.EbcA20
        ? new EbcA20Simulator(new EbcOptions { Id = c.Id, Link = c.Link, Cell = c.Cell, Seed = c.Seed, Faults = c.Faults }, _time, _machine)
        : new MqttCycler(
            new CyclerOptions { Id = c.Id, Broker = c.Broker, Window = c.Window, Autostart = c.Autostart },
            c.Replay is null ? new CyclerProgram(c.Cell, c.Program, c.Seed) : NewareReplay.Load(c.Replay), _time, _machine);
}
