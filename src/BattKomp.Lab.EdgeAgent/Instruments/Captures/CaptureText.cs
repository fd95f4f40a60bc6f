using System.Globalization;
using System.Text;

namespace BattKomp.Lab.EdgeAgent.Instruments.Captures;

/// <summary>Text lines of a capture as people write them down: escapes for what cannot be seen, several wire lines in one. Never throws.</summary>
public static class CaptureText
{
    /// <summary>Longest line that a decoder looks at; the rest of a longer one is not decoded.</summary>
    public const int MaxLine = 64 * 1024;

    /// <summary>Turns <c>\r</c>, <c>\n</c>, <c>\t</c>, <c>\\</c> and <c>\xNN</c> into what they stand for; any other backslash stays.</summary>
    public static string Unescape(string line)
    {
        if (line.Length > MaxLine)
            line = line[..MaxLine];
        if (!line.Contains('\\', StringComparison.Ordinal))
            return line;
        var text = new StringBuilder(line.Length);
        for (var at = 0; at < line.Length; at++)
        {
            if (line[at] != '\\' || Escape(line.AsSpan(at), out var length) is not { } meant)
            {
                text.Append(line[at]);
                continue;
            }
            text.Append(meant);
            at += length - 1;
        }
        return text.ToString();
    }

    /// <summary>
    /// The wire lines of one captured line, without their ends. An empty wire line counts (MethodSCRIPT ends a script with one), but what follows the last
    /// line end is only a line when it holds something; a captured line without anything is one empty wire line.
    /// </summary>
    public static IReadOnlyList<string> Lines(string captured)
    {
        var text = Unescape(captured).Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        var lines = text.Split('\n');
        return lines.Length > 1 && lines[^1].Length == 0 ? lines[..^1] : lines;
    }

    /// <summary>Splits "request -> reply" (also with a tab or an arrow sign); null when the line is not such a pair.</summary>
    public static (string Request, string Reply)? Pair(string captured)
    {
        foreach (var sign in (ReadOnlySpan<string>)[" -> ", " → ", "\t"])
            if (captured.IndexOf(sign, StringComparison.Ordinal) is > 0 and var at)
                return (captured[..at], captured[(at + sign.Length)..]);
        return null;
    }

    private static char? Escape(ReadOnlySpan<char> text, out int length)
    {
        length = 2;
        if (text.Length < 2)
            return null;
        switch (text[1])
        {
            case 'r': return '\r';
            case 'n': return '\n';
            case 't': return '\t';
            case '\\': return '\\';
            case 'x' when text.Length >= 4 && byte.TryParse(text.Slice(2, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code):
                length = 4;
                return (char)code;
            default: return null;
        }
    }
}
