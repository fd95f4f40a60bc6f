using System.Globalization;

namespace BattKomp.Lab.Simulators.Instruments.MethodScript;

/// <summary>Numbers of MethodSCRIPT: SI prefixes in scripts, 28-bit hexadecimal with an SI prefix in packages.</summary>
public static class ScriptNumbers
{
    private const int Offset = 1 << 27;
    private const string Prefixes = "afpnum kMGT"; // 10^-18 to 10^12, a blank is 1

    /// <summary>Reads a script's number such as <c>-10m</c>, <c>200k</c> or <c>17i</c>; null = it is none.</summary>
    public static double? Parse(string text)
    {
        if (text.Length == 0) return null;
        var (digits, factor) = (text, 1.0);
        if (char.IsLetter(text[^1]))
        {
            var prefix = text[^1] == 'i' ? Prefixes.IndexOf(' ') : Prefixes.IndexOf(text[^1]);
            if (prefix < 0) return null;
            (digits, factor) = (text[..^1], Factor(prefix));
        }
        return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value * factor : null;
    }

    /// <summary>Seven hexadecimal digits and a prefix: the finest prefix with which the value fits. No number is <c>     nan</c>.</summary>
    public static string Package(double value)
    {
        if (!double.IsFinite(value)) return "     nan";
        if (value == 0) return "8000000 ";
        for (var prefix = 0; prefix < Prefixes.Length; prefix++)
        {
            var scaled = Math.Round(value / Factor(prefix));
            if (Math.Abs(scaled) < Offset) return $"{(int)scaled + Offset:X7}{Prefixes[prefix]}";
        }
        return "     nan";
    }

    private static double Factor(int prefix) => Math.Pow(10, 3 * (prefix - Prefixes.IndexOf(' ')));
}
