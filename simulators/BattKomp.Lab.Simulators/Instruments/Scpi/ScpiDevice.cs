using System.Globalization;
using System.Text;
using BattKomp.Lab.Simulators.Instruments.Serial;

namespace BattKomp.Lab.Simulators.Instruments.Scpi;

/// <summary>
/// A bidirectional supply that speaks SCPI, with the habits of several makers. One line may hold several commands parted by
/// semicolons. A refused command is silent and queues an error for <c>SYST:ERR?</c>.
/// </summary>
public sealed class ScpiDevice : ISimulatedDevice
{
    private const int LongestErrorQueue = 20;
    private readonly ScpiOptions _options;
    private readonly DeviceContext _context;
    private readonly ScpiOutput _output;
    private readonly ShortCommands _short;
    private readonly TextLines _lines = new();
    private readonly Queue<string> _errors = new();
    private readonly List<(ScpiHeader Header, Func<string>? Ask, Func<string, bool>? Set, bool Guarded)> _commands = [];
    private bool _locked;
    private bool _addressed;
    private bool _stopped;
    private long _accepted;
    private long _refused;

    /// <summary>Puts a supply on its cell.</summary>
    public ScpiDevice(ScpiOptions options, DeviceContext context)
    {
        (_options, _context) = (options, context);
        _output = new ScpiOutput(options, context);
        _short = new ShortCommands(_output, Switch);
        Wire = new WireFormat { BytesPerSecond = options.Baud / 10.0 };
        Common();
        Source();
        Protections();
    }

    /// <summary>Makes one from a configuration.</summary>
    public static ISimulatedDevice Build(DeviceContext context) => new ScpiDevice(context.Settings<ScpiOptions>().Checked(), context);

    /// <inheritdoc/>
    public WireFormat Wire { get; }

    /// <inheritdoc/>
    public double NextReportSeconds => double.PositiveInfinity;

    /// <inheritdoc/>
    public void AdvanceTo(double seconds) => _context.Cell.AdvanceTo(seconds);

