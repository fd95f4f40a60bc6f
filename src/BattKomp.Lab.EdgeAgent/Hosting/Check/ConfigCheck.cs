using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Hosting.Check;

/// <summary>What `battlab-agent check` says of one channel.</summary>
/// <param name="Channel">rigs/…/channels/…</param>
/// <param name="Protocol">Driver.</param>
/// <param name="Title">Maker and model.</param>
/// <param name="Device">Line; empty for instruments that are not on one.</param>
/// <param name="DeviceExists">Whether it is there now; null when only connecting would tell.</param>
/// <param name="Control">"full", "start_stop" or "monitor".</param>
/// <param name="Simulated">Marked simulated.</param>
/// <param name="Guard">What stops the device without software; empty = nothing.</param>
/// <param name="TimeToSafeSeconds">Declared longest time from an order to no current; null where the agent energises nothing.</param>
/// <param name="Unattended">Worst time without software, in words.</param>
/// <param name="UnattendedSeconds">The same where it is one number.</param>
/// <param name="AttendedOnly">True when nothing would stop it.</param>
/// <param name="Relay">Relay of the watchdog; null = none.</param>
/// <param name="Limits">Limits set, by name.</param>
/// <param name="Alarms">Ids of local alarms.</param>
public sealed record CheckedChannel(string Channel, string Protocol, string Title, string Device, bool? DeviceExists, string Control, bool Simulated, string Guard,
    double? TimeToSafeSeconds, string Unattended, double? UnattendedSeconds, bool AttendedOnly, int? Relay, IReadOnlyDictionary<string, double> Limits, IReadOnlyList<string> Alarms);

/// <summary>What `battlab-agent check` says.</summary>
/// <param name="Sound">True when there is no mistake.</param>
/// <param name="Mistakes">All of them.</param>
/// <param name="Warnings">What is doubtful; empty when there are mistakes.</param>
/// <param name="Channels">Empty when there are mistakes.</param>
public sealed record CheckReport(bool Sound, IReadOnlyList<ConfigMistake> Mistakes, IReadOnlyList<ConfigMistake> Warnings, IReadOnlyList<CheckedChannel> Channels);

/// <summary>`battlab-agent check`: reads a configuration as `run` would, opens nothing.</summary>
public static class ConfigCheck
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Checks a file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static CheckReport Of(string file)
    {
        try
        {
            var config = AgentConfigReader.Load(file);
            return new CheckReport(true, [], config.Warnings, [.. config.Channels.Select(c => Of(c, config.Watchdog))]);
        }
        catch (ConfigException e)
        {
            return new CheckReport(false, e.Mistakes, [], []);
        }
    }

    /// <summary>Prints the report; 0 when sound, else 1.</summary>
    public static int Print(CheckReport report, bool json, TextWriter output, TextWriter errors)
    {
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(report, Json));
            return report.Sound ? 0 : 1;
        }
        foreach (var mistake in report.Mistakes)
            errors.WriteLine(mistake);
        foreach (var warning in report.Warnings)
            errors.WriteLine($"warning: {warning}");
        foreach (var c in report.Channels)
            output.WriteLine(Text(c));
        (report.Sound ? output : errors).WriteLine(report.Sound ? $"sound: {report.Channels.Count} channel(s), {report.Warnings.Count} warning(s)" : $"{report.Mistakes.Count} mistake(s); nothing is started with this file");
        return report.Sound ? 0 : 1;
    }

    private static CheckedChannel Of(ChannelConfig config, WatchdogConfig? watchdog)
    {
        var driver = InstrumentCatalogue.Drivers[config.Protocol];
        var unattended = UnattendedBound.Of(driver, config.Channel, watchdog, driver.GuardOf(config));
        bool? exists = config.Device.Length == 0 || TcpLine.IsAddress(config.Device) ? null : File.Exists(config.Device);
        var limits = new Dictionary<string, double>();
        foreach (var field in ChannelLimits.Descriptor.Fields.InDeclarationOrder())
            if (field.Accessor.GetValue(config.Limits) is double value and not 0)
                limits[field.Name] = value;
        return new CheckedChannel(config.Channel, config.Protocol, driver.Title, config.Device, exists, Control(driver.Control), config.Simulated, driver.GuardOf(config).What,
            driver.Control == ControlClass.Full ? driver.TimeToSafe.TotalSeconds : null, unattended.Words, unattended.Bound?.TotalSeconds, unattended.AttendedOnly,
            watchdog?.Relays.TryGetValue(config.Channel, out var relay) == true ? relay : null, limits, [.. config.Alarms.Select(a => a.Id)]);
    }

    private static string Control(ControlClass control) => control switch { ControlClass.Full => "full", ControlClass.StartStop => "start_stop", _ => "monitor" };

    private static string Text(CheckedChannel c) => $"""
        {c.Channel}
          instrument    {c.Title} ({c.Protocol}{(c.Simulated ? ", simulated" : "")})
          device        {(c.Device.Length == 0 ? "by message broker or file" : $"{c.Device}{(c.DeviceExists switch { true => ", is there", false => ", is not there now", null => "" })}")}
          control       {c.Control}
          guard         {(c.Guard.Length == 0 ? "none in the device" : c.Guard)}{(c.Relay is { } relay ? $"; relay {relay} of the watchdog" : "")}
          time to safe  {(c.TimeToSafeSeconds is { } safe ? $"{safe:0.###} s from an order" : "nothing is energised by the agent")}
          unattended    {c.Unattended}
          limits        {(c.Limits.Count == 0 ? "none" : string.Join(", ", c.Limits.Select(l => $"{l.Key} {l.Value:0.###}")))}
          alarms        {(c.Alarms.Count == 0 ? "none" : string.Join(", ", c.Alarms))}
        """;
}
