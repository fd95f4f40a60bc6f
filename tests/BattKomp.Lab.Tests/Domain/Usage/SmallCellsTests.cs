using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.Domain.Usage;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Usage;

public sealed class SmallCellsTests
{
    private const int Least = 5;
    private static readonly int[] Weights = [1, 2, 4];

    // Three dimensions of three codes, counts around the limit, hours as sixteenths so that sums are exact.
    private static readonly Gen<IReadOnlyList<TableCell>> AnyTable =
        Gen.Select(Gen.Int[0, 26], Gen.OneOf(Gen.Int[0, 6], Gen.Int[1, 40]), Gen.Int[0, 1000]).Array[0, 27].Select(rows => (IReadOnlyList<TableCell>)
            [.. rows.DistinctBy(r => r.Item1).Select(r => Cell(r.Item2, r.Item2 == 0 ? 0 : r.Item3 / 16.0, $"{(char)('a' + r.Item1 % 3)}", $"{(char)('k' + r.Item1 / 3 % 3)}", $"{(char)('x' + r.Item1 / 9)}"))]);

    [Fact]
    public void A_small_cell_is_merged_with_the_one_most_like_it_and_what_differs_is_told_as_several()
    {
        var merged = SmallCells.Merge([Cell(9, 90, "uni", "cells", "research"), Cell(2, 20, "firm", "cells", "research"), Cell(30, 300, "uni", "cells", "economic")], Weights, Least);
        Assert.Equal(["*|cells|research 11 110", "uni|cells|economic 30 300"], merged.Select(Text));
    }

    [Fact]
    public void With_too_few_altogether_nothing_is_published() =>
        Assert.Empty(SmallCells.Merge([Cell(2, 1, "a", "b", "c"), Cell(2, 1, "d", "e", "f")], Weights, Least));

    [Fact]
    public void Rows_add_up_each_has_enough_and_every_cell_is_in_exactly_one() => AnyTable.Sample(cells =>
    {
        var rows = SmallCells.Merge(cells, Weights, Least);
        if (cells.Sum(c => c.Count) < Least)
        {
            Assert.Empty(rows);
            return;
        }
        Assert.All(rows, r => Assert.True(r.Count >= Least));
        Assert.Equal((cells.Sum(c => c.Count), cells.Sum(c => c.Amounts[0])), (rows.Sum(r => r.Count), rows.Sum(r => r.Amounts[0])));
        Assert.Equal(cells.Where(c => c.Count > 0).Select(Text).Order(), rows.SelectMany(r => r.Members).Select(Text).Order());
        Assert.All(rows, r => Assert.All(r.Members, m => Assert.All(r.Values.Zip(m.Values), p => Assert.True(p.First == p.Second || p.First == SmallCells.Several))));
        Assert.All(rows.Where(r => r.Members.Count == 1), r => Assert.Equal(r.Values, r.Members[0].Values));
    });

    // The attack: an outsider has every row and may add and subtract as they like. A cell can be had exactly if its indicator lies in the row space.
    [Fact]
    public void No_sum_or_difference_of_rows_gives_a_small_cell_or_a_small_group_away() => AnyTable.Sample(cells =>
    {
        var known = cells.Where(c => c.Count > 0).ToList();
        var rows = SmallCells.Merge(cells, Weights, Least).Select(r => known.Select(c => r.Members.Any(m => ReferenceEquals(m.Values, c.Values)) ? 1.0 : 0.0).ToArray()).ToList();
        foreach (var (cell, i) in known.Select((c, i) => (c, i)).Where(p => p.c.Count < Least))
        {
            Assert.False(InSpan(rows, [.. known.Select((_, j) => j == i ? 1.0 : 0.0)]), Text(cell));
            // Nor together with any other, while the two are few.
            foreach (var (other, k) in known.Select((c, k) => (c, k)).Where(p => p.k != i && p.c.Count + cell.Count < Least))
                Assert.False(InSpan(rows, [.. known.Select((_, j) => j == i || j == k ? 1.0 : 0.0)]), $"{Text(cell)} and {Text(other)}");
        }
    }, iter: 1000);

    [Fact]
    public void The_order_of_cells_changes_nothing() => Gen.Select(AnyTable, Gen.Int[0, 999]).Sample((cells, seed) =>
        Assert.Equal(SmallCells.Merge(cells, Weights, Least).Select(Text), SmallCells.Merge([.. cells.OrderBy(_ => new Random(seed).Next())], Weights, Least).Select(Text)));

    [Fact]
    public void A_table_that_is_none_is_refused()
    {
        foreach (var wrong in new[] { new[] { Cell(1, 1, "a", "b") }, [Cell(-1, 1, "a", "b", "c")], [Cell(1, 1, "a", "b", "c"), Cell(1, 1, "a", "b", "c")] })
            Assert.Throws<ArgumentException>(() => SmallCells.Merge(wrong, Weights, Least));
    }

    [Fact]
    public void Hours_count_once_and_only_within_the_bounds() => Gen.Select(Gen.Int[0, 90], Gen.Int[1, 30]).Array[0, 8].Sample(pieces =>
    {
        Instant At(int hour) => Instant.FromUnixTimeSeconds(3600L * hour);
        var windows = pieces.Select(p => new TimeWindow(At(p.Item1), At(p.Item1 + p.Item2))).ToList();
        var bounds = new TimeWindow(At(20), At(80));
        Assert.Equal(Enumerable.Range(20, 60).Count(h => windows.Exists(w => w.Contains(At(h)))), windows.Hours(bounds), 9);
        var left = bounds.Without(windows);
        Assert.Equal(Enumerable.Range(20, 60).Where(h => !windows.Exists(w => w.Contains(At(h)))), left.SelectMany(p => Enumerable.Range(0, 200).Where(h => p.Contains(At(h)))));
        Assert.All(left.Zip(left.Skip(1)), p => Assert.True(p.First.End < p.Second.Start));
    });

    private static TableCell Cell(int count, double hours, params string[] values) => new(values, count, [hours]);

    private static string Text(TableCell c) => FormattableString.Invariant($"{string.Join('|', c.Values)} {c.Count} {c.Amounts[0]}");

    // Gauss: the target is in the span of the rows when reducing it leaves nothing.
    private static bool InSpan(List<double[]> rows, double[] target)
    {
        var basis = new List<(int Pivot, double[] Row)>();
        foreach (var row in rows)
        {
            var rest = Reduce(basis, row);
            if (Array.FindIndex(rest, v => Math.Abs(v) > 1e-9) is var pivot and >= 0) basis.Add((pivot, rest));
        }
        return Array.TrueForAll(Reduce(basis, target), v => Math.Abs(v) < 1e-9);
    }

    private static double[] Reduce(List<(int Pivot, double[] Row)> basis, double[] row)
    {
        var rest = (double[])row.Clone();
        foreach (var (pivot, known) in basis)
        {
            var times = rest[pivot] / known[pivot];
            for (var i = 0; i < rest.Length; i++) rest[i] -= times * known[i];
        }
        return rest;
    }
}
