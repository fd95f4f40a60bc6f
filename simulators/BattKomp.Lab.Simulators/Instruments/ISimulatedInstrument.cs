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

    /// <summary><c>ebc-a20</c> or <c>mqtt-cycler</c>.</summary>
    public required string Type { get; init; }

    /// <summary>Where a client finds it.</summary>
    public required string Address { get; init; }

    /// <summary><c>idle</c>, <c>running</c> or <c>finished</c>; of the EBC also <c>hung_up</c>.</summary>
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

    /// <summary>Report frames written to the serial line while somebody had it open.</summary>
    public long SerialReportsSent { get; init; }

    /// <summary>Report frames that found the line full or cut.</summary>
    public long SerialReportsDropped { get; init; }

    /// <summary>Well-formed commands received.</summary>
    public long Commands { get; init; }

    /// <summary>Orders that the instrument could not read or refused.</summary>
    public long CommandsRefused { get; init; }

    /// <summary>Charge put into the cell (mAh).</summary>
    public double ChargeMah { get; init; }

    /// <summary>Charge taken out of the cell (mAh).</summary>
    public double DischargeMah { get; init; }
}
