namespace BattKomp.Lab.Simulators.Instruments;

/// <summary>One simulated instrument: speaks its wire protocol from <see cref="RunAsync"/> until cancelled.</summary>
public interface ISimulatedInstrument : IDisposable
{
    /// <summary>Instrument id; begins with SIM so that nobody takes it for hardware.</summary>
    string Id { get; }

    /// <summary>Where a client finds it: a device path, or a broker address.</summary>
    string Address { get; }

    /// <summary>What it has done so far; safe to read at any time from any thread.</summary>
    InstrumentStats Stats { get; }

    /// <summary>Runs until cancelled; returns after a clean stop.</summary>
    Task RunAsync(CancellationToken cancel);
}

/// <summary>What an instrument has produced: the measure that others are held against.</summary>
public sealed record InstrumentStats
{
    /// <summary>Instrument id.</summary>
    public required string Id { get; init; }

    /// <summary>The type, as the configuration names it.</summary>
    public required string Type { get; init; }

    /// <summary>Where a client finds it.</summary>
    public required string Address { get; init; }

    /// <summary><c>idle</c>, <c>running</c> or <c>finished</c>; of an instrument on a line also <c>hung_up</c>.</summary>
    public required string State { get; init; }

    /// <summary>True when the last order was to stop.</summary>
    public bool Stopped { get; init; }

    /// <summary>True when the last run came to its own end (and, over MQTT, every record of it was acknowledged).</summary>
    public bool Finished { get; init; }

    /// <summary>Distinct record messages handed to the network at least once.</summary>
    public long Published { get; init; }

    /// <summary>Distinct record messages that the broker acknowledged.</summary>
    public long Acked { get; init; }

    /// <summary>Record messages sent more than once, because a connection broke before the acknowledgement.</summary>
    public long Resent { get; init; }

    /// <summary>Record messages made that the broker has not acknowledged, sent or not; 0 = everything is out.</summary>
    public long Unacknowledged { get; init; }

    /// <summary>Frames (reports and answers) written to the line while somebody had it open, whole or spoiled.</summary>
    public long SerialReportsSent { get; init; }

    /// <summary>Frames that found the line full.</summary>
    public long SerialReportsDropped { get; init; }

    /// <summary>Frames that the device made: sent, dropped, silenced, unheard, and at most a few still held.</summary>
    public long FramesMade { get; init; }

    /// <summary>Of those sent, frames that a fault changed or cut.</summary>
    public long FramesSpoiled { get; init; }

    /// <summary>Frames, or records of a cycler, that a fault kept from being sent at all.</summary>
    public long FramesSilenced { get; init; }

    /// <summary>Frames made while nobody had the line open.</summary>
    public long FramesUnheard { get; init; }

    /// <summary>How often each fault struck, by its name.</summary>
    public IReadOnlyDictionary<string, long> Faults { get; init; } = new Dictionary<string, long>();

    /// <summary>Current (A, positive charges) that really flows through the instrument, whatever it says.</summary>
    public double Ampere { get; init; }

    /// <summary>More numbers by name, such as <c>relays</c> or <c>celsius</c>.</summary>
    public IReadOnlyDictionary<string, double> Values { get; init; } = new Dictionary<string, double>();

    /// <summary>Well-formed commands received.</summary>
    public long Commands { get; init; }

    /// <summary>Orders that the instrument could not read or refused.</summary>
    public long CommandsRefused { get; init; }

    /// <summary>Charge put into the cell (mAh).</summary>
    public double ChargeMah { get; init; }

    /// <summary>Charge taken out of the cell (mAh).</summary>
    public double DischargeMah { get; init; }
}
