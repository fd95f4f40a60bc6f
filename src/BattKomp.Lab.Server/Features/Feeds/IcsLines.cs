using System.Text;

namespace BattKomp.Lab.Server.Features.Feeds;

/// <summary>
/// Line folding of RFC 5545 §3.1. Ical.Net 5.2.4 counts UTF-16 units and cuts a character beyond them in half, which UTF-8 then turns into two
/// question marks; here a line is cut between characters only, at 75 octets.
/// </summary>
public static class IcsLines
{
    private const int MostOctets = 75;

    /// <summary>The same text, folded anew.</summary>
    public static string Refold(string ics)
    {
        var lines = ics.Replace("\r\n ", "", StringComparison.Ordinal);
        var folded = new StringBuilder(ics.Length + 64);
        var octets = 0;
        foreach (var rune in lines.EnumerateRunes())
        {
            if (rune.Value is '\r' or '\n') octets = 0;
            else if (octets + rune.Utf8SequenceLength > MostOctets)
            {
                folded.Append("\r\n ");
                octets = 1 + rune.Utf8SequenceLength;
            }
            else octets += rune.Utf8SequenceLength;
            folded.Append(rune.ToString());
        }
        return folded.ToString();
    }
}
