using System.Globalization;
using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Instruments.Scpi;

/// <summary>A value that is set and read back; <c>{0}</c> stands for the number.</summary>
/// <param name="Set">"VOLT {0}".</param>
/// <param name="Ask">"VOLT?".</param>
public sealed record ScpiValue(string Set, string Ask);

/// <summary>The device's own communication watchdog.</summary>
/// <param name="Arm">Commands, <c>{0}</c> = seconds.</param>
/// <param name="Disarm">Commands when the run is over; empty = it stays armed.</param>
/// <param name="Clear">Commands that release a trip.</param>
/// <param name="Seconds">Silence after which the output goes off.</param>
public sealed record ScpiWatchdog(IReadOnlyList<string> Arm, IReadOnlyList<string> Disarm, IReadOnlyList<string> Clear, double Seconds);

/// <summary>What makes one maker's supply or load differ from the next: data, see README.md for each field.</summary>
public sealed record ScpiProfile
{
    /// <summary>Name in configuration.</summary>
    public required string Name { get; init; }

    /// <summary>Maker and model for people.</summary>
    public required string Title { get; init; }

    /// <summary>Sent behind every command.</summary>
    public string Ending { get; init; } = "\n";

    /// <summary>Bits per second that the device leaves the factory with.</summary>
    public int Baud { get; init; } = 9600;

    /// <summary>Sent first, before the identity is asked.</summary>
    public IReadOnlyList<string> Preamble { get; init; } = [];

    /// <summary>Asks for the identity.</summary>
    public string Identify { get; init; } = "*IDN?";

    /// <summary>One of these stands in the identity.</summary>
    public required IReadOnlyList<string> Identities { get; init; }

    /// <summary>Sent once the identity is known (remote control and the like).</summary>
    public IReadOnlyList<string> Remote { get; init; } = [];

    /// <summary>What a setting is answered with; empty = nothing.</summary>
    public string Acknowledge { get; init; } = "";

    /// <summary>Asked after every setting; empty = the device has no error queue.</summary>
    public string Error { get; init; } = "";

    /// <summary>True when it can charge.</summary>
    public bool Sources { get; init; }

    /// <summary>True when it can discharge.</summary>
    public bool Sinks { get; init; }

    /// <summary>Voltage set point: charge voltage or discharge cut-off.</summary>
    public required ScpiValue Volt { get; init; }

    /// <summary>Current set point; negative sinks, unless <see cref="SinkAmpere"/> is given.</summary>
    public required ScpiValue Ampere { get; init; }

    /// <summary>Own command for the magnitude of sunk current; null = the sign of <see cref="Ampere"/> says it.</summary>
    public ScpiValue? SinkAmpere { get; init; }

    /// <summary>Power set point of a load; null = no constant power.</summary>
    public ScpiValue? Watt { get; init; }

    /// <summary>Sent before a current is set, and before a power is set.</summary>
    public IReadOnlyList<string> CurrentMode { get; init; } = [];

    /// <summary>Sent before a power is set.</summary>
    public IReadOnlyList<string> PowerMode { get; init; } = [];

    /// <summary>Output on.</summary>
    public required string On { get; init; }

    /// <summary>Output off.</summary>
    public required string Off { get; init; }

    /// <summary>Asks whether the output is on.</summary>
    public required string AskOutput { get; init; }

    /// <summary>Asks for the measured voltage.</summary>
    public required string MeasureVolt { get; init; }

    /// <summary>Asks for the measured current.</summary>
    public required string MeasureAmpere { get; init; }

    /// <summary>True when the device reports drawn current as positive (a load).</summary>
    public bool DrawnIsPositive { get; init; }

    /// <summary>Over-voltage protection; null = none.</summary>
    public ScpiValue? OverVolt { get; init; }

    /// <summary>Over-current protection; null = none.</summary>
    public ScpiValue? OverAmpere { get; init; }

    /// <summary>Asks what has tripped; empty = cannot be asked.</summary>
    public string AskTrip { get; init; } = "";

    /// <summary>Answer when nothing has.</summary>
    public string NoTrip { get; init; } = "NONE";

    /// <summary>Communication watchdog; null = none.</summary>
    public ScpiWatchdog? Watchdog { get; init; }

    /// <summary>V by which the device's own cut-off of a discharge lies below the step's, so that the agent, which judges the end, comes first.</summary>
    public double CutOffMargin { get; init; }

    /// <summary>Share by which a value read back may differ.</summary>
    public double RelativeTolerance { get; init; } = 0.002;

    /// <summary>V, A or W by which a value read back may differ beside that.</summary>
    public double AbsoluteTolerance { get; init; } = 0.002;

    /// <summary>Measured current that still counts as none, A.</summary>
    public double IdleAmpere { get; init; } = 0.05;

    /// <summary>A command with its number, never in another language's digits.</summary>
    public static string With(string command, double number) => command.Replace("{0}", number.ToString("0.#####", CultureInfo.InvariantCulture), StringComparison.Ordinal);

    /// <summary>True when a value read back is the one set.</summary>
    public bool Same(double set, double read) => Math.Abs(set - read) <= AbsoluteTolerance + (RelativeTolerance * Math.Abs(set));

    /// <summary>Why the device cannot do a step; null when it can.</summary>
    public string? Fault(Step step) => step.Kind switch
    {
        Kind.CcCharge or Kind.CccvCharge when !Sources => $"profile {Name} cannot charge: the device only sinks",
        Kind.CcDischarge or Kind.CpDischarge when !Sinks => $"profile {Name} cannot discharge: the device only sources",
        Kind.CpDischarge when Watt is null => $"profile {Name} has no constant power",
        Kind.Cv when !Sources => $"profile {Name} cannot hold a voltage: the device only sinks",
        Kind.CcCharge or Kind.CccvCharge or Kind.CcDischarge or Kind.Cv when !(step.Ampere > 0) => "ampere must be above 0",
        Kind.CpDischarge when !(step.Watt > 0) => "watt must be above 0",
        Kind.CcCharge or Kind.CccvCharge or Kind.CcDischarge or Kind.CpDischarge or Kind.Cv => step.Volt > 0 ? null : "volt must be above 0",
        _ => $"a supply cannot do {step.Kind}",
    };
}
