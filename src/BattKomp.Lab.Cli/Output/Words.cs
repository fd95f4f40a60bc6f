using System.Globalization;
using System.Text;

namespace BattKomp.Lab.Cli.Output;

/// <summary>Small pieces of text.</summary>
internal static class Words
{
    /// <summary>An enum value as words: RunningNow → "running now".</summary>
    public static string Of<T>(T value) where T : struct, System.Enum
    {
        var text = new StringBuilder();
        foreach (var c in value.ToString())
        {
            if (char.IsUpper(c) && text.Length > 0) text.Append(' ');
            text.Append(char.ToLowerInvariant(c));
        }
        return text.ToString();
    }

    /// <summary>A number for people: up to six significant digits, point as separator; "–" for no value.</summary>
    public static string Number(double value) => double.IsNaN(value) ? "–" : value.ToString("G6", CultureInfo.InvariantCulture);

    /// <summary>"1 rig", "2 rigs".</summary>
    public static string Count(long n, string one) => n == 1 ? $"1 {one}" : $"{n.ToString(CultureInfo.InvariantCulture)} {one}s";

    /// <summary>Bytes for people.</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        < 1000 => $"{bytes} B",
        < 1_000_000 => $"{Number(Math.Round(bytes / 1e3, 1))} kB",
        < 1_000_000_000 => $"{Number(Math.Round(bytes / 1e6, 1))} MB",
        _ => $"{Number(Math.Round(bytes / 1e9, 2))} GB",
    };
}
