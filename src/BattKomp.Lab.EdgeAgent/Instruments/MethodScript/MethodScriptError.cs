using System.Globalization;

namespace BattKomp.Lab.EdgeAgent.Instruments.MethodScript;

/// <summary>An error line: <c>!4001: Line 4, Col 5</c>, also glued to the letter of the command it answers (<c>e!4001</c>).</summary>
/// <param name="Code">Four hex digits.</param>
/// <param name="Meaning">The group of the code in words.</param>
/// <param name="Where">What followed the code, e.g. "Line 4, Col 5".</param>
public readonly record struct MethodScriptError(string Code, string Meaning, string Where)
{
    /// <summary>Reads an error line; null when it is none. Never throws.</summary>
    public static MethodScriptError? TryRead(string line)
    {
        var at = line.IndexOf('!', StringComparison.Ordinal);
        if (at is < 0 or > 1 || line.Length < at + 5)
            return null;
        var digits = line.AsSpan(at + 1, 4);
        if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            return null;
        return new MethodScriptError(digits.ToString(), Group(code), line[(at + 5)..].TrimStart(':', ' '));
    }

    // Only the groups: the lists of single codes differ between firmware versions.
    private static string Group(int code) => (code >> 12) switch
    {
        0x0 => "the command or register is not known or not allowed",
        0x1 => "the measurement settings are not valid",
        0x4 => "the script is not valid or cannot be carried out",
        0x7 => "the hardware failed",
        0x8 => "the storage failed",
        _ => "a device error",
    };
}
