using BattKomp.Lab.EdgeAgent.Instruments.Captures;

namespace BattKomp.Lab.EdgeAgent.Instruments.Espec;

/// <summary>Decodes captured talk with an ESPEC P300 or SCP-220 controller; a reply in the light of the request before it, else by its shape.</summary>
public sealed class EspecDecoder : ICaptureDecoder
{
    /// <summary>Name of the protocol in captures.</summary>
    public const string Name = "espec-ascii";

    private string _asked = "";

    /// <inheritdoc/>
    public IReadOnlyList<CapturedFrame> Decode(string line) =>
        CaptureText.Pair(line) is { } pair ? [.. Decode(pair.Request), .. Decode(pair.Reply)]
        : [.. CaptureText.Lines(line).Select(l => l.Trim()).Where(l => l.Length > 0).Select(One)];

    private CapturedFrame One(string line)
    {
        if (line.AsSpan().IndexOfAnyExceptInRange(' ', '~') >= 0)
            return Frame.Bad("the line holds bytes that are no text");
        if (EspecReply.Answer(line) is { } answer)
            return Forget(answer.Ok
                ? Frame.Good("reply", ("state", "OK"), ("param", answer.Parameter), ("value", answer.Value))
                : Frame.Good("error", ("state", "NA"), ("error", answer.Parameter), ("meaning", EspecReply.Meaning(answer.Parameter))));
        if (EspecReply.Query(line) is { } query)
        {
            _asked = query;
            return Frame.Good("request", ("query", line));
        }
        var frame = _asked.Length > 0 ? Reply(_asked, line) : ByShape(line);
        return Forget(frame ?? Command(line));
    }

    private CapturedFrame Forget(CapturedFrame frame)
    {
        _asked = "";
        return frame;
    }

    private static CapturedFrame? ByShape(string line)
    {
        foreach (var query in (ReadOnlySpan<string>)["TEMP?", "MON?", "MODE?", "ALARM?"])
            if (Typed(query, line) is { } frame)
                return frame;
        return null;
    }

    private static CapturedFrame? Reply(string query, string line) =>
        Typed(query, line) ?? (query is "TEMP?" or "HUMI?" or "MON?" or "ALARM?"
            ? Frame.Bad($"\"{Frame.Shown(line)}\" does not answer {query}")
            : Frame.Good("reply", (Text(query), line)));

    private static CapturedFrame? Typed(string query, string line) => query switch
    {
        "TEMP?" when EspecReply.Temperature(line) is { } t =>
            Frame.Good("report", ("measured_c", t.Measured), ("setpoint_c", t.SetPoint), ("upper_alarm_c", t.High), ("lower_alarm_c", t.Low)),
        "HUMI?" when EspecReply.Humidity(line) is { } h =>
            Frame.Good("report", ("measured_rh_pct", h.Measured), ("setpoint_rh_pct", h.SetPoint), ("upper_alarm_rh_pct", h.High), ("lower_alarm_rh_pct", h.Low)),
        "MON?" when EspecReply.Monitor(line) is { } m =>
            Frame.Good("report", ("measured_c", m.Celsius), ("measured_rh_pct", m.Humidity), ("mode", m.Mode), ("alarm_count", m.Alarms)),
        "MODE?" when EspecReply.Mode(line) is { } mode => Frame.Good("report", ("mode", mode)),
        "ALARM?" when EspecReply.Alarms(line) is { } codes =>
            Frame.Good("report", ("alarm_count", codes.Count), ("alarms", codes), ("meaning", codes.Select(EspecReply.AlarmText).ToList())),
        _ => null,
    };

    private static string Text(string query) => query.TrimEnd('?').ToLowerInvariant() switch
    {
        "rom" => "version",
        "%" => "heaters",
        { Length: > 0 } name => string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_')),
        _ => "text",
    };

    private static CapturedFrame Command(string line)
    {
        var comma = line.IndexOf(',', StringComparison.Ordinal);
        var name = comma < 0 ? line : line[..comma];
        return name.Length > 0 && char.IsAsciiLetterUpper(name[0])
            ? Frame.Good("command", ("param", name.Trim()), ("value", comma < 0 ? "" : line[(comma + 1)..].Trim()))
            : Frame.Bad($"\"{Frame.Shown(line)}\" is neither request nor reply");
    }
}
