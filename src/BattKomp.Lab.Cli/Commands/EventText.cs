using System.Globalization;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>One event of a run as a line; what needs an eye stands in capitals.</summary>
internal static class EventText
{
    public static string Of(LoggedEvent e)
    {
        var at = DateTimeOffset.UnixEpoch.AddTicks(e.UtcNs / 100).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        var kind = e.Kind is "ALARM" or "INCIDENT" or "OUTAGE" ? e.Kind : e.Kind.ToLowerInvariant().Replace('_', ' ');
        var step = e.Step > 0 ? $" {e.Step}" : "";
        return string.Join("  ", new[] { at, kind + step, e.Cause, e.Detail }.Where(t => t.Length > 0));
    }
}
