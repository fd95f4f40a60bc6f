using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Google.Protobuf;

namespace BattKomp.Lab.Cli.Output;

/// <summary>
/// Answers, either as text of at most 80 columns that reads well aloud, or as JSON. Messages of the API are printed as
/// protobuf JSON with the protos' own field names; doubles in full, 64-bit integers as strings.
/// </summary>
internal sealed class Report(CliHost host, bool json)
{
    private const int Width = 80;

    private static readonly JsonFormatter Formatter =
        new(JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true).WithFormatDefaultValues(true));

    private static readonly JsonWriterOptions Readable = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonWriterOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>True when only JSON may go to stdout.</summary>
    public bool Json => json;

    /// <summary>Where text answers go.</summary>
    public TextWriter Out => host.Out;

    /// <summary>The answer: the message as JSON, or the text that <paramref name="text"/> writes.</summary>
    public void Answer(IMessage message, Action text)
    {
        if (json) host.Out.WriteLine(Formatter.Format(message));
        else text();
    }

    /// <summary>The answer as a JSON document of our own, or as text.</summary>
    public void Answer(Action<Utf8JsonWriter> document, Action text)
    {
        if (json) host.Out.WriteLine(Write(document, Readable));
        else text();
    }

    /// <summary>One line of a stream, sent at once.</summary>
    public void StreamLine(Action<Utf8JsonWriter> document)
    {
        host.Out.WriteLine(Write(document, OneLine));
        host.Out.Flush();
    }

    /// <summary>The message as one JSON value, for use inside a document of ours.</summary>
    public static string ToJson(IMessage message) => Formatter.Format(message);

    /// <summary>A line of text, wrapped at words; continuation lines are indented two further.</summary>
    public void Line(string text = "", int indent = 0) => Wrap(host.Out, text, indent);

    /// <summary>A note for people, on stderr.</summary>
    public void Note(string text) => Wrap(host.Error, $"battlab: {text}", 0);

    /// <summary>Prints a failure: JSON on stdout when asked for, else sentences on stderr.</summary>
    public void Fail(Failure failure)
    {
        if (json) host.Out.WriteLine(Write(w => FailureWriter.Json(w, failure), Readable));
        else FailureWriter.Text((text, indent) => Wrap(host.Error, text, indent), failure);
    }

    private static string Write(Action<Utf8JsonWriter> document, JsonWriterOptions options)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, options)) document(writer);
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void Wrap(TextWriter to, string text, int indent)
    {
        var line = new StringBuilder(new string(' ', indent));
        var start = line.Length;
        foreach (var word in text.Split(' '))
        {
            // A word longer than the line (a resource name) stays whole, so that it can be copied.
            if (line.Length > start && line.Length + 1 + word.Length > Width)
            {
                to.WriteLine(line);
                line.Clear().Append(' ', indent + 2);
                start = line.Length;
            }
            if (line.Length > start) line.Append(' ');
            line.Append(word);
        }
        to.WriteLine(line);
    }
}
