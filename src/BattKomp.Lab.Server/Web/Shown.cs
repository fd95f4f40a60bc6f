using System.Text;

namespace BattKomp.Lab.Server.Web;

/// <summary>Small pieces of text.</summary>
internal static class Shown
{
    /// <summary>An enum value as words: RunningNow → "running now".</summary>
    public static string Words<T>(T value) where T : struct, Enum
    {
        var text = new StringBuilder();
        foreach (var c in value.ToString())
        {
            if (char.IsUpper(c) && text.Length > 0) text.Append(' ');
            text.Append(char.ToLowerInvariant(c));
        }
        return text.ToString();
    }
}
