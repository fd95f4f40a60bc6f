using System.Text.RegularExpressions;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.EdgeAgent.Safety.Alarms;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Hosting;

/// <summary>The parts of the configuration that safety rests on: alarms, watchdog, local page, what is simulated, and what a careful person would ask about.</summary>
internal static partial class SafetyConfigReader
{
    private const string ById = "/dev/serial/by-id";

    public static WatchdogConfig Watchdog(JsonFields watchdog)
    {
        var closed = watchdog.Text("circuit_closed_when", "on");
        if (closed is not ("on" or "off"))
            watchdog.Mistake("circuit_closed_when", $"is \"{closed}\"; on (contacts normally open, the safe wiring) or off is needed");
        var relays = watchdog.Object("relays");
        if (relays is null)
            watchdog.Mistake("relays", "is missing; give relay numbers by channel, {\"rigs/a/channels/1\": 1}");
        var config = new WatchdogConfig(
            watchdog.Text("device", needed: "the relay card's own serial device, best under /dev/serial/by-id"),
            relays?.Numbers(1, 8) ?? new Dictionary<string, int>(),
            TimeSpan.FromSeconds(watchdog.Number("timeout_seconds", 5, 1, 3600)),
            closed == "on",
            watchdog.Number("current_below_ampere", 0.05, 0.0001, 100),
            TimeSpan.FromSeconds(watchdog.Number("within_seconds", 2, 0.1, 60)));
        Stable(watchdog, config.Device);
        watchdog.Done();
        return config;
    }

    public static LocalPageConfig LocalPage(JsonFields page)
    {
        if (!page.Has("port"))
            page.Mistake("port", "is missing; a free TCP port, e.g. 8099");
        var config = new LocalPageConfig((int)page.Number("port", 0, 1, 65535), page.Text("pin"));
        page.Done();
        return config;
    }

    public static IReadOnlyList<AlarmRule> Alarms(JsonFields channel)
    {
        var rules = new List<AlarmRule>();
        foreach (var alarm in channel.Objects("alarms"))
        {
            var rule = new AlarmRule
            {
                Id = alarm.Text("id", needed: "a name of a-z, 0-9 and dash"),
                Kind = Choice(alarm, "kind", AlarmRule.Types.Kind.Above),
                Action = Choice(alarm, "action", AlarmRule.Types.Action.Record),
                Signal = alarm.Text("signal"),
                Limit = alarm.Number("limit", 0),
                OverSeconds = alarm.Number("over_seconds", 0, 0),
                Text = alarm.Text("text"),
            };
            foreach (var (field, problem) in AlarmRules.Faults(rule))
                alarm.Mistake(field, problem);
            if (rule.Kind != AlarmRule.Types.Kind.Silence && !alarm.Has("limit"))
                alarm.Mistake("limit", "is missing; a number in the signal's unit");
            if (rules.Any(r => r.Id == rule.Id))
                alarm.Mistake("id", $"\"{rule.Id}\" is given twice on this channel");
            alarm.Done();
            rules.Add(rule);
        }
        return rules;
    }

    /// <summary>What is wrong only when the parts are seen together.</summary>
    public static void Together(JsonFields root, AgentConfig config, bool test)
    {
        for (var k = 0; k < config.Channels.Count; k++)
            Simulated(root, config, k, test);
        var devices = config.Channels.Select((c, k) => (Path: $"channels[{k}].device", c.Device))
            .Append((Path: "watchdog.device", Device: config.Watchdog?.Device ?? ""))
            .Where(d => d.Device.Length > 0 && !TcpLine.IsAddress(d.Device));
        foreach (var shared in devices.GroupBy(d => Target(d.Device)).Where(g => g.Count() > 1))
            foreach (var (path, device) in shared.Skip(1))
                root.Mistake(path, $"{device} is the line of $.{shared.First().Path} too; each line has one owner");
        foreach (var channel in config.Watchdog?.Relays.Keys.Where(r => config.Channels.All(c => c.Channel != r)) ?? [])
            root.Mistake($"watchdog.relays.{channel}", "is no channel of this agent; name one of $.channels");
        if (config.LocalPage is { } page && config.HostBrokerPort == page.Port)
            root.Mistake("local_page.port", $"{page.Port} is the broker's port too; give each its own");
    }

