using System.Globalization;
using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Usage;
using BattKomp.Lab.V1;
using LabProto = BattKomp.Lab.V1.Lab;
using Row = System.Collections.Generic.IReadOnlyDictionary<string, string>;

namespace BattKomp.Lab.Server.Features.Usage;

/// <summary>
/// A lab's economic share of a year out of published rows, month by month. A row counts for certain when its lab, class and months are the ones asked
/// for; one that was merged beyond them may count; while a month waits to be told there is no upper bound.
/// </summary>
internal sealed class EconomicReckoning(EconomicShare share, LabProto lab)
{
    private const string Economic = "economic";
    private readonly HashSet<string> _waiting = [];
    private readonly string _year = $"{share.Year:D4}-";
    private double _atMost;

    /// <summary>Adds a month, in order; false when no later one can matter.</summary>
    internal bool Add(UsageSnapshot snapshot)
    {
        var month = ResourceNames.LastId(snapshot.Name);
        var within = month.StartsWith(_year, StringComparison.Ordinal);
        if (!within && _waiting.Count == 0) return false;
        if (within)
        {
            share.Months.Add(month);
            share.CapacityHours += Rows(snapshot, UsageTables.CapacityFile).Where(r => r["lab"] == lab.Name).Sum(r => Number(r["capacity_hours"]));
        }
        _waiting.Clear();
        foreach (var row in Rows(snapshot, UsageTables.UsageFile).Where(r => within || string.CompareOrdinal(r["since"], $"{share.Year + 1:D4}-01") < 0)) Add(row, within);
        return true;
    }

    /// <summary>The share with its verdict.</summary>
    internal EconomicShare Judged()
    {
        if (_waiting.Count == 0) share.EconomicHoursAtMost = _atMost;
        if (share.CapacityHours <= 0) return share;
        share.ShareAtLeast = share.EconomicHoursAtLeast / share.CapacityHours;
        if (share.HasEconomicHoursAtMost) share.ShareAtMost = share.EconomicHoursAtMost / share.CapacityHours;
        share.Verdict = share.ShareAtLeast > share.Ceiling ? EconomicShare.Types.Verdict.Above
            : share.HasShareAtMost && share.ShareAtMost <= share.Ceiling ? EconomicShare.Types.Verdict.Within
            : EconomicShare.Types.Verdict.Undecided;
        return share;
    }

    private void Add(Row row, bool within)
    {
        if (row["bookings"].Length == 0)
        {
            _waiting.Add(row["visibility"]);
            return;
        }
        if (!May(row, "lab", lab.Name) || !May(row, "county", lab.County) || !May(row, "activity_class", Economic)) return;
        var hours = Number(row["booked_hours"]);
        _atMost += hours;
        if (within && row["since"].StartsWith(_year, StringComparison.Ordinal) && row["lab"] == lab.Name && row["activity_class"] == Economic) share.EconomicHoursAtLeast += hours;
    }

    private static IReadOnlyList<Row> Rows(UsageSnapshot month, string file) => Csv.Read(month.Files.Single(f => f.Name == file).Text);

    private static bool May(Row row, string column, string value) => row[column] == value || row[column] == SmallCells.Several;

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
