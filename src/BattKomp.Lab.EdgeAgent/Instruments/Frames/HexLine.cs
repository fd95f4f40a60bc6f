using System.Globalization;

namespace BattKomp.Lab.EdgeAgent.Instruments.Frames;

/// <summary>A line of hex digits as logs print them: spaces, commas, dashes, colons and 0x allowed between bytes.</summary>
public static class HexLine
{
    /// <summary>The bytes of a line; null and the reason when it is not hex. Never throws.</summary>
    public static byte[]? Parse(string line, out string why)
    {
        var bytes = new List<byte>();
        foreach (var word in line.Split([' ', '\t', '\r', '\n', ',', '-', ':'], StringSplitOptions.RemoveEmptyEntries))
        {
            var digits = word.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? word.AsSpan(2) : word;
            if (digits.Length % 2 != 0 || digits.IsEmpty)
            {
                why = $"\"{Shown(word)}\" is not whole hex bytes";
                return null;
            }
            for (var at = 0; at < digits.Length; at += 2)
            {
                if (!byte.TryParse(digits.Slice(at, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
                {
                    why = $"\"{Shown(word)}\" is not hex";
                    return null;
                }
                bytes.Add(value);
            }
        }
        why = bytes.Count == 0 ? "the line is empty" : "";
        return bytes.Count == 0 ? null : [.. bytes];
    }

    /// <summary>The refusal of a line that is not hex.</summary>
    public static IReadOnlyList<CapturedFrame> NotHex(string why) => [new CapturedFrame(false, "unknown", new Dictionary<string, object?>(), why)];

    private static string Shown(string word) => word.Length > 20 ? word[..20] + "…" : word;
}
