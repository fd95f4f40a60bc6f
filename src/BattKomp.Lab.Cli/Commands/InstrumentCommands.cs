using System.CommandLine;
using System.Text.Json;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.EdgeAgent.Instruments;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>instruments list | decode</summary>
internal static class InstrumentCommands
{
    public static Command Create(Globals globals) => new("instruments", "What edge agents can drive, and what captured frames say.") { List(globals), Decode(globals) };

    private static Command List(Globals globals)
    {
        var command = new Command("list", "List the instruments that this version has drivers for, with what stops each if software dies.");
        globals.Run(command, session =>
        {
            var drivers = InstrumentCatalogue.Drivers.Values.OrderBy(d => d.Protocol, StringComparer.Ordinal).ToList();
            session.Report.Answer(w => Json(w, drivers), () => Text(session.Report, drivers));
            return Task.CompletedTask;
        });
        return command;
    }

    private static Command Decode(Globals globals)
    {
        var protocol = new Argument<string>("protocol") { Description = "name of a driver or of a capture's protocol, e.g. jbd-uart; see 'instruments list'" };
        var command = new Command("decode", "Decode captured lines (hex or text, from stdin) to one JSON object a frame, one a line.") { protocol };
        globals.Run(command, async session =>
        {
            if (!InstrumentCatalogue.Decoders.TryGetValue(session.Get(protocol), out var made))
                throw CliException.Invalid("UNKNOWN_PROTOCOL", $"No decoder is called \"{session.Get(protocol)}\".", $"Known: {Known()}.");
            var decoder = made();
            while (await session.Host.In.ReadLineAsync(session.Cancel) is { } line)
            {
                foreach (var frame in decoder.Decode(line))
                    session.Report.StreamLine(w => FrameJson.Write(w, frame));
            }
        });
        return command;
    }

    private static string Known() => string.Join(", ", InstrumentCatalogue.Decoders.Keys.Order(StringComparer.Ordinal));

    private static void Json(Utf8JsonWriter writer, List<InstrumentDriver> drivers)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("instruments");
        foreach (var driver in drivers)
            FrameJson.WriteValue(writer, new Dictionary<string, object?>
            {
                ["protocol"] = driver.Protocol,
                ["title"] = driver.Title,
                ["control"] = Words.Of(driver.Control).Replace(' ', '_'),
                ["guard"] = driver.Guard.What,
                ["guard_bound_s"] = driver.Guard.Bound?.TotalSeconds,
                ["time_to_safe_s"] = driver.TimeToSafe.TotalSeconds,
                ["signals"] = driver.Signals,
                ["texts"] = driver.Texts,
                ["baud"] = driver.Line?.Baud,
                ["decodes"] = driver.Decoders.Keys.Order(StringComparer.Ordinal).ToList(),
            });
        writer.WriteEndArray();
        writer.WritePropertyName("decoders");
        FrameJson.WriteValue(writer, InstrumentCatalogue.Decoders.Keys.Order(StringComparer.Ordinal).ToList());
        writer.WriteEndObject();
    }

    private static void Text(Report report, List<InstrumentDriver> drivers)
    {
        report.Line($"{Words.Count(drivers.Count, "instrument driver")}.");
        foreach (var driver in drivers)
        {
            report.Line();
            report.Line($"{driver.Protocol}: {driver.Title}");
            report.Line($"control {Words.Of(driver.Control)}; guard in the device: {(driver.Guard.Exists ? driver.Guard.What : "none")}", 2);
            if (driver.TimeToSafe > TimeSpan.Zero) report.Line($"time to safe {Words.Number(driver.TimeToSafe.TotalSeconds)} s", 2);
            if (driver.Signals.Count > 0) report.Line($"signals {string.Join(", ", driver.Signals)}", 2);
        }
        report.Line();
        report.Line($"Captures that can be decoded: {Known()}.");
    }
}
