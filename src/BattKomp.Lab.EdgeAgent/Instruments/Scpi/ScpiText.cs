using System.Globalization;
using System.Text;
using BattKomp.Lab.EdgeAgent.Instruments.Captures;

namespace BattKomp.Lab.EdgeAgent.Instruments.Scpi;

/// <summary>Reading what ASCII instruments print, pure. Nothing throws on any input.</summary>
public static class ScpiText
{
    private static readonly string[] Units = ["A", "V", "W", "OHM", "SIE", "HZ", "S", "AH", "WH", "%", "MA", "MV"];

    /// <summary>
    /// A header in the short form that every spelling of it has: <c>:MEASure:VOLTage:DC?</c> → <c>MEAS:VOLT?</c>. Nodes that SCPI lets a sender leave out
    /// (SOURce, LEVel, IMMediate, AMPLitude, SCALar, DC, NEXT, a STATe at the end) are dropped.
    /// </summary>
    public static string Header(string header)
    {
        var query = header.EndsWith('?');
        var nodes = header.TrimEnd('?').Trim().Trim(':').ToUpperInvariant().Split(':');
        var short_ = new StringBuilder();
        for (var k = 0; k < nodes.Length; k++)
        {
            var node = Short(nodes[k]);
            if ((node is "SOUR" or "LEV" or "IMM" or "AMPL" or "SCAL" or "DC" or "NEXT" && nodes.Length > 1) || (node == "STAT" && k > 0 && k == nodes.Length - 1))
                continue;
            short_.Append(short_.Length > 0 ? ":" : "").Append(node);
        }
        return query ? short_.Append('?').ToString() : short_.ToString();
    }

    /// <summary>A number, with an unit behind it or an echo of the header before it ("A 10.5W", "3.14V", "VOLT 1.0"); null when there is none.</summary>
    public static double? Number(string reply) => Measure(reply)?.Value;

    /// <summary>A number and the unit that was printed with it ("" = none).</summary>
    public static (double Value, string Unit)? Measure(string reply)
    {
        var text = reply.AsSpan().Trim();
        if (text.Length is 0 or > 64)
            return null;
        if (Unit(text) is { } plain)
            return plain;
        var blank = text.LastIndexOf(' ');
        // The unit may stand apart: "12.34 V"; or the header leads: "A 10.5W".
        return blank > 0 && Array.IndexOf(Units, text[(blank + 1)..].ToString().ToUpperInvariant()) >= 0 && Unit(text[..blank]) is { } apart
            ? (apart.Value, text[(blank + 1)..].ToString().ToUpperInvariant())
            : blank > 0 && IsHeader(text[..blank]) ? Unit(text[(blank + 1)..]) : null;
    }

    /// <summary>0, 1, ON or OFF, with or without an echoed header; null when it is none of them.</summary>
    public static bool? Flag(string reply)
    {
        var text = reply.AsSpan().Trim();
        var word = text[(text.LastIndexOf(' ') + 1)..];
        return word.Equals("ON", StringComparison.OrdinalIgnoreCase) || word is "1" ? true
            : word.Equals("OFF", StringComparison.OrdinalIgnoreCase) || word is "0" ? false
            : null;
    }

    /// <summary>An entry of the error queue: <c>-113,"Undefined header"</c>; null when it is none.</summary>
    public static (int Code, string Text)? Error(string reply)
    {
        var comma = reply.IndexOf(',', StringComparison.Ordinal);
        if (comma < 0 || !int.TryParse(reply.AsSpan(0, comma).Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var code))
            return null;
        return (code, reply[(comma + 1)..].Trim().Trim('"'));
    }

    /// <summary>True for a line that only has characters that an ASCII instrument sends.</summary>
    public static bool IsText(string line) => line.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0;

    // SCPI's own rule: four letters, three when the fourth is a vowel; digits behind stay.
    private static string Short(string node)
    {
        var letters = node.AsSpan().TrimEnd("0123456789");
        if (letters.Length <= 4)
            return node;
        var keep = letters[3] is 'A' or 'E' or 'I' or 'O' or 'U' ? 3 : 4;
        return string.Concat(letters[..keep], node.AsSpan(letters.Length));
    }

    private static (double Value, string Unit)? Unit(ReadOnlySpan<char> text)
    {
        if (Frame.Number(text.ToString()) is { } plain)
            return (plain, "");
        var end = text.LastIndexOfAnyInRange('0', '9') + 1;
        var unit = text[end..].TrimStart('.').Trim().ToString().ToUpperInvariant();
        return end > 0 && Array.IndexOf(Units, unit) >= 0 && Frame.Number(text[..end].ToString()) is { } value ? (value, unit) : null;
    }

    private static bool IsHeader(ReadOnlySpan<char> text) => text.Length <= 20 && char.IsAsciiLetter(text[0]) && text.IndexOf(' ') < 0;
}
