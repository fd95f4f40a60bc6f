using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Usage;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.V1;
using NodaTime;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Usage;

/// <summary>Everything that one month's account is made of; or several months', where earlier ones had too little to be told.</summary>
internal sealed record MonthFacts
{
    /// <summary>The first month, on each lab's own wall clock.</summary>
    public required YearMonth Since { get; init; }

    /// <summary>The month that is closed, the last one.</summary>
    public required YearMonth Month { get; init; }

    public required CatalogueSnapshot Catalogue { get; init; }

    /// <summary>From the first day of the first month to the last of the last, by lab.</summary>
    public required IReadOnlyDictionary<string, TimeWindow> Windows { get; init; }

    public required IReadOnlyList<UsedTime> Used { get; init; }

    /// <summary>By booking.</summary>
    public required ILookup<string, RunTime> Runs { get; init; }

    /// <summary>By rig.</summary>
    public required ILookup<string, TimeWindow> Locked { get; init; }

    /// <summary>Logged by the lab, by booking.</summary>
    public required ILookup<string, TimeWindow> Lost { get; init; }

    public required IReadOnlyList<OutageTime> Outages { get; init; }

    public required IReadOnlyList<UnmetWish> Unmet { get; init; }

    /// <summary>Open stretches of the month by rig.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<TimeWindow>> Open { get; init; }

    /// <summary>Bookings or wishes that a row must have.</summary>
    public required int Least { get; init; }
}

/// <summary>The files of a month. Pure: the same facts give the same bytes.</summary>
internal static class UsageTables
{
    internal const string UsageFile = "usage.csv";
    internal const string CapacityFile = "capacity.csv";
    internal const string UnmetFile = "unmet.csv";
    internal const string DictionaryFile = "dictionary.csv";
    internal const string Withheld = "withheld";

    // What it costs to lose a dimension in a merge: the owner goes first, what is economic stays longest (the yearly share is told from these rows).
    private static readonly int[] UsageWeights = [8, 16, 2, 4, 32, 1];
    private static readonly int[] UnmetWeights = [4, 16, 1, 2, 8];

    /// <summary>The tables that wait for more when they have too little, each by itself.</summary>
    internal static readonly IReadOnlyList<string> Kinds = [Open, Restricted, Unmet];

    private const string Open = "open";
    private const string Restricted = "restricted";
    private const string Unmet = "unmet";

    /// <summary>The files, from the facts of each kind; they differ in their first month only.</summary>
    internal static IReadOnlyDictionary<string, string> Of(IReadOnlyDictionary<string, MonthFacts> facts, MonthFacts month) => new Dictionary<string, string>
    {
        // Open and restricted bookings are never merged: everyone may read the open ones in the calendar, and would be left with the others.
        [UsageFile] = Csv.Write(UsageDictionary.Columns(UsageFile), [.. UsageRows(facts[Open], Open), .. UsageRows(facts[Restricted], Restricted)]),
        [CapacityFile] = Csv.Write(UsageDictionary.Columns(CapacityFile), CapacityRows(month)),
        [UnmetFile] = Csv.Write(UsageDictionary.Columns(UnmetFile), Rows(facts[Unmet], [], [.. facts[Unmet].Unmet.Select(w => Part(facts[Unmet], w))], UnmetWeights)),
        [DictionaryFile] = UsageDictionary.Text(month.Least),
    };

    /// <summary>True when the files say that a kind had too little: its bookings or wishes are told with a later month.</summary>
    internal static bool Waits(IReadOnlyDictionary<string, string> files, string kind) => kind == Unmet
        ? Csv.Read(files[UnmetFile]).Any(r => r["signals"].Length == 0)
        : Csv.Read(files[UsageFile]).Any(r => r["visibility"] == kind && r["bookings"].Length == 0);

    private static string Name(YearMonth month) => $"{month.Year:D4}-{month.Month:D2}";

    private static IEnumerable<IReadOnlyList<string>> UsageRows(MonthFacts facts, string kind) =>
        Rows(facts, [kind], [.. facts.Used.Where(u => u.Restricted == (kind == Restricted)).SelectMany(u => Parts(facts, u))], UsageWeights);

    private static IEnumerable<IReadOnlyList<string>> Rows(MonthFacts facts, string[] head, IReadOnlyList<TableCell> parts, int[] weights)
    {
        string[] start = [Name(facts.Month), Name(facts.Since), .. head];
        var rows = SmallCells.Merge(Cells(parts), weights, facts.Least);
        // That there was something is no secret (the calendar shows that time is taken); what it was is told once there is enough.
        if (rows.Count == 0 && parts.Count > 0) return [[.. start, .. weights.Select(_ => SmallCells.Several), "", .. parts[0].Amounts.Select(_ => "")]];
        return rows.Select(row => (IReadOnlyList<string>)[.. start, .. row.Values, $"{row.Count}", .. row.Amounts.Select(Csv.Number)]);
    }

