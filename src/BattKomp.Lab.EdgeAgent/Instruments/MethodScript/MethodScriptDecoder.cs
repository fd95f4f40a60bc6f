using BattKomp.Lab.EdgeAgent.Instruments.Captures;

namespace BattKomp.Lab.EdgeAgent.Instruments.MethodScript;

/// <summary>Decodes captured MethodSCRIPT talk: data packages, markers, errors, versions; several wire lines in one captured line are one session.</summary>
public sealed class MethodScriptDecoder : ICaptureDecoder
{
    private const string Packages = "P… = data package";

    /// <inheritdoc/>
    public IReadOnlyList<CapturedFrame> Decode(string line)
    {
        var lines = CaptureText.Lines(line);
        return lines.Count == 1 ? [One(lines[0])] : [Session(lines)];
    }

    private static CapturedFrame One(string line)
    {
        if (line.StartsWith('P'))
            return Package(line);
        if (MethodScriptError.TryRead(line) is { } error)
            return Frame.Good("error", ("error", error.Code), ("meaning", error.Meaning), ("where", error.Where));
        return Marker(line) is { } meaning
            ? Frame.Good("reply", ("line", meaning))
            : line.StartsWith('T') ? Frame.Good("report", ("text", line[1..]))
            : line.StartsWith('t') && line.Length > 1 ? Frame.Good("reply", ("version", line[1..]))
            : Frame.Bad($"\"{Frame.Shown(line)}\" is neither package, marker, version nor error");
    }

    private static CapturedFrame Package(string line)
    {
        if (MethodScriptCodec.TryRead(line, out var why) is not { } variables)
            return Frame.Bad(why);
        var fields = new Dictionary<string, object?>(StringComparer.Ordinal) { ["variables"] = variables.Select(Item).ToList() };
        foreach (var variable in variables)
            fields.TryAdd(variable.Type, Number(variable.Value));
        return new CapturedFrame(true, "report", fields);
    }

    private static Dictionary<string, object?> Item(MethodScriptVariable variable)
    {
        var item = new Dictionary<string, object?>(StringComparer.Ordinal) { ["var"] = variable.Type, ["value"] = Number(variable.Value) };
        if (MethodScriptCodec.Meaning(variable.Type) is { } meaning)
            (item["name"], item["unit"]) = meaning;
        if (variable.Status is { } status)
            (item["status"], item["status_text"]) = (status, variable.StatusText);
        if (variable.Range is { } range)
            item["range"] = range;
        return item;
    }

    // JSON has no NaN.
    private static object? Number(double value) => double.IsNaN(value) ? null : value;

    private static CapturedFrame Session(IReadOnlyList<string> lines)
    {
        var told = new List<string>();
        var packages = new List<object?>();
        var why = "";
        foreach (var line in lines.Select(l => l.TrimStart('…')))
        {
            var frame = One(line);
            if (!frame.Valid && why.Length == 0)
                why = frame.Why;
            var meaning = line.StartsWith('P') ? Packages : Marker(line) ?? (frame.Valid ? $"{line} = {frame.Kind}" : $"{Frame.Shown(line)} = ?");
            if (frame.Fields.TryGetValue("variables", out var variables))
                packages.Add(variables);
            if (told.Count == 0 || told[^1] != meaning)
                told.Add(meaning);
        }
        return new CapturedFrame(why.Length == 0, "session", Frame.Fields(("lines", told), ("packages", packages)), why);
    }

    private static string? Marker(string line) => line switch
    {
        "" => "empty line = end of script",
        "e" => "e = script accepted",
        "l" => "l = script stored",
        "*" => "* = end loop",
        "L" => "L = start loop",
        "+" => "+ = end of loop",
        "-" => "- = end of scan",
        "t" => "t = version query",
        "Z" => "Z = abort",
        "h" => "h = halt",
        "H" => "H = resume",
        ['M', ..] when Digits(line) => $"{line} = start meas loop",
        ['C', ..] when Digits(line) => $"{line} = start scan",
        _ => null,
    };

    private static bool Digits(string line) => line.Length is > 1 and <= 5 && line.AsSpan(1).IndexOfAnyExcept("0123456789ABCDEF") < 0;
}
