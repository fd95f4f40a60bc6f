namespace BattKomp.Lab.Telemetry;

/// <summary>Identity of an ordered series of entries of one channel from one agent boot.</summary>
/// <param name="Agent">agents/{agent}</param>
/// <param name="Boot">Identity of one start of the agent's process.</param>
/// <param name="Stream">Unique within the boot.</param>
public readonly record struct StreamKey(string Agent, string Boot, string Stream)
{
    /// <summary>agent/boot/stream, for messages and columns.</summary>
    public override string ToString() => $"{Agent}/{Boot}/{Stream}";
}

/// <summary>Sequences from <paramref name="First"/> to <paramref name="Last"/>, inclusive on both ends.</summary>
public readonly record struct SequenceRange(long First, long Last)
{
    /// <summary>How many sequences the range holds.</summary>
    public long Count => Last - First + 1;
}

/// <summary>What sequence 0 of a stream says about all that follow.</summary>
/// <param name="Channel">rigs/…/channels/…</param>
/// <param name="Lease">leases/… that governs energising, or empty.</param>
/// <param name="Run">runs/… as the agent knows it, or empty; the server's own answer is in <see cref="OpenedBody.Run"/>.</param>
/// <param name="AnchorUtcNs">Record stamp of monotonic 0 (lab time), ns since 1970-01-01 UTC.</param>
/// <param name="AnchorMachineUtcNs">Machine UTC of the same moment, ns.</param>
/// <param name="LabSpeed">Lab seconds per machine second; 1 on real hardware.</param>
/// <param name="ClockQuality">SYNCED, UNSYNCED, STEPPED or DEVICE, or empty.</param>
/// <param name="InstrumentIdentity">What the instrument said it is.</param>
/// <param name="Protocol">Driver folder name.</param>
/// <param name="Previous">The stream before this one on the same channel, when known.</param>
/// <param name="Simulated">True when no hardware stands behind the records.</param>
public sealed record StreamHeader(
    string Channel,
    string Lease,
    string Run,
    long AnchorUtcNs,
    long AnchorMachineUtcNs,
    double LabSpeed,
    string ClockQuality,
    string InstrumentIdentity,
    string Protocol,
    StreamKey? Previous,
    bool Simulated);
