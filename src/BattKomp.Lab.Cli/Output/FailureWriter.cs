using System.Text.Json;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Output;

/// <summary>A failure as sentences and as JSON.</summary>
internal static class FailureWriter
{
    /// <summary>Sentences: what, each broken rule with its limit and nearest mend, and what would fix it.</summary>
    public static void Text(Action<string, int> line, Failure failure)
    {
        line($"battlab: {failure.Message}", 0);
        // A single malformed field already stands in the sentence.
        if (failure.Fields.Count > 1)
            foreach (var (field, description) in failure.Fields) line($"- {field}: {description}", 2);
        var number = 0;
        foreach (var violation in failure.Violations) Violation(line, ++number, violation, failure.Message);
        if (failure.Omitted > 0) line($"… and {failure.Omitted} more.", 2);
        if (failure.Remedy.Length > 0) line($"What would fix it: {failure.Remedy}", 0);
    }

    /// <summary>{"error": {…}} with every part, absent ones left out.</summary>
    public static void Json(Utf8JsonWriter w, Failure failure)
    {
        w.WriteStartObject();
        w.WriteStartObject("error");
        w.WriteNumber("exit_code", failure.ExitCode);
        w.WriteString("reason", failure.Reason);
        w.WriteString("message", failure.Message);
        if (failure.Remedy.Length > 0) w.WriteString("remedy", failure.Remedy);
        Fields(w, failure);
        if (failure.Violations.Count > 0)
        {
            w.WriteStartArray("violations");
            foreach (var violation in failure.Violations) w.WriteRawValue(Report.ToJson(violation));
            w.WriteEndArray();
            w.WriteNumber("omitted", failure.Omitted);
        }
        if (failure.Metadata.Count > 0)
        {
            w.WriteStartObject("metadata");
            foreach (var (key, value) in failure.Metadata) w.WriteString(key, value);
            w.WriteEndObject();
        }
        w.WriteEndObject();
        w.WriteEndObject();
    }

    private static void Fields(Utf8JsonWriter w, Failure failure)
    {
        if (failure.Fields.Count == 0) return;
        w.WriteStartArray("fields");
        foreach (var (field, description) in failure.Fields)
        {
            w.WriteStartObject();
            w.WriteString("field", field);
            w.WriteString("description", description);
            w.WriteEndObject();
        }
        w.WriteEndArray();
    }

    private static void Violation(Action<string, int> line, int number, Violation v, string told)
    {
        // A short refusal tells its rules' sentences itself; nobody needs them read out twice.
        line(told.Contains(v.Message, StringComparison.Ordinal) ? $"{number}. {v.Reason}" : $"{number}. {v.Message} ({v.Reason})", 2);
        if (v.Resource.Length > 0) line($"about: {v.Resource}", 5);
        if (v.Limit.Length > 0) line($"limit: {v.Limit}", 5);
        if (v.Actual.Length > 0) line($"asked for: {v.Actual}", 5);
        foreach (var window in v.Blocking) line($"taken: {Window(window)}", 5);
        if (v.Nearest is not null) line($"nearest possible: {Window(v.Nearest)}", 5);
        if (v.OverridableBy.Length > 0) line($"a {v.OverridableBy} may override it with a reason", 5);
    }

    private static string Window(TimeWindow window) => $"{TimeText.Utc(window.Start)} to {TimeText.Utc(window.End)}";
}
