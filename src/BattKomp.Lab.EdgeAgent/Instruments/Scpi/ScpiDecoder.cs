using BattKomp.Lab.EdgeAgent.Instruments.Captures;

namespace BattKomp.Lab.EdgeAgent.Instruments.Scpi;

/// <summary>
/// Decodes captured talk of line-oriented ASCII instruments. A reply names nothing, so it is decoded in the light of the query before it; a question before
/// the answer came means that the first was not answered. Never throws.
/// </summary>
public sealed class ScpiDecoder(ScpiDialect dialect) : ICaptureDecoder
{
    private readonly Dictionary<string, double> _programmed = new(StringComparer.Ordinal);
    private string _asked = "";
    private (string Name, object? Value)[] _set = [];

    /// <inheritdoc/>
    public IReadOnlyList<CapturedFrame> Decode(string line) =>
        CaptureText.Pair(line) is { } pair ? [.. Decode(pair.Request), .. Decode(pair.Reply)]
        : [.. CaptureText.Lines(line).Select(l => l.Trim()).Where(l => l.Length > 0).SelectMany(Wire)];

    private IEnumerable<CapturedFrame> Wire(string line)
    {
        if (!ScpiText.IsText(line))
            return [Frame.Bad("the line holds bytes that are no text")];
        if (_asked.Length > 0 && !line.EndsWith('?'))
            return [Reply(line)];
        // Several messages in one line: "VOLT 1;CURR 2".
        return line.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Message);
    }

    private CapturedFrame Message(string line)
    {
        if (line.EndsWith('?') || line.Contains("? ", StringComparison.Ordinal))
        {
            _asked = ScpiText.Header(line[..(line.IndexOf('?', StringComparison.Ordinal) + 1)]);
            return Frame.Good("request", ("query", line));
        }
        if (Acknowledgement(line) is { } acknowledged)
            return acknowledged;
        var blank = line.IndexOf(' ', StringComparison.Ordinal);
        var header = ScpiText.Header(blank < 0 ? line : line[..blank]);
        if (ScpiText.Measure(line) is { } measure && (blank < 0 || measure.Unit.Length > 0))
            return Unasked(header, measure);
        if (dialect.Words.TryGetValue(header, out var word) && blank > 0)
            return Setting(line, header, word, line[(blank + 1)..].Trim());
        if (ScpiText.Error(line) is { } error)
            return Errors(error);
        if (line.Split(',').Length >= 3)
            return Identity(line);
        return IsHeader(header) ? Frame.Good("command", ("command", line)) : Frame.Bad($"\"{Frame.Shown(line)}\" is neither a command nor a reply to one");
    }

    private CapturedFrame? Acknowledgement(string line)
    {
        if (!dialect.Acknowledges)
            return null;
        if (line == "OK")
        {
            var set = _set;
            _set = [];
            return Frame.Good("reply", [("state", "OK"), .. set]);
        }
        return line.Length == 3 && line[0] is 'E' or 'C' && line.Length == 3 && char.IsAsciiDigit(line[1]) && char.IsAsciiDigit(line[2])
            ? Frame.Good("error", ("error", line), ("meaning", GenesysError.Meaning(line)))
            : null;
    }

    private CapturedFrame Setting(string line, string header, (string Field, ReplyKind Kind) word, string argument)
    {
        var value = Value(word.Kind, argument);
        if (value is null)
            return Frame.Bad($"\"{Frame.Shown(argument)}\" is no value for {header}", ("command", line));
        if (value is double number)
            _programmed[word.Field] = number;
        // An address is an address; a set point is told apart from its measured value.
        var name = word.Field == "addressed" ? word.Field : "set_" + word.Field.Replace("_setpoint", "", StringComparison.Ordinal);
        _set = [(name, value)];
        return Frame.Good("command", ("command", line), (name, value));
    }

    private CapturedFrame Reply(string line)
    {
        var asked = _asked;
        _asked = "";
        if (!dialect.Words.TryGetValue(asked.TrimEnd('?'), out var word))
            return ScpiText.Measure(line) is { } free ? Frame.Good("reply", ("value", free.Value)) : Frame.Good("reply", ("text", line));
        if (Acknowledgement(line) is { } refused && refused.Kind == "error")
            return refused;
        if (word.Kind == ReplyKind.Identity)
            return Identity(line);
        if (word.Kind == ReplyKind.Error)
            return ScpiText.Error(line) is { } error ? Errors(error) : Frame.Bad($"\"{Frame.Shown(line)}\" is no entry of an error queue");
        if (Value(word.Kind, line) is not { } value)
            return Frame.Bad($"\"{Frame.Shown(line)}\" does not answer {asked}: {Needed(word.Kind)} is needed");
        // Kepco programs 0.1 A and reads back 9.989E-2.
        return value is double now && _programmed.TryGetValue(word.Field, out var programmed) && now != programmed
            ? Frame.Good("reply", (word.Field, value), ("note", FormattableString.Invariant($"readback != programmed {programmed}")))
            : Frame.Good("reply", (word.Field, value));
    }

    private static object? Value(ReplyKind kind, string text) => kind switch
    {
        ReplyKind.Number => ScpiText.Number(text),
        ReplyKind.Flag => ScpiText.Flag(text),
        ReplyKind.LoadMode => LoadMode(text),
        ReplyKind.Numbers => text.Split(',') is { Length: <= 64 } parts && parts.All(p => ScpiText.Number(p) is not null) ? parts.Select(p => ScpiText.Number(p)!.Value).ToList() : null,
        _ => text[(text.LastIndexOf(' ') + 1)..],
    };

    private static string Needed(ReplyKind kind) => kind switch
    {
        ReplyKind.Number => "a number",
        ReplyKind.Flag => "0, 1, ON or OFF",
        ReplyKind.LoadMode => "MODE C, P, R, G or V",
        _ => "a list of numbers",
    };

    private static string? LoadMode(string text) => text[(text.LastIndexOf(' ') + 1)..] switch
    {
        "C" => "constant current",
        "P" => "constant power",
        "R" => "constant resistance",
        "G" => "constant conductance",
        "V" => "constant voltage",
        _ => null,
    };

    private CapturedFrame Unasked(string header, (double Value, string Unit) measure) =>
        Frame.Good("reply", (dialect.Words.TryGetValue(header, out var word) && word.Kind == ReplyKind.Number ? word.Field
            : measure.Unit switch { "V" => "voltage_v", "A" => "current_a", "W" => "power_w", _ => "value" }, measure.Value));

    private static CapturedFrame Errors((int Code, string Text) error) =>
        Frame.Good(error.Code == 0 ? "reply" : "error", ("error", error.Code), ("text", error.Text));

    private static CapturedFrame Identity(string line)
    {
        var parts = line.Split(',', 4).Select(p => p.Trim()).ToArray();
        var model = parts.Length > 1 ? parts[1] : "";
        // Kepco prints a date behind the model, two blanks away.
        var gap = model.IndexOf("  ", StringComparison.Ordinal);
        model = gap > 0 ? model[..gap] : model;
        var maker = parts[0].Length > 3 && parts[0].All(char.IsAsciiLetterUpper) ? parts[0][..1] + parts[0][1..].ToLowerInvariant() : parts[0];
        return Frame.Good("reply", ("idn", $"{maker} {model}".Trim()), ("maker", parts[0]), ("model", model),
            ("serial", parts.Length > 2 ? parts[2] : ""), ("firmware", parts.Length > 3 ? parts[3] : ""));
    }

    private static bool IsHeader(string header) => header.Length > 0 && (header[0] == '*' || char.IsAsciiLetter(header[0])) && header.Length <= 80;
}
