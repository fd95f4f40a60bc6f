using System.Collections;
using System.Globalization;
using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Instruments;

namespace BattKomp.Lab.Cli.Output;

/// <summary>A decoded frame as one JSON object: <c>{"valid":…,"kind":…,"fields":{…}}</c>, with <c>"why"</c> when it is not valid.</summary>
internal static class FrameJson
{
    /// <summary>Writes a frame.</summary>
    public static void Write(Utf8JsonWriter writer, CapturedFrame frame)
    {
        writer.WriteStartObject();
        writer.WriteBoolean("valid", frame.Valid);
        writer.WriteString("kind", frame.Kind);
        writer.WritePropertyName("fields");
        WriteValue(writer, frame.Fields);
        if (!frame.Valid)
            writer.WriteString("why", frame.Why);
        writer.WriteEndObject();
    }

    /// <summary>Writes a field's value; a number that JSON has no word for becomes null.</summary>
    public static void WriteValue(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null: writer.WriteNullValue(); break;
            case string text: writer.WriteStringValue(text); break;
            case bool flag: writer.WriteBooleanValue(flag); break;
            case double number when !double.IsFinite(number): writer.WriteNullValue(); break;
            case double number: writer.WriteNumberValue(number); break;
            case IEnumerable<KeyValuePair<string, object?>> fields: Object(writer, fields); break;
            case IEnumerable items: Array(writer, items); break;
            case IConvertible number: writer.WriteNumberValue(number.ToDecimal(CultureInfo.InvariantCulture)); break;
            default: writer.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture)); break;
        }
    }

    private static void Object(Utf8JsonWriter writer, IEnumerable<KeyValuePair<string, object?>> fields)
    {
        writer.WriteStartObject();
        foreach (var (name, value) in fields)
        {
            writer.WritePropertyName(name);
            WriteValue(writer, value);
        }
        writer.WriteEndObject();
    }

    private static void Array(Utf8JsonWriter writer, IEnumerable items)
    {
        writer.WriteStartArray();
        foreach (var item in items)
            WriteValue(writer, item);
        writer.WriteEndArray();
    }
}
