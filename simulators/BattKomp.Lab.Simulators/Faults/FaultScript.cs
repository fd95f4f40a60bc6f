namespace BattKomp.Lab.Simulators.Faults;

/// <summary>What can be wrong with a line, the instrument behind it, or its clock.</summary>
public enum FaultKind
{
    /// <summary>Each bit flips with the given probability.</summary>
    BitNoise,

    /// <summary>Each byte is lost with the given probability.</summary>
    DroppedBytes,

    /// <summary>Each byte comes twice with the given probability.</summary>
    DuplicatedBytes,

    /// <summary>A frame, or MQTT message, comes twice.</summary>
    DuplicatedFrame,

    /// <summary>A frame waits for the next one; both come in one write.</summary>
    GluedReplies,

    /// <summary>Of a frame, only the first bytes arrive; with <c>seconds</c> the rest follows so much later.</summary>
    TornFrame,

    /// <summary>An answer comes only when the next is due, just before it. MQTT: a message comes after its successor.</summary>
    LateReply,

    /// <summary>The frame comes from another unit; its checksum is right.</summary>
    WrongUnit,

    /// <summary>The data are right, the checksum is not (as EBC firmware 3.0.2 does).</summary>
    WrongChecksum,

    /// <summary>Measured values stay what they were when the fault began; <c>quantity</c> names one.</summary>
    StuckValue,

    /// <summary>Orders to switch off are acknowledged, yet current keeps flowing; a relay does not move.</summary>
    StuckRelay,

    /// <summary>Setpoints above <c>limit</c> are silently taken as <c>limit</c>.</summary>
    SetpointClamped,

    /// <summary>The device starts anew: output off, counters at nothing, silent for <c>seconds</c>.</summary>
    Reboot,

    /// <summary>The instrument's own clock runs <c>ppm</c> too fast while the fault lasts.</summary>
    ClockDrift,

    /// <summary>The instrument's own clock is ahead by <c>seconds</c> (negative: behind) while the fault lasts.</summary>
    ClockStep,

    /// <summary>The instrument's own clock is set back once by <c>seconds</c>, and stays so.</summary>
    BackJump,

    /// <summary>Bytes trickle at <c>bytes_per_second</c> of machine time.</summary>
    SlowWriter,

    /// <summary>What arrives is rubbish of about the same length, as at a wrong baud rate.</summary>
    BaudGarbage,

    /// <summary>The line is gone while the fault lasts, then comes back as a new device.</summary>
    HangUp,

    /// <summary>Nothing is sent.</summary>
    Silence,

    /// <summary>A frame is repeated to at least <c>bytes</c> in one burst, faster than the line, so that an unread buffer overflows.</summary>
    BufferOverrun,
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

    /// <summary>How likely it strikes: per bit (bit noise), per byte (dropped, duplicated) or per frame.</summary>
    public double Probability { get; init; } = 1;

    /// <summary>torn_frame: the rest comes so many lab seconds later; reboot: so long silent; clock_step, back_jump: the step (s).</summary>
    public double? Seconds { get; init; }

    /// <summary>clock_drift: parts in a million, positive = fast.</summary>
    public double? Ppm { get; init; }

    /// <summary>setpoint_clamped: the greatest magnitude that is taken, in the setpoint's own unit.</summary>
    public double? Limit { get; init; }

    /// <summary>setpoint_clamped, stuck_value: only this quantity (<c>volt</c>, <c>ampere</c>, <c>celsius</c>, …); absent = all.</summary>
    public string? Quantity { get; init; }

    /// <summary>slow_writer: bytes a machine second.</summary>
    public double? BytesPerSecond { get; init; }

    /// <summary>buffer_overrun: bytes in the burst.</summary>
    public int? Bytes { get; init; }

    /// <summary>wrong_unit: the other unit's address; absent = the next one.</summary>
    public int? Unit { get; init; }

    /// <summary>Whether it is in force.</summary>
    public bool InForce(double seconds) => seconds >= FromSeconds && (ToSeconds is null || seconds < ToSeconds);

    /// <summary>Names what is wrong with the entry itself, with the remedy; null when all is well.</summary>
    public string? Problem() =>
        Probability is not (>= 0 and <= 1) ? "probability must be from 0 to 1"
        : !(FromSeconds >= 0) ? "from_seconds must be 0 or more"
        : ToSeconds is { } to && !(to > FromSeconds) ? "to_seconds must be after from_seconds"
        : Kind == FaultKind.HangUp && ToSeconds is null ? "a hang_up needs to_seconds, when the line comes back"
        : MissingParameter() ?? SurplusParameter();

    private string? MissingParameter() => Kind switch
    {
        FaultKind.ClockStep when Seconds is not { } step || !double.IsFinite(step) => "a clock_step needs seconds, how far the clock is off",
        FaultKind.BackJump when Seconds is not > 0 => "a back_jump needs seconds above 0, how far the clock is set back",
        FaultKind.ClockDrift when Ppm is not { } ppm || !(Math.Abs(ppm) < 1e6) => "a clock_drift needs ppm, between -1000000 and 1000000",
        FaultKind.SetpointClamped when Limit is not >= 0 => "a setpoint_clamped needs limit, 0 or more",
        FaultKind.SlowWriter when BytesPerSecond is not (>= 1 and <= 1e6) => "a slow_writer needs bytes_per_second, 1 or more",
        FaultKind.TornFrame or FaultKind.Reboot when Seconds is <= 0 => "seconds must be above 0",
        FaultKind.BufferOverrun when Bytes is < 1 or > 1_048_576 => "bytes must be from 1 to 1048576",
        FaultKind.WrongUnit when Unit is < 0 or > 255 => "unit must be from 0 to 255",
        _ => null,
    };

    private string? SurplusParameter() =>
        Seconds is not null && Kind is not (FaultKind.TornFrame or FaultKind.Reboot or FaultKind.ClockStep or FaultKind.BackJump) ? Surplus("seconds")
        : Ppm is not null && Kind != FaultKind.ClockDrift ? Surplus("ppm")
        : Limit is not null && Kind != FaultKind.SetpointClamped ? Surplus("limit")
        : Quantity is not null && Kind is not (FaultKind.SetpointClamped or FaultKind.StuckValue) ? Surplus("quantity")
        : BytesPerSecond is not null && Kind != FaultKind.SlowWriter ? Surplus("bytes_per_second")
        : Bytes is not null && Kind != FaultKind.BufferOverrun ? Surplus("bytes")
        : Unit is not null && Kind != FaultKind.WrongUnit ? Surplus("unit")
        : null;

    private string Surplus(string field) => $"{field} means nothing for {FaultNames.Of(Kind)}; leave it out";
}

/// <summary>Names of faults as configuration and stats write them.</summary>
public static class FaultNames
{
    /// <summary>The name, in snake_case.</summary>
    public static string Of(FaultKind kind) => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());
}
