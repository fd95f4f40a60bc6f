using System.Globalization;

namespace BattKomp.Lab.EdgeAgent.Instruments.MethodScript;

/// <summary>One variable of a package.</summary>
/// <param name="Type">Two letters, e.g. "da".</param>
/// <param name="Value">In the type's unit; NaN when the instrument sent "nan".</param>
/// <param name="Status">Bits: 1 timing not met, 2 overload, 4 underload, 8 overload warning; null when not sent.</param>
/// <param name="Range">Number of the range, by instrument; null when not sent.</param>
public readonly record struct MethodScriptVariable(string Type, double Value, int? Status, int? Range)
{
    /// <summary>Status bits in words: "OK", or "overload, underload"; empty when not sent.</summary>
    public string StatusText => Status is { } bits ? MethodScriptCodec.StatusText(bits) : "";
}

/// <summary>The package format, pure: <c>P</c> variables divided by <c>;</c>, each two letters, seven hex digits, an SI prefix and comma-led metadata. Nothing here throws on any input.</summary>
public static class MethodScriptCodec
{
    /// <summary>Raw values are kept as unsigned numbers with this offset.</summary>
    public const int Offset = 1 << 27;

    /// <summary>A potentiostat has a handful of variables a package; a line with more is no package.</summary>
    private const int MaxVariables = 64;

    private const int ValueLength = 7;
    private static readonly string[] StatusWords = ["timing not met", "overload", "underload", "overload warning"];

    /// <summary>Reads a package line without its line end; null and the reason when it is none.</summary>
    public static IReadOnlyList<MethodScriptVariable>? TryRead(string line, out string why)
    {
        why = "";
        if (!line.StartsWith('P'))
            why = "a package begins with P";
        else if (line.Length == 1)
            why = "the package has no variables";
        var parts = line[Math.Min(1, line.Length)..].Split(';', MaxVariables + 1);
        if (parts.Length > MaxVariables)
            why = $"more than {MaxVariables} variables";
        var variables = new List<MethodScriptVariable>(parts.Length);
        foreach (var part in parts)
        {
            if (why.Length > 0)
                return null;
            if (Variable(part, out why) is { } variable)
                variables.Add(variable);
        }
        return why.Length > 0 ? null : variables;
    }

    /// <summary>Factor of an SI prefix; null when it is none. A blank is 1, "i" marks an integer.</summary>
    public static double? Factor(char prefix) => prefix switch
    {
        'a' => 1e-18,
        'f' => 1e-15,
        'p' => 1e-12,
        'n' => 1e-9,
        'u' => 1e-6,
        'm' => 1e-3,
        ' ' or 'i' => 1,
        'k' => 1e3,
        'M' => 1e6,
        'G' => 1e9,
        'T' => 1e12,
        'P' => 1e15,
        'E' => 1e18,
        _ => null,
    };

    /// <summary>Status bits in words.</summary>
    public static string StatusText(int bits) =>
        bits == 0 ? "OK" : string.Join(", ", StatusWords.Where((_, bit) => (bits & (1 << bit)) != 0));

    /// <summary>What a variable type means and its unit; null when this page does not know it.</summary>
    public static (string Name, string Unit)? Meaning(string type) => type switch
    {
        "aa" => ("unknown", ""),
        "ab" => ("WE vs RE potential", "V"),
        "ac" => ("CE vs GND potential", "V"),
        "ad" => ("SE vs GND potential", "V"),
        "ae" => ("RE vs GND potential", "V"),
        "af" => ("WE vs GND potential", "V"),
        "ag" => ("WE vs CE potential", "V"),
        "ba" => ("WE current", "A"),
        "ca" => ("phase", "degree"),
        "cb" => ("impedance", "ohm"),
        "cc" => ("real impedance", "ohm"),
        "cd" => ("imaginary impedance", "ohm"),
        "ce" => ("EIS potential, time domain", "V"),
        "cf" => ("EIS current, time domain", "A"),
        "cg" => ("EIS sampling frequency", "Hz"),
        "ch" => ("EIS potential AC", "V rms"),
        "ci" => ("EIS potential DC", "V"),
        "cj" => ("EIS current AC", "A rms"),
        "ck" => ("EIS current DC", "A"),
        "da" => ("set potential", "V"),
        "db" => ("set current", "A"),
        "dc" => ("set frequency", "Hz"),
        "dd" => ("set AC amplitude", "V rms"),
        "ea" => ("channel", ""),
        "eb" => ("time", "s"),
        "ec" => ("pin mask", ""),
        "ed" => ("temperature", "degree Celsius"),
        "ee" => ("count", ""),
        _ when type.Length == 2 && type[0] == 'a' && type[1] is >= 's' and <= 'z' => ($"AIN{type[1] - 's'} potential", "V"),
        _ when type.Length == 2 && type[0] == 'h' && type[1] is >= 'a' and <= 'd' => ($"generic current {type[1] - 'a' + 1}", "A"),
        _ when type.Length == 2 && type[0] == 'i' && type[1] is >= 'a' and <= 'd' => ($"generic potential {type[1] - 'a' + 1}", "V"),
        _ when type.Length == 2 && type[0] == 'j' && type[1] is >= 'a' and <= 'd' => ($"generic value {type[1] - 'a' + 1}", ""),
        _ => null,
    };

    private static MethodScriptVariable? Variable(string part, out string why)
    {
        why = $"\"{(part.Length > 20 ? part[..20] + "…" : part)}\" is no variable: two letters, seven hex digits and an SI prefix are needed";
        var fields = part.Split(',');
        var head = fields[0];
        if (head.Length != 2 + ValueLength + 1 || !char.IsAsciiLetterLower(head[0]) || !char.IsAsciiLetterLower(head[1]))
            return null;
        var digits = head.AsSpan(2, ValueLength);
        double value;
        // "     nan" fills digits and prefix.
        if (head.AsSpan(2).TrimStart().SequenceEqual("nan"))
            value = double.NaN;
        else if (int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var raw) && Factor(head[^1]) is { } factor)
            value = factor < 1 ? (raw - Offset) / (1 / factor) : (raw - Offset) * factor;
        else
            return null;
        if (Metadata(fields, out why) is not { } meta)
            return null;
        return new MethodScriptVariable(head[..2], value, meta.Status, meta.Range);
    }

    // Each piece is a digit that says what it is, then hex: 1 status, 2 range. Others exist in newer firmware and are passed over.
    private static (int? Status, int? Range)? Metadata(string[] fields, out string why)
    {
        why = "";
        (int? Status, int? Range) meta = default;
        foreach (var field in fields.AsSpan(1))
        {
            if (field.Length is < 2 or > 8 || !int.TryParse(field.AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                why = $"\"{(field.Length > 20 ? field[..20] + "…" : field)}\" is no metadata: a digit and hex are needed";
                return null;
            }
            meta = field[0] switch { '1' => (value, meta.Range), '2' => (meta.Status, value), _ => meta };
        }
        return meta;
    }
}
