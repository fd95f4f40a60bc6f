using System.Globalization;
using BattKomp.Lab.EdgeAgent.Instruments.Captures;

namespace BattKomp.Lab.EdgeAgent.Instruments.HcpTc038;

/// <summary>
/// Decodes captured talk with an HCP TC038 oven in its own ASCII protocol (README.md). A reply carries no name of what it answers, so it is decoded in the
/// light of the request before it.
/// </summary>
public sealed class Tc038Decoder : ICaptureDecoder
{
    /// <summary>Name of the protocol in captures.</summary>
    public const string Name = "hcp-tc038-ascii";

    private const char Start = '\x02';
    private const char End = '\x03';
    private string _asked = "";

    /// <inheritdoc/>
    public IReadOnlyList<CapturedFrame> Decode(string line)
    {
        var text = CaptureText.Unescape(line);
        var frames = new List<CapturedFrame>();
        var at = 0;
        while (text.IndexOf(Start, at) is >= 0 and var start)
        {
            var end = text.IndexOf(End, start);
            var next = text.IndexOf(Start, start + 1);
            if (end < 0 || (next >= 0 && next < end))
                frames.Add(Frame.Bad("the frame has no ETX"));
            else
                frames.Add(Body(text[(start + 1)..end]));
            at = end < 0 || (next >= 0 && next < end) ? (next < 0 ? text.Length : next) : end + 1;
        }
        if (frames.Count == 0 && text.Trim().Length > 0)
            frames.Add(Frame.Bad("no STX in the line: a frame is STX … ETX"));
        return frames;
    }

    // Request: address, CPU 01, wait 0, command. Reply: address, CPU 01, OK or ER.
    private CapturedFrame Body(string body)
    {
        if (body.Length < 6 || body.AsSpan(0, 4).IndexOfAnyExceptInRange('0', '9') >= 0)
            return Frame.Bad("address and CPU number (four digits) do not lead the frame");
        if (body.AsSpan(4).StartsWith("OK"))
            return Reply(body[6..]);
        if (body.AsSpan(4).StartsWith("ER"))
            return Error(body[6..]);
        if (!char.IsAsciiDigit(body[4]))
            return Frame.Bad("neither a request (wait digit, command) nor a reply (OK or ER)");
        _asked = body[5..];
        return Request(_asked);
    }

    private static CapturedFrame Request(string command) => Parts(command) switch
    {
        ("WRD", [var register, _]) => Frame.Good("request", ("command", command), ("register", register)),
        ("WWR", [var register, _, var data]) when Words(data) is [var value] => Set(register, value, "command", command),
        ("WRD" or "WWR" or "WRS" or "WRM" or "INF", _) => Frame.Good("request", ("command", command)),
        _ => Frame.Bad($"\"{Frame.Shown(command)}\" is no command of this protocol"),
    };

    private CapturedFrame Reply(string data)
    {
        var asked = Parts(_asked);
        if (asked is ("WWR", [var set, _, var sent]) && Words(sent) is [var value])
            return Set(set, value, "reply", "OK");
        if (asked.Command == "INF")
            return Frame.Good("reply", ("info", Information(data)), ("detail", data));
        if (data.Length == 0)
            return Frame.Good("reply", ("state", "OK"));
        if (Words(data) is not { } words)
            return Frame.Bad($"\"{Frame.Shown(data)}\" is not whole words of four hex digits");
        return asked is ("WRD", [var read, _]) && words.Count == 1
            ? Frame.Good("reply", (FieldOf(read), words[0] / 10.0))
            : asked.Command == "WRM" && words.Count == 1 ? Frame.Good("reply", ("monitored", words[0] / 10.0))
            : Frame.Good("reply", ("words", words));
    }

    private static CapturedFrame Set(string register, short value, string kind, string told) =>
        Frame.Good(kind, (kind == "reply" ? "state" : "command", told), ($"set_{FieldOf(register)}", value / 10.0));

    private static CapturedFrame Error(string code) => code.Length is 4 && code.AsSpan().IndexOfAnyExceptInRange('0', '9') < 0
        ? Frame.Good("error", ("error", $"{code} {Meaning(code[..2])}"))
        : Frame.Bad($"\"{Frame.Shown(code)}\" is no error code of four digits");

    private static string Meaning(string code) => code switch
    {
        "02" => "no such command",
        "03" => "no such register",
        "04" => "out of setpoint range",
        "05" => "out of data number range",
        "06" => "monitor not set",
        "08" => "illegal parameter",
        "42" => "sum does not match",
        "43" => "data value too large",
        "44" => "end of text missing",
        _ => "unknown error",
    };

    private static string FieldOf(string register) => register switch { "D0002" => "temperature_c", "D0120" => "setpoint_c", _ => $"register_{register.ToLowerInvariant()}" };

    // "UT150333 V01.R00" and sixteen digits of ranges, which only the maker can read.
    private static string Information(string data) => data.Length > 16 ? $"{data[..16]} ..." : data;

    private static (string Command, string[] Arguments) Parts(string command) => command.Length < 3 ? (command, []) : (command[..3], command[3..].Split(','));

    private static List<short>? Words(string data)
    {
        if (data.Length == 0 || data.Length % 4 != 0)
            return null;
        var words = new List<short>(data.Length / 4);
        for (var at = 0; at < data.Length; at += 4)
        {
            if (!ushort.TryParse(data.AsSpan(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var word))
                return null;
            words.Add((short)word);
        }
        return words;
    }
}
