using System.Text;
using BattKomp.Lab.Server.Platform.Errors;

namespace BattKomp.Lab.Server.Platform;

/// <summary>Opaque page tokens over a sort key: a page starts after the last key of the one before.</summary>
public static class Paging
{
    /// <summary>The page size asked for, bounded; 0 = the default.</summary>
    /// <exception cref="LabException">FIELDS_INVALID when negative.</exception>
    public static int Size(int asked, int standard, int most) => asked switch
    {
        < 0 => throw LabErrors.FieldsInvalid([("page_size", $"is {asked}; use 0 for the default ({standard}) or 1 to {most}.")]),
        0 => standard,
        _ => Math.Min(asked, most),
    };

    /// <summary>The token that continues after <paramref name="key"/>.</summary>
    public static string Token(string key) => Convert.ToBase64String(Encoding.UTF8.GetBytes("1" + key)).Replace('+', '-').Replace('/', '_').TrimEnd('=');

    /// <summary>The key a token continues after; empty for the first page.</summary>
    /// <exception cref="LabException">FIELDS_INVALID when the token is not one of ours.</exception>
    public static string After(string token)
    {
        if (token.Length == 0) return "";
        try
        {
            var base64 = token.Replace('-', '+').Replace('_', '/');
            var text = Encoding.UTF8.GetString(Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '=')));
            if (text.Length > 1 && text[0] == '1') return text[1..];
        }
        catch (FormatException)
        {
            // Falls through to the one refusal below.
        }
        throw LabErrors.FieldsInvalid([("page_token", "was not issued by this service; start again without one.")]);
    }

    /// <summary>For pages counted from the start: how many were told already.</summary>
    /// <exception cref="LabException">FIELDS_INVALID when the token is not one of ours.</exception>
    public static int Count(string token)
    {
        var after = After(token);
        if (after.Length == 0) return 0;
        return int.TryParse(after, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var told)
            ? told
            : throw LabErrors.FieldsInvalid([("page_token", "was not issued by this service; start again without one.")]);
    }

    /// <summary>Cuts a page out of rows in order of <paramref name="key"/>; the token is empty on the last page.</summary>
    public static (List<T> Page, string Next) Cut<T>(IEnumerable<T> ordered, Func<T, string> key, int size, string after)
    {
        var rest = ordered.Where(t => string.CompareOrdinal(key(t), after) > 0).Take(size + 1).ToList();
        return rest.Count <= size ? (rest, "") : (rest[..size], Token(key(rest[size - 1])));
    }
}
