using System.IO.Ports;
using System.Text.Json;
using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.V1;
using NodaTime;
using NodaTime.Text;

namespace BattKomp.Lab.EdgeAgent.Hosting;

/// <summary>Reads the agent's JSON configuration and reports all its mistakes at once, each with its path and remedy.</summary>
public static class AgentConfigReader
{
    private static string KnownProtocols => string.Join(", ", InstrumentCatalogue.Drivers.Keys.Order(StringComparer.Ordinal));

    /// <summary>Reads a file.</summary>
    /// <exception cref="ConfigException">It cannot be used.</exception>
    /// <exception cref="IOException">It cannot be read; the text names the file and the reason.</exception>
    public static AgentConfig Load(string file)
    {
        try
        {
            return Parse(File.ReadAllText(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{file} cannot be read: {e.Message}; name a readable JSON file with --config", e);
        }
    }

    /// <summary>Reads a text. Comments and trailing commas are allowed.</summary>
    /// <exception cref="ConfigException">It cannot be used.</exception>
    public static AgentConfig Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            var lines = new JsonLines(json);
            var findings = new ConfigFindings();
            var config = Root(new JsonFields(document.RootElement, "$", findings));
            foreach (var twice in lines.Twice)
                findings.Mistake(twice, "is given twice in the same object; keep one");
            var mistakes = findings.Mistakes(lines);
            return mistakes.Count == 0 ? config with { Warnings = findings.Warnings(lines) } : throw new ConfigException(mistakes);
        }
        catch (JsonException e)
        {
            throw new ConfigException([new ConfigMistake((int)(e.LineNumber ?? 0) + 1, "$", $"not JSON: {e.Message}")]);
        }
    }

    private static AgentConfig Root(JsonFields root)
    {
        var agent = root.Text("agent", needed: "the agent's name, agents/…");
        if (agent.Length > 0 && !ResourceNames.Is(agent, "agents"))
            root.Mistake("agent", $"is \"{agent}\"; a name like agents/edge-1 is needed");
        var address = root.Text("server", needed: "the server's gRPC address, e.g. http://127.0.0.1:5001");
        if (!Uri.TryCreate(address, UriKind.Absolute, out var server) || server.Scheme is not ("http" or "https"))
        {
            if (address.Length > 0)
                root.Mistake("server", $"is \"{address}\"; an address like http://127.0.0.1:5001 is needed");
            server = new Uri("http://invalid");
        }
        var broker = root.Object("broker");
        var (hostPort, client) = broker is null ? (null, null) : Broker(broker);
        var config = new AgentConfig
        {
            Agent = agent,
            KeyFile = root.Text("key_file"),
            EnrolmentToken = root.Text("enrolment_token"),
            Token = Token(root),
            Server = server,
            DataDir = root.Text("data_dir", needed: "the folder for journal, leases and locks"),
            LabClock = root.Object("lab_clock") is { } clock ? Clock(clock) : LabClock.RealTime,
            Journal = root.Object("journal") is { } journal ? Journal(journal) : new JournalOptions(),
            LeaseKeyFile = root.Text("lease_key_file"),
            HostBrokerPort = hostPort,
            Broker = client,
            Virtual = LabKind(root),
            Watchdog = root.Object("watchdog") is { } watchdog ? SafetyConfigReader.Watchdog(watchdog) : null,
            LocalPage = root.Object("local_page") is { } page ? SafetyConfigReader.LocalPage(page) : null,
            Rest = Rest(root),
            Channels = Carried(Transport(root), [.. root.Objects("channels", "list the channels that this agent serves").Select(Channel)]),
        };
        Together(root, config);
        SafetyConfigReader.Together(root, config, Test(root));
        root.Done();
        return config;
    }

    // In a production agent a simulator is at home in a virtual lab only; "test" is for commissioning at a desk.
    private static bool Test(JsonFields root) => OneOf(root, "mode", "production", "test") == "test";

    private static bool LabKind(JsonFields root) => OneOf(root, "lab_kind", "physical", "virtual") == "virtual";

    private static string OneOf(JsonFields root, string field, string standard, string other)
    {
        var text = root.Text(field, standard);
        if (text != standard && text != other)
            root.Mistake(field, $"is \"{text}\"; {standard} or {other} is needed");
        return text;
    }

    private static string Rest(JsonFields root) => string.Join('\n', root.Parts().Where(p => p.Name != "channels").Select(p => $"{p.Name}={p.Raw}").Order(StringComparer.Ordinal));

    private static void Together(JsonFields root, AgentConfig config)
    {
        if (config.Channels.Count == 0 && root.Has("channels"))
            root.Mistake("channels", "is empty; list at least one");
        foreach (var twice in config.Channels.GroupBy(c => c.Channel).Where(g => g.Count() > 1 && g.Key.Length > 0))
            root.Mistake("channels", $"{twice.Key} is given twice; a channel has one instrument");
        if (config.Channels.Any(c => c.Protocol == MqttChannel.Protocol) && config.HostBrokerPort is null && config.Broker is null && !root.Has("broker"))
            root.Mistake("broker", "is missing though a channel is mqtt-json; give {\"host\":true,\"port\":1883} or {\"address\":\"host:1883\"}");
    }

