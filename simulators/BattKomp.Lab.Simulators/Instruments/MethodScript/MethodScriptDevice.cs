using System.Text;
using BattKomp.Lab.Simulators.Hosting;

namespace BattKomp.Lab.Simulators.Instruments.MethodScript;

/// <summary>Settings of type <c>methodscript</c>.</summary>
public sealed record MethodScriptOptions
{
    /// <summary>Greatest current (A) in either direction.</summary>
    public double MaxAmpere { get; init; } = 0.2;

    /// <summary>Baud rate, for the pace of the line.</summary>
    public int Baud { get; init; } = 230_400;

    /// <summary>Impedance of a Randles circuit instead of the cell's: charge transfer (Ω); absent = the cell's.</summary>
    public double? RandlesRctOhm { get; init; }

    /// <summary>Its solution resistance (Ω).</summary>
    public double RandlesRsOhm { get; init; } = 100;

    /// <summary>Its double layer (F).</summary>
    public double RandlesCdlFarad { get; init; } = 1e-6;

    /// <summary>Throws when the settings cannot be.</summary>
    /// <exception cref="ConfigException">Names the field and the remedy.</exception>
    public MethodScriptOptions Checked() =>
        !(MaxAmpere > 0) ? throw new ConfigException("settings.max_ampere must be above 0")
        : Baud is < 1200 or > 4_000_000 ? throw new ConfigException("settings.baud must be from 1200 to 4000000")
        : RandlesRctOhm is <= 0 || !(RandlesRsOhm >= 0) || !(RandlesCdlFarad > 0) ? throw new ConfigException("settings.randles_…: resistances and capacitance must be above 0")
        : this;
}

/// <summary>
/// A PalmSens potentiostat: <c>t</c> and <c>i</c> identify it, <c>e</c> runs a MethodSCRIPT, <c>Z</c> breaks it off. What a running script
/// says comes unasked, a line at a time.
/// </summary>
public sealed class MethodScriptDevice : ISimulatedDevice
{
    private const int LongestLine = 256;
    private const int MostLines = 2000;
    private const int MostWaiting = 1000;
    private readonly DeviceContext _context;
    private readonly ElectrodeStage _stage;
    private readonly Queue<byte[]> _said = new();
    private readonly List<byte> _line = [];
    private List<string>? _script;
    private ScriptRun? _run;
    private double _seconds;
    private bool _finished;
    private bool _stopped;
    private long _accepted;
    private long _refused;

    /// <summary>Puts the potentiostat on its cell.</summary>
    public MethodScriptDevice(MethodScriptOptions options, DeviceContext context)
    {
        (_context, _stage) = (context, new ElectrodeStage(options, context));
        Wire = new WireFormat { BytesPerSecond = options.Baud / 10.0 };
    }

    /// <summary>Makes one from a configuration.</summary>
    public static ISimulatedDevice Build(DeviceContext context) => new MethodScriptDevice(context.Settings<MethodScriptOptions>().Checked(), context);

    /// <inheritdoc/>
    public WireFormat Wire { get; }

    /// <inheritdoc/>
    public double NextReportSeconds => _said.Count > 0 ? double.NegativeInfinity : double.PositiveInfinity;

    /// <inheritdoc/>
    public void AdvanceTo(double seconds)
    {
        // While the line is behind the script waits, as on a full transmit buffer.
        while (_run is { Ended: false } run && run.WakeSeconds <= seconds && _said.Count < MostWaiting)
        {
            _context.Cell.AdvanceTo(run.WakeSeconds);
            run.Go();
        }
        if (_run is { Ended: true }) (_run, _finished) = (null, !_stopped);
        _context.Cell.AdvanceTo(seconds);
        _seconds = Math.Max(_seconds, seconds);
    }

    /// <inheritdoc/>
    public byte[] TakeReport() => _said.TryDequeue(out var line) ? line : [];

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Receive(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            if (b != (byte)'\n')
            {
                if (b != (byte)'\r' && _line.Count < LongestLine) _line.Add(b);
                continue;
            }
            var line = Encoding.ASCII.GetString([.. _line]);
            _line.Clear();
            Hear(line);
        }
        // What was said before keeps its place: answers join the same queue.
        var replies = new List<byte[]>();
        while (_run is null && _said.TryDequeue(out var said)) replies.Add(said);
        return replies;
    }

    /// <inheritdoc/>
    public void Reboot()
    {
        _said.Clear();
        _line.Clear();
        (_script, _run, _finished, _stopped, _stage.On) = (null, null, false, false, false);
    }

    /// <inheritdoc/>
    public DeviceReading Read() => new(_run is not null ? "running" : _finished ? "finished" : "idle")
    {
        Stopped = _stopped,
        Commands = _accepted,
        Refused = _refused,
        ChargeMah = _context.Cell.ChargeAh * 1000,
        DischargeMah = _context.Cell.DischargeAh * 1000,
        Ampere = _stage.TrueAmpere,
        Values = new Dictionary<string, double> { ["cell_on"] = _stage.On ? 1 : 0 },
    };

    private void Hear(string line)
    {
        if (_script is not null)
        {
            if (line.Length == 0) Begin(_script);
            else if (_script.Count < MostLines) _script.Add(line);
            return;
        }
        switch (line.Trim())
        {
            case "": break;
            case "t": Answer("tSIMpico1000#Mar  6 2026 12:00:00"); Say("R*"); break;
            case "i": Answer($"i{_context.Config.Id}"); break;
            case "e" when _run is null: _script = []; break;
            case "Z": Break(); break;
            default: Refuse(line[..1] + "!0003"); break;
        }
    }

    private void Begin(List<string> lines)
    {
        _script = null;
        var (script, error) = Script.Parse(lines);
        if (script is null)
        {
            Refuse($"e!{error}");
            return;
        }
        Answer("e");
        (_finished, _stopped) = (false, false);
        _run = new ScriptRun(script, _stage, Math.Max(_seconds, _context.Cell.Seconds), Say);
    }

    private void Break()
    {
        Answer("Z");
        if (_run is null) return;
        _stopped = true;
        _run.Abort();
        _run = null;
    }

    private void Answer(string line)
    {
        _accepted++;
        Say(line);
    }

    private void Refuse(string line)
    {
        _refused++;
        Say(line);
    }

    private void Say(string line) => _said.Enqueue(Encoding.ASCII.GetBytes(line + "\n"));
}
