using System.Text;
using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments;

namespace BattKomp.Lab.Tests.Simulators.Devices;

/// <summary>Devices of one configuration without lines, time handed in; they share cells and circuits.</summary>
internal sealed class DeviceRig
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 6, 12, 0, 0, TimeSpan.Zero);
    private readonly Dictionary<string, (ISimulatedDevice Device, DeviceContext Context)> _devices = [];
    private readonly List<string> _order = [];
    private double _seconds;

    /// <param name="json">A whole configuration, or the fields of one instrument.</param>
    internal DeviceRig(string json)
    {
        var config = SimulatorConfig.Parse(json.Contains("\"instruments\"") ? json : $$"""{"instruments":[{{json}}]}""");
        Bench = new CellBench(config.Cells, 1);
        foreach (var instrument in config.Instruments)
        {
            var context = new DeviceContext(instrument, Bench, Noon);
            _devices.Add(instrument.Id, (DeviceRegistry.Find(instrument.Type)!.Build(context), context));
            _order.Add(instrument.Id);
        }
    }

    internal CellBench Bench { get; }

    internal ISimulatedDevice First => _devices[_order[0]].Device;

    internal DeviceContext Context => _devices[_order[0]].Context;

    internal SharedCell Cell => Context.Cell;

    internal ISimulatedDevice this[string id] => _devices[id].Device;

    internal void Advance(double seconds)
    {
        _seconds += seconds;
        foreach (var id in _order) _devices[id].Device.AdvanceTo(_seconds);
    }

    /// <summary>Sends bytes to the first device; its answers joined.</summary>
    internal byte[] Send(params byte[] bytes) => Send(_order[0], bytes);

    internal byte[] Send(string id, params byte[] bytes) => [.. _devices[id].Device.Receive(bytes).SelectMany(r => r)];

    /// <summary>Sends a line to the first device; its answer without terminators.</summary>
    internal string Ask(string line, string terminator = "\n") => Encoding.ASCII.GetString(Send(Encoding.ASCII.GetBytes(line + terminator))).TrimEnd('\r', '\n');

    internal string Hex(string hex) => Convert.ToHexStringLower(Send(Convert.FromHexString(hex.Replace(" ", ""))));
}