    private static string Token(JsonFields root)
    {
        var file = root.Text("token_file");
        var token = root.Text("token");
        if (root.Has("enrolment_token") && !root.Has("key_file"))
            root.Mistake("enrolment_token", "needs key_file; name the file in which the agent keeps its own key");
        if (root.Has("key_file"))
        {
            if (token.Length + file.Length > 0)
                root.Mistake("key_file", "is given beside token or token_file; an agent has either its own key or a token");
            return "";
        }
        if (token.Length > 0 || file.Length == 0)
        {
            if (token.Length == 0)
                root.Mistake("token", "is missing; give key_file (the agent's own key, see battlab-agent enrol), token or token_file");
            return token;
        }
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            root.Mistake("token_file", $"{file} cannot be read: {e.Message}");
            return "";
        }
    }

    private static LineTransport Transport(JsonFields root)
    {
        var text = root.Text("transport", "auto");
        if (!Enum.TryParse<LineTransport>(text, ignoreCase: true, out var transport) || !Enum.IsDefined(transport))
            root.Mistake("transport", $"is \"{text}\"; auto, ports or poll is needed");
        return transport;
    }

    private static IReadOnlyList<ChannelConfig> Carried(LineTransport asked, IReadOnlyList<ChannelConfig> channels)
    {
        var transport = InstrumentLines.Choose(asked, channels.Count(c => c.Device.Length > 0 && !TcpLine.IsAddress(c.Device)));
        return [.. channels.Select(c => c with { Transport = transport })];
    }

    private static LabClock Clock(JsonFields clock)
    {
        var result = new LabClock(At(clock, "lab_origin"), At(clock, "machine_origin"), clock.Number("speed", 1, 1, 1e9));
        clock.Done();
        return result;
    }

    private static Instant At(JsonFields clock, string field)
    {
        var text = clock.Text(field, needed: "UTC as 2026-11-23T18:00:00Z");
        if (text.Length == 0)
            return NodaConstants.UnixEpoch;
        if (OffsetDateTimePattern.ExtendedIso.Parse(text).TryGetValue(default, out var at))
            return at.ToInstant();
        clock.Mistake(field, $"is \"{text}\"; UTC as 2026-11-23T18:00:00Z is needed");
        return NodaConstants.UnixEpoch;
    }

    private static JournalOptions Journal(JsonFields journal)
    {
        var options = new JournalOptions
        {
            MaxBytes = (long)journal.Number("max_bytes", 1L << 30, 1 << 20, 1L << 50),
            SegmentBytes = (long)journal.Number("segment_bytes", 8 << 20, 64 << 10, 256 << 20),
            ReserveBytes = (long)journal.Number("reserve_bytes", 1 << 20, 64 << 10, 1 << 30),
        };
        journal.Done();
        return options;
    }

    private static (int? HostPort, BrokerAddress? Client) Broker(JsonFields broker)
    {
        var host = broker.Flag("host", false);
        var port = (int)broker.Number("port", 1883, 1, 65535);
        var address = broker.Text("address");
        var (username, password) = (broker.Text("username"), broker.Text("password"));
        broker.Done();
        if (host == (address.Length > 0))
            broker.Mistake("address", "give either \"host\":true with a port, or an address like 127.0.0.1:1883");
        if (host || address.Length == 0)
            return (port, null);
        var parts = address.Split(':');
        if (parts.Length > 2 || (parts.Length == 2 && !int.TryParse(parts[1], out port)))
            broker.Mistake("address", $"is \"{address}\"; host or host:port is needed");
        return (null, new BrokerAddress(parts[0], port, username, password));
    }

    private static ChannelConfig Channel(JsonFields channel)
    {
        var name = channel.Text("channel", needed: "rigs/…/channels/…");
        if (name.Length > 0 && !ResourceNames.Is(name, "rigs", "channels"))
            channel.Mistake("channel", $"is \"{name}\"; a name like rigs/ebc-1/channels/1 is needed");
        var protocol = channel.Text("protocol", needed: KnownProtocols);
        if (!InstrumentCatalogue.Drivers.TryGetValue(protocol, out var driver) && protocol.Length > 0)
            channel.Mistake("protocol", $"is \"{protocol}\"; {KnownProtocols} is needed");
        var config = new ChannelConfig
        {
            Channel = name,
            Protocol = protocol,
            Simulated = channel.Flag("simulated", false),
            Limits = channel.Object("limits") is { } limits ? Limits(limits) : new ChannelLimits(),
            Device = channel.Text("device", needed: driver?.Line is null ? null : "the serial device, best under /dev/serial/by-id, or tcp://host:port"),
            Baud = (int)channel.Number("baud", driver?.Line?.Baud ?? 9600, 300, 4_000_000),
            Parity = ParityOf(channel, driver?.Line?.Parity ?? Parity.None),
            Identity = channel.Text("identity"),
            Settings = driver?.ReadSettings(channel),
            Alarms = SafetyConfigReader.Alarms(channel),
            Text = channel.Raw,
        };
        if (driver is not null)
            SafetyConfigReader.Doubts(channel, config, driver);
        channel.Done();
        return config;
    }

    private static Parity ParityOf(JsonFields channel, Parity standard)
    {
        var parity = channel.Text("parity");
        if (parity.Length == 0)
            return standard;
        if (Enum.TryParse<Parity>(parity, ignoreCase: true, out var bit) && bit is Parity.None or Parity.Odd or Parity.Even)
            return bit;
        channel.Mistake("parity", $"is \"{parity}\"; none, odd or even is needed");
        return standard;
    }

    private static ChannelLimits Limits(JsonFields limits)
    {
        var result = new ChannelLimits
        {
            MaxVolt = limits.Number("max_volt", 0, 0),
            MinVolt = limits.Number("min_volt", 0, 0),
            MaxChargeAmpere = limits.Number("max_charge_ampere", 0, 0),
            MaxDischargeAmpere = limits.Number("max_discharge_ampere", 0, 0),
            MaxWatt = limits.Number("max_watt", 0, 0),
            MaxCelsius = limits.Number("max_celsius", 0),
            MinCelsius = limits.Number("min_celsius", 0),
        };
        limits.Done();
        return result;
    }
}
