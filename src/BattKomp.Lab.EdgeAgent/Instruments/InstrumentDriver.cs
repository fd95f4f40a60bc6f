using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments;

/// <summary>What stops the device if every program beside it is dead.</summary>
/// <param name="What">In words: "cut-off voltage and minutes in the device", "communication watchdog, 10 s"; empty = nothing.</param>
/// <param name="Bound">Longest time from the death of the software to no current; null = the running step's own time limit, kept in the device.</param>
public sealed record DeviceGuard(string What, TimeSpan? Bound = null)
{
    /// <summary>No guard: the channel is attended only unless a relay guards it.</summary>
    public static DeviceGuard None { get; } = new("");

    /// <summary>True when there is a guard.</summary>
    public bool Exists => What.Length > 0;
}

/// <summary>What drivers share within one agent.</summary>
/// <param name="Context">Journal, clocks, locks, reports.</param>
/// <param name="Mqtt">The agent's broker connection; null when none is configured.</param>
/// <param name="DataDir">The agent's data folder (dead letters and the like go into folders of their own below it).</param>
public sealed record AgentServices(DriverContext Context, IMqttPort? Mqtt, string DataDir)
{
    /// <summary>Opens a channel's byte line; throws <see cref="IOException"/>.</summary>
    public Func<ChannelConfig, IInstrumentLine> OpenLine { get; init; } = InstrumentLines.Open;
}

/// <summary>
/// One kind of instrument: what it is, what it can do, how it is configured, how a channel of it is run. A protocol is a folder with one of these; it is
/// known to the agent by its line in <see cref="InstrumentCatalogue"/>.
/// </summary>
public abstract class InstrumentDriver
{
    /// <summary>Name in configuration and catalogue, e.g. "ebc-a20".</summary>
    public abstract string Protocol { get; }

    /// <summary>Maker and model for people.</summary>
    public abstract string Title { get; }

    /// <summary>The most that this driver can do with it.</summary>
    public abstract ControlClass Control { get; }

    /// <summary>Numeric columns of a reading, BDF names, unit last.</summary>
    public abstract IReadOnlyList<string> Signals { get; }

    /// <summary>Text columns of a reading.</summary>
    public virtual IReadOnlyList<string> Texts => [];

    /// <summary>Guard in the device.</summary>
    public virtual DeviceGuard Guard => DeviceGuard.None;

    /// <summary>Guard of one channel, where its configuration decides it.</summary>
    public virtual DeviceGuard GuardOf(ChannelConfig config) => Guard;

    /// <summary>Declared longest time from an order to no current with the line up; a test proves it. Zero for what cannot energise.</summary>
    public virtual TimeSpan TimeToSafe => TimeSpan.Zero;

    /// <summary>True when the protocol carries a name or serial number of the one device, so that a simulator shows itself by <c>SIM</c>.</summary>
    public virtual bool NamesItself => false;

    /// <summary>Longest time in which a healthy session says nothing; a channel whose loop stands still for longer stops the agent's heartbeat to the watchdog.</summary>
    public virtual TimeSpan LongestSilence => TimeSpan.FromSeconds(15);

    /// <summary>True when REST keeps what the step before it set (a chamber); else REST is output off.</summary>
    public virtual bool RestHolds => false;

    /// <summary>Machine time between two readings of an undisturbed instrument at most; a longer stretch is told as an OUTAGE though the line never broke.</summary>
    public virtual TimeSpan LongestPause => TimeSpan.FromSeconds(2.5);

    /// <summary>Line settings that the instrument leaves the factory with; null = not on a byte line.</summary>
    public virtual LineDefaults? Line => null;

    /// <summary>Vector names of the protocol's captured frames that this driver's codec decodes, and how; empty = none.</summary>
    public virtual IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders => new Dictionary<string, Func<ICaptureDecoder>>();

    /// <summary>Reads the driver's own fields of a channel's configuration; mistakes are gathered there. Null when it has none.</summary>
    internal virtual object? ReadSettings(JsonFields channel) => null;

    /// <summary>Why the device cannot do a step; null when it can.</summary>
    public virtual string? Fault(Step step, ChannelConfig config) => "this instrument only measures";

    /// <summary>Makes a channel; nothing is opened before it runs.</summary>
    public abstract ChannelDriver Channel(ChannelConfig config, AgentServices services);
}

/// <summary>Factory settings of a byte line.</summary>
/// <param name="Baud">Bits per second.</param>
/// <param name="Parity">Parity bit.</param>
public sealed record LineDefaults(int Baud, System.IO.Ports.Parity Parity = System.IO.Ports.Parity.None);
