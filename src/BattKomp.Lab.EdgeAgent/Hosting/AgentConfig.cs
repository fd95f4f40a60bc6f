using System.IO.Ports;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Hosting;

/// <summary>One channel of the configuration.</summary>
public sealed record ChannelConfig
{
    /// <summary>rigs/…/channels/…</summary>
    public required string Channel { get; init; }

    /// <summary>Name of a driver in the catalogue, e.g. "ebc-a20".</summary>
    public required string Protocol { get; init; }

    /// <summary>True for a simulator.</summary>
    public bool Simulated { get; init; }

    /// <summary>Local limits; 0 = none set.</summary>
    public ChannelLimits Limits { get; init; } = new();

    /// <summary>Serial device path, or tcp://host:port of a device server.</summary>
    public string Device { get; init; } = "";

    /// <summary>Which code reads the serial line; the reader decides it for all of an agent's lines together.</summary>
    public LineTransport Transport { get; init; }

    /// <summary>Bits per second of the serial line.</summary>
    public int Baud { get; init; } = 9600;

    /// <summary>Parity of the serial line.</summary>
    public Parity Parity { get; init; }

    /// <summary>Text that the instrument's identity must hold before anything is ordered of it; empty = any.</summary>
    public string Identity { get; init; } = "";

    /// <summary>What the driver read of its own fields; its type is the driver's business.</summary>
    public object? Settings { get; init; }

    /// <summary>Alarms that this agent watches on the channel beside those of a lease.</summary>
    public IReadOnlyList<AlarmRule> Alarms { get; init; } = [];

    /// <summary>The channel's own piece of the file, to tell whether it has changed.</summary>
    public string Text { get; init; } = "";
}

/// <summary>What `battlab-agent run --config FILE` reads.</summary>
public sealed record AgentConfig
{
    /// <summary>agents/…</summary>
    public required string Agent { get; init; }

    /// <summary>Secret that the server knows this agent by; empty when <see cref="KeyFile"/> is given.</summary>
    public required string Token { get; init; }

    /// <summary>The agent's own key (PEM, mode 600), made by `battlab-agent enrol`; empty when a token is given.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>One-time token with which the agent enrols itself when the key file does not exist yet; empty = none.</summary>
    public string EnrolmentToken { get; init; } = "";

    /// <summary>gRPC address, e.g. http://127.0.0.1:5001 (h2c).</summary>
    public required Uri Server { get; init; }

    /// <summary>Folder of journal, leases, locks and dead letters.</summary>
    public required string DataDir { get; init; }

    /// <summary>Lab time.</summary>
    public LabClock LabClock { get; init; } = LabClock.RealTime;

    /// <summary>Size and policy of the journal.</summary>
    public JournalOptions Journal { get; init; } = new();

    /// <summary>File with the lease key (DER); empty = fetched from the server once and pinned.</summary>
    public string LeaseKeyFile { get; init; } = "";

    /// <summary>Port of the agent's own broker; null = none.</summary>
    public int? HostBrokerPort { get; init; }

    /// <summary>Another's broker; null = none.</summary>
    public BrokerAddress? Broker { get; init; }

    /// <summary>True in a lab of kind virtual: every channel is a simulator, and says so.</summary>
    public bool Virtual { get; init; }

    /// <summary>The relay card that opens circuits when this agent dies; null = none.</summary>
    public WatchdogConfig? Watchdog { get; init; }

    /// <summary>The agent's own page; null = none.</summary>
    public LocalPageConfig? LocalPage { get; init; }

    /// <summary>What is doubtful but usable.</summary>
    public IReadOnlyList<ConfigMistake> Warnings { get; init; } = [];

    /// <summary>All that needs a restart when it changes, as one text: everything but the channels.</summary>
    public string Rest { get; init; } = "";

    /// <summary>The channels.</summary>
    public required IReadOnlyList<ChannelConfig> Channels { get; init; }
}

/// <summary>The relay card that the watchdog process holds, one relay in the circuit of each guarded channel.</summary>
/// <param name="Device">The card's own serial line.</param>
/// <param name="Relays">Relay (1 to 8) by guarded channel.</param>
/// <param name="Timeout">Longest silence of the agent's heartbeat.</param>
/// <param name="ClosedWhenOn">True when a relay that is on closes the circuit (contacts normally open: no power, no current).</param>
/// <param name="CurrentBelow">With the relay open, |current| must be below this, A …</param>
/// <param name="Within">… after this time, else the relay is called stuck.</param>
public sealed record WatchdogConfig(string Device, IReadOnlyDictionary<string, int> Relays, TimeSpan Timeout, bool ClosedWhenOn, double CurrentBelow, TimeSpan Within)
{
    /// <summary>What the card may take to obey and confirm, three attempts.</summary>
    public static TimeSpan CardTime { get; } = TimeSpan.FromSeconds(2);

    /// <summary>Longest time from the death of the agent to an open circuit.</summary>
    public TimeSpan Bound => Timeout + CardTime;
}

/// <summary>The agent's own page on 127.0.0.1.</summary>
/// <param name="Port">TCP port.</param>
/// <param name="Pin">Asked for at every stop; empty = not asked.</param>
public sealed record LocalPageConfig(int Port, string Pin);
