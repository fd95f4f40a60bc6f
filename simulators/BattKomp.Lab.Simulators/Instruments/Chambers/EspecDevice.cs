using System.Globalization;
using System.Text;
using BattKomp.Lab.Simulators.Instruments.Serial;

namespace BattKomp.Lab.Simulators.Instruments.Chambers;

/// <summary>Settings of type <c>espec</c>.</summary>
public sealed record EspecOptions : ChamberOptions
{
    /// <summary>Address that requests must begin with (<c>1,TEMP?</c>); absent = none is used.</summary>
    public int? Address { get; init; }
}

/// <summary>An ESPEC chamber (P300, SCP-220): lines of ASCII ended by CR LF; sets answer <c>OK:</c> and the request, errors <c>NA:</c> and the reason.</summary>
public sealed class EspecDevice : ISimulatedDevice
{
    private readonly EspecOptions _options;
    private readonly ChamberModel _chamber;
    private readonly TextLines _lines = new();
    private double _upper;
    private double _lower;
    private string _mode = "STANDBY";
    private bool _stopped;
    private long _accepted;
    private long _refused;

    /// <summary>Makes the chamber.</summary>
    public EspecDevice(EspecOptions options, DeviceContext context)
    {
        (_options, _chamber) = (options, new ChamberModel(options, context));
        (_upper, _lower) = (options.HighestCelsius, options.LowestCelsius);
    }

    /// <summary>Makes one from a configuration.</summary>
    public static ISimulatedDevice Build(DeviceContext context) => new EspecDevice(context.Settings<EspecOptions>(), context);

    /// <inheritdoc/>
    public WireFormat Wire { get; } = new() { BytesPerSecond = 960 };

    /// <inheritdoc/>
    public double NextReportSeconds => double.PositiveInfinity;

    /// <inheritdoc/>
    public void AdvanceTo(double seconds)
    {
        _chamber.AdvanceTo(seconds);
        if (_chamber.Alarm) Mode("STANDBY");
    }

    /// <inheritdoc/>
    public byte[] TakeReport() => [];

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Receive(ReadOnlySpan<byte> bytes)
    {
        var replies = new List<byte[]>();
        foreach (var line in _lines.Take(bytes))
        {
            if (Addressed(line) is not { } request) continue;
            var answer = Answer(request);
            if (answer.StartsWith("NA:", StringComparison.Ordinal)) _refused++;
            else _accepted++;
            replies.Add(Encoding.ASCII.GetBytes(answer + "\r\n"));
        }
        return replies;
    }

    /// <inheritdoc/>
    public void Reboot()
    {
        _lines.Clear();
        _chamber.Reset();
        (_mode, _stopped) = ("STANDBY", false);
    }

    /// <inheritdoc/>
    public DeviceReading Read() => new(_chamber.Regulates ? "running" : "idle")
    {
        Stopped = _stopped,
        Commands = _accepted,
        Refused = _refused,
        Values = new Dictionary<string, double> { ["celsius"] = _chamber.Celsius, ["setpoint"] = _chamber.Setpoint, ["alarm"] = _chamber.Alarm ? 1 : 0 },
    };

    private string? Addressed(string line)
    {
        if (_options.Address is not { } address) return line;
        var comma = line.IndexOf(',');
        return comma > 0 && int.TryParse(line.AsSpan(0, comma), CultureInfo.InvariantCulture, out var said) && said == address ? line[(comma + 1)..].Trim() : null;
    }

    private string Answer(string request)
    {
        var parts = request.ToUpperInvariant().Split(',', StringSplitOptions.TrimEntries);
        return parts switch
        {
            ["TEMP?"] => string.Create(CultureInfo.InvariantCulture, $"{_chamber.Reading:0.0},{_chamber.Setpoint:0.0},{_upper:0.0},{_lower:0.0}"),
            ["MON?"] => string.Create(CultureInfo.InvariantCulture, $"{_chamber.Reading:0.0},{_mode},{(_chamber.Alarm ? 1 : 0)}"),
            ["MODE?"] => _mode,
            ["ALARM?"] => _chamber.Alarm ? "1,1" : "0",
            ["TYPE?"] => "SIM,T,P300,180.0",
            ["ROM?"] => "SIM1.0",
            ["TEMP", _, ..] => parts[1..].Select(Temperature).FirstOrDefault(wrong => wrong is not null) ?? $"OK:{request.ToUpperInvariant()}",
            ["MODE", var mode] => SetMode(mode) ?? $"OK:{request.ToUpperInvariant()}",
            ["POWER", "ON" or "OFF"] => SetMode(parts[1] == "ON" ? "CONSTANT" : "STANDBY") ?? $"OK:{request.ToUpperInvariant()}",
            _ => "NA:CMD ERR",
        };
    }

    private string? Temperature(string part)
    {
        if (part.Length < 2 || !double.TryParse(part.AsSpan(1), NumberStyles.Float, CultureInfo.InvariantCulture, out var celsius)) return "NA:PARA ERR";
        if (!_chamber.InRange(celsius)) return "NA:DATA OUT OF RANGE";
        switch (part[0])
        {
            case 'S': _chamber.Set(celsius); return null;
            case 'H': _upper = celsius; return null;
            case 'L': _lower = celsius; return null;
            default: return "NA:PARA ERR";
        }
    }

    private string? SetMode(string mode)
    {
        if (mode is not ("OFF" or "STANDBY" or "CONSTANT")) return "NA:PARA ERR";
        if (mode == "CONSTANT" && _chamber.Alarm) return "NA:PROTECT ON";
        Mode(mode);
        _stopped = mode != "CONSTANT";
        return null;
    }

    private void Mode(string mode) => (_mode, _chamber.On) = (mode, mode == "CONSTANT");
}
