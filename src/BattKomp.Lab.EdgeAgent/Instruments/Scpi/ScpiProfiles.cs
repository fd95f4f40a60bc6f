using System.Reflection;
using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Hosting;

namespace BattKomp.Lab.EdgeAgent.Instruments.Scpi;

/// <summary>Reads profiles: those that come with the agent, and a lab's own files. Every mistake at once, with path and remedy.</summary>
public static class ScpiProfiles
{
    private const string Folder = ".Scpi.Profiles.";

    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Those that come with the agent, by name.</summary>
    public static IReadOnlyDictionary<string, ScpiProfile> BuiltIn { get; } = Embedded().ToDictionary(p => p.Name, StringComparer.Ordinal);

    /// <summary>Reads a profile; null and the mistakes ("line 3: $.volt.set: …") when it cannot be used.</summary>
    public static ScpiProfile? Parse(string json, out IReadOnlyList<string> mistakes)
    {
        mistakes = [];
        try
        {
            using var document = JsonDocument.Parse(json, Lenient);
            var findings = new ConfigFindings();
            var profile = Read(new JsonFields(document.RootElement, "$", findings));
            mistakes = [.. findings.Mistakes(new JsonLines(json)).Select(m => m.ToString())];
            return mistakes.Count == 0 ? profile : null;
        }
        catch (JsonException e)
        {
            mistakes = [$"line {e.LineNumber + 1}: is no JSON: {e.Message}"];
            return null;
        }
    }

    private static IEnumerable<ScpiProfile> Embedded()
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Where(n => n.Contains(Folder, StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return Parse(reader.ReadToEnd(), out var mistakes) ?? throw new InvalidDataException($"{name}: {string.Join("; ", mistakes)}");
        }
    }

    private static ScpiProfile Read(JsonFields fields)
    {
        var profile = new ScpiProfile
        {
            Name = fields.Text("name", needed: "a short name, e.g. my-supply"),
            Title = fields.Text("title", needed: "maker and model"),
            Ending = Ending(fields),
            Baud = (int)fields.Number("baud", 9600, 300, 4_000_000),
            Preamble = Commands(fields, "preamble"),
            Identify = Command(fields, "identify", "*IDN?"),
            Identities = Texts(fields, "identities"),
            Remote = Commands(fields, "remote"),
            Acknowledge = fields.Text("acknowledge"),
            Error = Command(fields, "error", ""),
            Sources = fields.Flag("sources", false),
            Sinks = fields.Flag("sinks", false),
            Volt = Value(fields, "volt", true)!,
            Ampere = Value(fields, "ampere", true)!,
            SinkAmpere = Value(fields, "sink_ampere", false),
            Watt = Value(fields, "watt", false),
            CurrentMode = Commands(fields, "current_mode"),
            PowerMode = Commands(fields, "power_mode"),
            On = Needed(fields, "on", "the command that switches the output on"),
            Off = Needed(fields, "off", "the command that switches the output off"),
            AskOutput = Needed(fields, "ask_output", "the question whether the output is on"),
            MeasureVolt = Needed(fields, "measure_volt", "the question for the measured voltage"),
            MeasureAmpere = Needed(fields, "measure_ampere", "the question for the measured current"),
            DrawnIsPositive = fields.Flag("drawn_is_positive", false),
            OverVolt = Value(fields, "over_volt", false),
            OverAmpere = Value(fields, "over_ampere", false),
            AskTrip = Command(fields, "ask_trip", ""),
            NoTrip = fields.Text("no_trip", "NONE"),
            Watchdog = Watchdog(fields),
            CutOffMargin = fields.Number("cut_off_margin", 0, 0, 1),
            RelativeTolerance = fields.Number("relative_tolerance", 0.002, 0, 0.1),
            AbsoluteTolerance = fields.Number("absolute_tolerance", 0.002, 0, 1),
            IdleAmpere = fields.Number("idle_ampere", 0.05, 0, 10),
        };
        if (profile.Identities.Count == 0)
            fields.Mistake("identities", "is missing; name a text that stands in the device's identity, so that no other device is ever ordered");
        if (!profile.Sources && !profile.Sinks)
            fields.Mistake("sources", "is false and so is sinks; a device that can do neither drives nothing");
        fields.Done();
        return profile;
    }

    private static string Ending(JsonFields fields) => fields.Text("ending", "lf") switch
    {
        "lf" => "\n",
        "crlf" => "\r\n",
        "cr" => "\r",
        var other => Told(fields, "ending", $"is \"{other}\"; lf, crlf or cr is needed", "\n"),
    };

    private static string Told(JsonFields fields, string field, string problem, string otherwise)
    {
        fields.Mistake(field, problem);
        return otherwise;
    }

    private static ScpiWatchdog? Watchdog(JsonFields fields)
    {
        if (fields.Object("watchdog") is not { } watchdog)
            return null;
        var read = new ScpiWatchdog(Commands(watchdog, "arm"), Commands(watchdog, "disarm"), Commands(watchdog, "clear"), watchdog.Number("seconds", 10, 1, 3600));
        if (read.Arm.Count == 0)
            watchdog.Mistake("arm", "is missing; give the commands that arm it, {0} for the seconds");
        watchdog.Done();
        return read;
    }

    private static ScpiValue? Value(JsonFields fields, string field, bool needed)
    {
        if (fields.Object(field) is not { } value)
        {
            if (needed)
                fields.Mistake(field, "is missing; give {\"set\": \"… {0}\", \"ask\": \"…?\"}");
            return null;
        }
        var read = new ScpiValue(Needed(value, "set", "the command, {0} for the number"), Needed(value, "ask", "the question that reads it back"));
        if (!read.Set.Contains("{0}", StringComparison.Ordinal))
            value.Mistake("set", "has no {0}; that is where the number goes");
        value.Done();
        return read;
    }

    private static string Needed(JsonFields fields, string field, string what) => Allowed(fields, field, fields.Text(field, needed: what));

    private static string Command(JsonFields fields, string field, string otherwise) => Allowed(fields, field, fields.Text(field, otherwise));

    private static List<string> Commands(JsonFields fields, string field) => [.. Texts(fields, field).Select(c => Allowed(fields, field, c))];

    // Lists are written as one text: "SYST:LOCK 1; *CLS" is two commands.
    private static IReadOnlyList<string> Texts(JsonFields fields, string field) =>
        fields.Text(field).Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static string Allowed(JsonFields fields, string field, string command)
    {
        if (AsciiLine.IsForbidden(command))
            fields.Mistake(field, $"is \"{command}\"; self-tests and calibrations are never sent, they may drive the output through a wired cell");
        return command;
    }
}
