namespace BattKomp.Lab.Server.Features.Usage;

/// <summary>The account of use, as settings (<c>Usage:SettleDays</c> and so on).</summary>
public sealed class UsageOptions
{
    /// <summary>Days after a month's end until it is closed for good: runs become final and bookings settle meanwhile.</summary>
    public int SettleDays { get; set; } = 3;

    /// <summary>Bookings that a published row must have at least.</summary>
    public int LeastBookings { get; set; } = 5;

    /// <summary>Percent of a lab's yearly capacity that economic activity may take.</summary>
    public double EconomicCeilingPercent { get; set; } = 20;

    /// <summary>Every mistake at once, each naming the setting and the remedy.</summary>
    public IEnumerable<string> Mistakes()
    {
        if (SettleDays is < 0 or > 28) yield return $"Usage:SettleDays is {SettleDays}: use 0 to 28.";
        if (LeastBookings is < 3 or > 1000) yield return $"Usage:LeastBookings is {LeastBookings}: use 3 to 1000; with fewer a row tells of single bookings.";
        if (!(EconomicCeilingPercent is > 0 and <= 100)) yield return $"Usage:EconomicCeilingPercent is {EconomicCeilingPercent}: use more than 0, at most 100.";
    }
}
