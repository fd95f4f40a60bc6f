using BattKomp.Lab.EdgeAgent.Hosting;

namespace BattKomp.Lab.EdgeAgent.Instruments.MqttJson;

/// <summary>Reads what a publishing instrument's messages mean from a channel's configuration.</summary>
internal static class JsonMappingReader
{
    /// <summary>Reads a mapping; mistakes are gathered in <paramref name="mapping"/>.</summary>
    public static JsonMapping Read(JsonFields mapping)
    {
        var standard = JsonMapping.Default(mapping.Text("instrument", needed: "the id that the instrument publishes under"));
        var own = mapping.Has("signals");
        var format = mapping.Text("format", "json");
        if (format is not ("json" or "senml"))
            mapping.Mistake("format", $"is \"{format}\"; json or senml is needed");
        if (format == "senml" && !own)
            mapping.Mistake("signals", "is missing; a SenML mapping declares each name, its signal and its unit");
        var signals = mapping.Objects("signals").Select(Signal).ToList();
        var texts = mapping.Objects("texts").Select(Text).ToList();
        var result = standard with
        {
            Format = format == "senml" ? MessageFormat.Senml : MessageFormat.Json,
            RecordsTopic = mapping.Text("records_topic", standard.RecordsTopic),
            CommandTopic = mapping.Text("command_topic", standard.CommandTopic),
            StatusTopic = mapping.Text("status_topic", standard.StatusTopic),
            // A mapping that declares its own signals declares every field: nothing is taken for granted.
            IdPath = mapping.Text("id_field", own ? "" : standard.IdPath),
            CounterPath = mapping.Text("counter_field", own ? "" : standard.CounterPath),
            RunPath = mapping.Text("run_field", own ? "" : standard.RunPath),
            UtcPath = mapping.Text("utc_field", own ? "" : standard.UtcPath),
            Signals = own ? signals : standard.Signals,
            Texts = own ? texts : standard.Texts,
        };
        if (own && signals.Count == 0)
            mapping.Mistake("signals", "is empty; declare at least one, or leave the field out for the standard format");
        mapping.Done();
        return result;
    }

    private static SignalMapping Signal(JsonFields signal)
    {
        var result = new SignalMapping(signal.Text("path", needed: "the field of the number"), signal.Text("signal", needed: "the BDF machine name, e.g. voltage_volt"),
            signal.Number("factor", 1), signal.Text("unit_path"), signal.Text("unit"));
        signal.Done();
        return result;
    }

    private static TextMapping Text(JsonFields text)
    {
        var result = new TextMapping(text.Text("path", needed: "the field of the text"), text.Text("signal", needed: "the BDF machine name, e.g. step_type"));
        text.Done();
        return result;
    }
}
