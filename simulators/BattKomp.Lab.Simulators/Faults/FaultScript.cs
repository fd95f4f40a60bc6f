namespace BattKomp.Lab.Simulators.Faults;

/// <summary>What can be wrong with a serial line or the instrument behind it.</summary>
public enum FaultKind
{
    /// <summary>Each bit flips with the given probability.</summary>
    BitNoise,

    /// <summary>Of a report, only the first bytes arrive.</summary>
    TornFrame,

    /// <summary>The data are right, the checksum is not (as firmware 3.0.2 does).</summary>
    WrongChecksum,

    /// <summary>Current, voltage and capacity stay what they were when the fault began.</summary>
    StuckValue,

    /// <summary>The line is gone while the fault lasts, then comes back as a new device.</summary>
    HangUp,
}

/// <summary>One entry of a fault script.</summary>
public sealed record Fault
{
    /// <summary>What is wrong.</summary>
    public required FaultKind Kind { get; init; }

    /// <summary>When it begins (lab s since the instrument was switched on).</summary>
    public double FromSeconds { get; init; }

    /// <summary>When it ends (lab s since switch-on); absent = never.</summary>
    public double? ToSeconds { get; init; }

    /// <summary>How likely it strikes, per bit (bit noise) or per report.</summary>
    public double Probability { get; init; } = 1;

    /// <summary>Whether it is in force.</summary>
    public bool InForce(double seconds) => seconds >= FromSeconds && (ToSeconds is null || seconds < ToSeconds);

    /// <summary>Names what is wrong with the entry itself, with the remedy; null when all is well.</summary>
    public string? Problem() =>
        Probability is not (>= 0 and <= 1) ? "probability must be from 0 to 1"
        : !(FromSeconds >= 0) ? "from_seconds must be 0 or more"
        : ToSeconds is { } to && !(to > FromSeconds) ? "to_seconds must be after from_seconds"
        : Kind == FaultKind.HangUp && ToSeconds is null ? "a hang_up needs to_seconds, when the line comes back"
        : null;
}
