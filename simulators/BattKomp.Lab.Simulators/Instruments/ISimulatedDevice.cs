namespace BattKomp.Lab.Simulators.Instruments;

/// <summary>
/// A device behind a line, without the line: bytes in, frames out, time handed in as lab seconds since switch-on. It has no
/// clock, thread or file of its own, so a test drives it through hours in a moment. Guarded by the bench's gate.
/// </summary>
public interface ISimulatedDevice
{
    /// <summary>How its line carries frames.</summary>
    WireFormat Wire { get; }

    /// <summary>Lets lab time pass; an earlier time is ignored.</summary>
    void AdvanceTo(double seconds);

    /// <summary>Takes bytes as they come; gives the answers to whole requests, one frame each, in order.</summary>
    IReadOnlyList<byte[]> Receive(ReadOnlySpan<byte> bytes);

    /// <summary>The lab second at which it next speaks unasked; infinity = it does not. Is never asked before.</summary>
    double NextReportSeconds { get; }

    /// <summary>The frame that is due, and arranges the next.</summary>
    byte[] TakeReport();

    /// <summary>Starts anew: output off, counters and settings as at switch-on. Lab seconds go on.</summary>
    void Reboot();

    /// <summary>What it is doing, for the stats.</summary>
    DeviceReading Read();
}

/// <summary>How a line carries frames: what pacing and faults must know.</summary>
public sealed record WireFormat
{
    /// <summary>Bytes a machine second; 9600 8N1 = 960.</summary>
    public required double BytesPerSecond { get; init; }

    /// <summary>Where the checksum begins, counted from the frame's end; 0 = the protocol has none.</summary>
    public int ChecksumFromEnd { get; init; }

    /// <summary>Bytes of the checksum.</summary>
    public int ChecksumBytes { get; init; } = 1;

    /// <summary>Whether the device tells its own clock.</summary>
    public bool TellsTime { get; init; }

    /// <summary>The same frame as another unit would send it, checksum right; null = frames name no unit.</summary>
    public Func<byte[], int?, byte[]>? FromUnit { get; init; }
}

/// <summary>What a device is doing.</summary>
/// <param name="State"><c>idle</c>, <c>running</c> or <c>finished</c>.</param>
public sealed record DeviceReading(string State)
{
    /// <summary>True when the last order was to stop.</summary>
    public bool Stopped { get; init; }

    /// <summary>Well-formed commands accepted.</summary>
    public long Commands { get; init; }

    /// <summary>Orders it could not read or refused.</summary>
    public long Refused { get; init; }

    /// <summary>Charge put into the cell (mAh).</summary>
    public double ChargeMah { get; init; }

    /// <summary>Charge taken out of the cell (mAh).</summary>
    public double DischargeMah { get; init; }

    /// <summary>Current (A, positive charges) that really flows, whatever the device says; 0 where it has no cell.</summary>
    public double Ampere { get; init; }

    /// <summary>More numbers by name, such as <c>relays</c> or <c>celsius</c>.</summary>
    public IReadOnlyDictionary<string, double> Values { get; init; } = new Dictionary<string, double>();
}