    /// <summary>What a channel can be run with but a careful person would ask about.</summary>
    public static void Doubts(JsonFields channel, ChannelConfig config, InstrumentDriver driver)
    {
        if (driver.Line is not null)
            Stable(channel, config.Device);
        var known = RecordNames(driver, config);
        for (var k = 0; k < config.Alarms.Count; k++)
            if (config.Alarms[k].Signal is { Length: > 0 } signal && !known.Contains(signal))
                channel.Mistake($"alarms[{k}].signal", $"\"{signal}\" is no signal of {driver.Title}; it has {string.Join(", ", known)}");
        if (driver.Control != ControlClass.Full)
            return;
        var limits = config.Limits;
        var powers = driver.Signals.Contains("current_ampere");
        var missing = (powers ? new[] { ("max_volt", limits.MaxVolt), ("min_volt", limits.MinVolt), ("max_charge_ampere", limits.MaxChargeAmpere), ("max_discharge_ampere", limits.MaxDischargeAmpere) }
            : [("max_celsius", limits.MaxCelsius), ("min_celsius", limits.MinCelsius)]).Where(l => l.Item2 == 0).Select(l => l.Item1).ToList();
        if (missing.Count > 0)
            channel.Warn("limits", $"{string.Join(", ", missing)} not set though the agent energises this channel; set each, so that no lease can ask for more");
    }

    private static void Simulated(JsonFields root, AgentConfig config, int k, bool test)
    {
        var channel = config.Channels[k];
        var field = $"channels[{k}].simulated";
        if (!test && channel.Simulated && !config.Virtual)
            root.Mistake(field, "is true, but this is a production agent of a physical lab; connect the real instrument, or say \"lab_kind\": \"virtual\"");
        if (!test && !channel.Simulated && config.Virtual)
            root.Mistake(field, "is not true, but every channel of a virtual lab is a simulator; say \"simulated\": true, or \"lab_kind\": \"physical\"");
        if (channel.Settings is JsonMapping mapping && SimulatedIdentity.Problem(mapping.Instrument, channel.Simulated, namesItself: true) is { } problem)
            root.Mistake($"channels[{k}].mapping.instrument", problem);
    }

    private static IReadOnlyList<string> RecordNames(InstrumentDriver driver, ChannelConfig config) =>
        config.Settings is JsonMapping mapping ? mapping.Columns : driver.Signals;

    private static void Stable(JsonFields at, string device)
    {
        if (!Renumbered().IsMatch(device))
            return;
        var link = Directory.Exists(ById) ? Directory.EnumerateFileSystemEntries(ById).FirstOrDefault(l => Target(l) == device) : null;
        at.Warn("device", $"{device} is numbered by the order of plugging in; use {link ?? $"the device's link under {ById} (ls -l {ById})"}");
    }

    private static string Target(string device) => File.Exists(device) ? new FileInfo(device).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? device : device;

    private static T Choice<T>(JsonFields at, string field, T standard)
        where T : struct, System.Enum
    {
        var text = at.Text(field).Replace("_", "", StringComparison.Ordinal);
        if (text.Length == 0)
            return standard;
        if (System.Enum.TryParse<T>(text, ignoreCase: true, out var value) && System.Enum.IsDefined(value) && Convert.ToInt32(value, null) != 0)
            return value;
        at.Mistake(field, $"is \"{at.Text(field)}\"; one of {string.Join(", ", System.Enum.GetNames<T>().Skip(1).Select(Snake))} is needed");
        return standard;
    }

    private static string Snake(string name) => Capital().Replace(name, "_$0").TrimStart('_').ToLowerInvariant();

    [GeneratedRegex(@"^/dev/tty(USB|ACM)\d+$")]
    private static partial Regex Renumbered();

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Capital();
}
