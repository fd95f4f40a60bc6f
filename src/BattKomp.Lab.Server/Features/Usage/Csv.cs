using System.Globalization;
using System.Text;

namespace BattKomp.Lab.Server.Features.Usage;

/// <summary>RFC 4180 in its plainest form: comma, quotes where needed, CRLF, a header.</summary>
public static class Csv
{
    /// <summary>Header and rows as text.</summary>
    public static string Write(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        var text = new StringBuilder();
        foreach (var row in rows.Prepend(columns)) text.AppendJoin(',', row.Select(Field)).Append("\r\n");
        return text.ToString();
    }

    /// <summary>The rows of a text that <see cref="Write"/> made, by column.</summary>
    public static IReadOnlyList<IReadOnlyDictionary<string, string>> Read(string text)
    {
        var rows = Rows(text);
        return [.. rows.Skip(1).Select(row => rows[0].Zip(row).ToDictionary(p => p.First, p => p.Second))];
    }

    /// <summary>Hours and other amounts: point, at most three digits behind it.</summary>
    public static string Number(double value) => Math.Round(value, 3).ToString("0.###", CultureInfo.InvariantCulture);

    private static string Field(string value) => value.AsSpan().IndexOfAny(",\"\r\n") < 0 ? value : $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static List<List<string>> Rows(string text)
    {
        var (rows, row, field, quoted) = (new List<List<string>>(), new List<string>(), new StringBuilder(), false);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '"' && quoted && i + 1 < text.Length && text[i + 1] == '"') field.Append(text[++i]);
            else if (c == '"') quoted = !quoted;
            else if (quoted || c is not (',' or '\r' or '\n')) field.Append(c);
            else if (c != '\r')
            {
                row.Add(field.ToString());
                field.Clear();
                if (c == ',') continue;
                rows.Add(row);
                row = [];
            }
        }
        return rows;
    }
}
