using System.Globalization;

namespace BattKomp.Lab.EdgeAgent.Instruments.Captures;

/// <summary>Builds the frames that decoders give back.</summary>
public static class Frame
{
    /// <summary>A frame that is as it should be.</summary>
    public static CapturedFrame Good(string kind, params ReadOnlySpan<(string Name, object? Value)> fields) => new(true, kind, Fields(fields));

    /// <summary>A frame that cannot be believed, and why.</summary>
    public static CapturedFrame Bad(string why, params ReadOnlySpan<(string Name, object? Value)> fields) => new(false, "unknown", Fields(fields), why);

    /// <summary>Fields in their order.</summary>
    public static IReadOnlyDictionary<string, object?> Fields(params ReadOnlySpan<(string Name, object? Value)> fields)
    {
        var all = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, value) in fields)
            all[name] = value;
        return all;
    }

    /// <summary>A number as instruments print it: sign, digits, point, exponent, blanks around; not a hex number, infinity or "nan". Null when it is none.</summary>
    public static double? Number(string text) =>
        double.TryParse(text.AsSpan().Trim(), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var value)
        && double.IsFinite(value) ? value : null;

    /// <summary>Text short enough to be told in a message.</summary>
    public static string Shown(string text) => text.Length > 60 ? text[..60] + "…" : text;
}
