namespace BattKomp.Lab.Domain.Usage;

/// <summary>One cell of a table of counts and amounts, or several merged.</summary>
/// <param name="Values">One code a dimension; <see cref="SmallCells.Several"/> where merged cells differ.</param>
/// <param name="Count">Bookings or signals in it.</param>
/// <param name="Amounts">Sums, e.g. channel-hours, in the table's own order.</param>
public sealed record TableCell(IReadOnlyList<string> Values, int Count, IReadOnlyList<double> Amounts)
{
    /// <summary>The cells that were merged into it; itself when none were.</summary>
    public IReadOnlyList<TableCell> Members { get; init; } = [];
}

/// <summary>
/// Makes a table that may be published. A cell with few bookings is merged with the most similar one until it has enough, so that what is published is a
/// partition of all bookings into groups of at least that many: rows add up to the whole, and no sum or difference of rows can single out anything
/// smaller than a row. (Blanking cells beside published margins needs a proof for every margin; a partition needs none.) Pure.
/// </summary>
public static class SmallCells
{
    /// <summary>Stands where merged cells differ.</summary>
    public const string Several = "*";

    /// <summary>Merges until every row has <paramref name="least"/>. With fewer altogether nothing can be published: no rows.</summary>
    /// <param name="cells">Each combination of values once; empty ones are left out.</param>
    /// <param name="weights">What it costs to lose each dimension in a merge: the cheapest merge is made first.</param>
    /// <param name="least">Bookings that a row must have.</param>
    /// <exception cref="ArgumentException">A combination comes twice, or a count is negative.</exception>
    public static IReadOnlyList<TableCell> Merge(IReadOnlyList<TableCell> cells, IReadOnlyList<int> weights, int least)
    {
        if (cells.FirstOrDefault(c => c.Count < 0 || c.Values.Count != weights.Count) is { } wrong)
            throw new ArgumentException($"The cell {string.Join('|', wrong.Values)} has {wrong.Count} bookings and {wrong.Values.Count} of {weights.Count} dimensions.", nameof(cells));
        if (cells.Select(Key).Distinct(StringComparer.Ordinal).Count() < cells.Count) throw new ArgumentException("A combination of values comes twice.", nameof(cells));
        // A cell of nothing but amounts would be a group of no bookings; it is merged like a small one.
        var groups = cells.Where(c => c.Count > 0 || c.Amounts.Any(a => a != 0)).OrderBy(Key, StringComparer.Ordinal).Select(c => c with { Members = [c] }).ToList();
        while (Smallest(groups, least) is { } small)
        {
            groups.Remove(small);
            if (groups.Count == 0) return [];
            var partner = groups.MinBy(g => (Cost(small, g, weights), g.Count, Key(g)))!;
            groups.Remove(partner);
            groups.Add(Union(small, partner));
        }
        return [.. groups.OrderBy(Key, StringComparer.Ordinal)];
    }

    private static TableCell? Smallest(List<TableCell> groups, int least) => groups.Where(g => g.Count < least).MinBy(g => (g.Count, Key(g)));

    private static int Cost(TableCell a, TableCell b, IReadOnlyList<int> weights)
    {
        var cost = 0;
        for (var i = 0; i < weights.Count; i++)
            if (a.Values[i] != b.Values[i])
                cost += weights[i];
        return cost;
    }

    private static TableCell Union(TableCell a, TableCell b) => new(
        [.. a.Values.Zip(b.Values, (x, y) => x == y ? x : Several)], a.Count + b.Count, [.. a.Amounts.Zip(b.Amounts, (x, y) => x + y)])
    {
        Members = [.. a.Members, .. b.Members],
    };

    private static string Key(TableCell cell) => string.Join('\u001f', cell.Values);
}