    /// <inheritdoc/>
    public byte[] TakeReport() => [];

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Receive(ReadOnlySpan<byte> bytes)
    {
        var replies = new List<byte[]>();
        foreach (var line in _lines.Take(bytes))
        {
            var answers = line.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Answer).OfType<string>().ToList();
            if (answers.Count > 0) replies.Add(Encoding.ASCII.GetBytes(string.Join(';', answers) + Terminator));
        }
        return replies;
    }

    /// <inheritdoc/>
    public void Reboot()
    {
        _output.Reset();
        _errors.Clear();
        _lines.Clear();
        (_locked, _addressed, _stopped) = (false, false, false);
    }

    /// <inheritdoc/>
    public DeviceReading Read() => new(_output.On ? "running" : "idle")
    {
        Stopped = _stopped,
        Commands = _accepted,
        Refused = _refused,
        ChargeMah = _context.Cell.ChargeAh * 1000,
        DischargeMah = _context.Cell.DischargeAh * 1000,
        Ampere = _output.TrueAmpere,
        Values = new Dictionary<string, double>
        {
            ["volt_setpoint"] = _output.SetVolt,
            ["ampere_setpoint"] = _output.SetAmpere,
            ["output"] = _output.On ? 1 : 0,
            ["tripped"] = _output.Tripped is null ? 0 : 1,
        },
    };

    private string Terminator => _options.Profile is ScpiProfile.Tdk or ScpiProfile.Aimtti ? "\r\n" : "\n";

    private string? Answer(string command)
    {
        if (_options.Profile == ScpiProfile.Tdk && !Addressed(command, out var said)) return said;
        _output.Feed();
        if (_short.Answer(_options.Profile, command, out var answer))
        {
            _accepted++;
            return answer;
        }
        var space = command.IndexOf(' ');
        var header = space < 0 ? command : command[..space];
        var argument = space < 0 ? "" : command[(space + 1)..].Trim();
        var asks = header.EndsWith('?');
        foreach (var known in _commands)
        {
            if (!known.Header.Matches(header.TrimEnd('?')) || (asks ? known.Ask is null : known.Set is null)) continue;
            if (asks) return Accepted(known.Ask!());
            if (known.Guarded && _options.Profile == ScpiProfile.Ea && !_locked) return Refused("-203,\"Command protected\"");
            return known.Set!(argument) ? Accepted(null) : Refused("-222,\"Data out of range\"");
        }
        return Refused("-113,\"Undefined header\"");
    }

    private bool Addressed(string command, out string? said)
    {
        said = null;
        if (command.StartsWith("ADR", StringComparison.OrdinalIgnoreCase))
        {
            _addressed = int.TryParse(command.AsSpan(3), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out var address) && address == _options.Address;
            said = _addressed ? Accepted("OK") : null;
            return false;
        }
        return _addressed;
    }

    private string? Accepted(string? answer)
    {
        _accepted++;
        return answer;
    }

    private string? Refused(string error)
    {
        _refused++;
        if (_errors.Count < LongestErrorQueue) _errors.Enqueue(error);
        return null;
    }

    private void Common()
    {
        Add("*IDN", ask: () => $"SIM,{_options.Profile.ToString().ToUpperInvariant()} {Text(_options.MaxVolt)}-{Text(_options.MaxAmpere)},{_context.Config.Id},1.0");
        Add("*RST", set: _ => Do(_output.Reset));
        Add("*CLS", set: _ => Do(_errors.Clear));
        Add("*OPC", ask: () => "1", set: _ => true);
        Add("SYSTem:ERRor[:NEXT]", ask: () => _errors.TryDequeue(out var error) ? error : "0,\"No error\"");
        Add("SYSTem:LOCK[:STATe]", ask: () => _locked ? "1" : "0", set: text => Switched(text, on => _locked = on));
        Add("SYSTem:LOCK:OWNer", ask: () => _locked ? "REMOTE" : "NONE");
        Add("SYSTem:REMote", set: _ => true);
    }

    private void Source()
    {
        Add("[SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]", () => Number(_output.SetVolt), text => Value(text, _output.SetVoltage), guarded: true);
        Add("[SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]", () => Number(ReadBack(_output.SetAmpere)), text => Value(text, _output.SetCurrent), guarded: true);
        Add("OUTPut[:STATe]", () => _output.On ? "1" : "0", text => Switched(text, null), guarded: true);
        Add("MEASure[:SCALar]:VOLTage[:DC]", () => Number(_output.Volt));
        Add("MEASure[:SCALar]:CURRent[:DC]", () => Number(_output.Ampere));
        Add("MEASure[:SCALar]:POWer[:DC]", () => Number(_output.Volt * _output.Ampere));
        Add("[SOURce]:FUNCtion:MODE", () => _output.ConstantCurrent ? "1" : "0", _ => true);
    }

    private void Protections()
    {
        Add("[SOURce]:VOLTage:PROTection[:LEVel]", () => Number(_output.ProtectVolt), text => Value(text, _output.SetOverVoltage), guarded: true);
        Add("[SOURce]:CURRent:PROTection[:LEVel]", () => Number(_output.ProtectAmpere), text => Value(text, _output.SetOverCurrent), guarded: true);
        Add("[SOURce]:VOLTage:PROTection:TRIPped", () => _output.Tripped == "OVP" ? "1" : "0");
        Add("[SOURce]:CURRent:PROTection:TRIPped", () => _output.Tripped == "OCP" ? "1" : "0");
        foreach (var (state, delay) in new[] { ("OUTPut:PROTection:WDOG[:STATe]", "OUTPut:PROTection:WDOG:DELay"), ("SYSTem:COMMunicate:WATCHDog[:STATe]", "SYSTem:COMMunicate:WATCHDog:TIMeout") })
        {
            Add(state, () => _output.Watchdog ? "1" : "0", text => Switched(text, _output.ArmWatchdog));
            Add(delay, () => Number(_output.WatchdogSeconds), text => Value(text, _output.SetWatchdogDelay));
        }
        Add("OUTPut:PROTection:CLEar", set: _ => Do(_output.Clear));
        Add("OUTPut:PROTection:TRIPped", () => _output.Tripped ?? "NONE");
    }

    private void Add(string pattern, Func<string>? ask = null, Func<string, bool>? set = null, bool guarded = false) =>
        _commands.Add((new ScpiHeader(pattern), ask, set, guarded));

    private static bool Do(Action act)
    {
        act();
        return true;
    }

    private bool Switch(bool on)
    {
        if (!_output.Switch(on)) return false;
        _stopped = !on;
        return true;
    }

    private bool Switched(string text, Action<bool>? act)
    {
        bool? on = text.ToUpperInvariant() switch { "1" or "ON" => true, "0" or "OFF" => false, _ => null };
        if (on is null) return false;
        if (act is null) return Switch(on.Value);
        act(on.Value);
        return true;
    }

    private static bool Value(string text, Func<double, bool> take) =>
        double.TryParse(text.TrimEnd('V', 'A', 'S', 'v', 'a', 's'), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && take(value);

    // A real BOP answers 9.989E-2 to CURR 0.1: a client must compare with a tolerance.
    private double ReadBack(double ampere) => _options.Profile == ScpiProfile.Kepco ? ampere * 0.9989 : ampere;

    private string Number(double value) => _options.Profile == ScpiProfile.Kepco
        ? value.ToString("0.0####E-0", CultureInfo.InvariantCulture)
        : Text(value);

    private static string Text(double value) => value.ToString("0.#####", CultureInfo.InvariantCulture);
}