    private static IReadOnlyList<TableCell> Cells(IEnumerable<TableCell> parts) =>
        [.. parts.GroupBy(p => string.Join('\u001f', p.Values)).Select(g => new TableCell(g.First().Values, g.Sum(p => p.Count), [.. Enumerable.Range(0, g.First().Amounts.Count).Select(i => g.Sum(p => p.Amounts[i]))]))];

    // A booking over rigs of several labs or stages has a part in each; it is counted in the first.
    private static IEnumerable<TableCell> Parts(MonthFacts facts, UsedTime used)
    {
        if (used.Counted is not { } counted) yield break;
        var number = 1;
        var places = used.Channels.GroupBy(c => PlaceOf(facts, used, c)).OrderBy(g => g.Key.Lab, StringComparer.Ordinal).ThenBy(g => g.Key.Stage, StringComparer.Ordinal);
        foreach (var place in places)
        {
            if (!facts.Windows.TryGetValue(place.Key.Lab, out var month) || counted.Within(month) is not { } within) continue;
            var (booked, energised) = (within.Length.TotalHours * place.Count(), place.Sum(c => facts.Runs[used.Booking].Where(r => r.Channel == c).Select(r => r.Window).Hours(within)));
            var lost = used.State is Domain.Bookings.BookingState.NoShow or Domain.Bookings.BookingState.Cancelled ? booked : 0;
            var down = lost > 0 ? 0 : place.Sum(c => facts.Locked[Contracts.ResourceNames.RigOf(c)].Concat(facts.Lost[used.Booking]).Hours(within));
            string[] values = used.Restricted
                ? [place.Key.Lab, CountyOf(facts, place.Key.Lab), Withheld, Withheld, used.ActivityClass, Withheld]
                : [place.Key.Lab, CountyOf(facts, place.Key.Lab), place.Key.Stage, used.EducationLevel, used.ActivityClass, used.Organisation];
            yield return new TableCell(values, number, [booked, energised, lost, down]);
            number = 0;
        }
    }

    private static TableCell Part(MonthFacts facts, UnmetWish wish)
    {
        var lab = wish.Labs.Count > 0 ? wish.Labs[0] : "";
        var stage = wish.Stages.Count > 0 ? wish.Stages[0] : wish.Channels.Count > 0 ? StageOf(facts, wish.Channels[0]) : "";
        return new TableCell([lab, CountyOf(facts, lab), stage, wish.EducationLevel, wish.ActivityClass], 1, [wish.Window.Length.TotalHours * Math.Max(1, wish.Channels.Count)]);
    }

    private static (string Lab, string Stage) PlaceOf(MonthFacts facts, UsedTime used, string channel) =>
        (facts.Catalogue.RigOfChannel(channel)?.Lab ?? "", used.Stages.Count > 0 ? used.Stages[0] : StageOf(facts, channel));

    private static string StageOf(MonthFacts facts, string channel) => facts.Catalogue.RigOfChannel(channel)?.Stages.FirstOrDefault() ?? "";

    private static string CountyOf(MonthFacts facts, string lab) => facts.Catalogue.Lab(lab)?.County ?? "";

    private static IEnumerable<IReadOnlyList<string>> CapacityRows(MonthFacts facts)
    {
        foreach (var rig in facts.Catalogue.Rigs)
        {
            if (!facts.Windows.TryGetValue(rig.Lab, out var month)) continue;
            var open = facts.Open[rig.Name].Select(w => w.Within(month)).OfType<TimeWindow>().ToList();
            var hours = open.Sum(w => w.Length.TotalHours);
            var outage = rig.Channels.Sum(c => Off(facts, rig, c.Name, open));
            yield return
            [
                Name(facts.Month), rig.Lab, CountyOf(facts, rig.Lab), rig.Name, rig.RigKind, string.Join(' ', rig.Stages), $"{rig.Channels.Count}",
                Csv.Number(hours * rig.Channels.Count), Csv.Number(outage), Csv.Number(hours * rig.Channels.Count - outage),
            ];
        }
    }

    // Maintenance while the lab is closed costs nothing.
    private static double Off(MonthFacts facts, Rig rig, string channel, List<TimeWindow> open)
    {
        var off = facts.Outages.Where(o => o.Resources.Contains(channel) || o.Resources.Contains(rig.Name)).Select(o => o.Window).ToList();
        return off.Count == 0 ? 0 : open.Sum(off.Hours);
    }
}
