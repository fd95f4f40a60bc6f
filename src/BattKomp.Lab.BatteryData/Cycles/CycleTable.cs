using System.Text.Json;

namespace BattKomp.Lab.BatteryData;

/// <summary>Charge, energy and efficiency per cycle.</summary>
public static class CycleTable
{
    /// <summary>The cycles in order of first appearance; a cycle number that comes back is the same cycle.</summary>
    /// <exception cref="BatteryDataException">A needed column is missing or a cycle count is no whole number.</exception>
    public static IReadOnlyList<CycleRow> Compute(RecordTable table) => FromSteps(StepTable.Compute(table));

    /// <summary>The cycles that these steps make up.</summary>
    public static IReadOnlyList<CycleRow> FromSteps(IReadOnlyList<StepRow> steps) =>
        [.. steps.GroupBy(s => s.CycleCount).Select(g => Sum(g.Key, [.. g]))];

    /// <summary>The rows as a JSON array of exactly the eight published fields.</summary>
    public static string ToJson(IReadOnlyList<CycleRow> rows) => JsonSerializer.Serialize(rows);

    private static CycleRow Sum(long cycle, StepRow[] steps)
    {
        var capacity = steps.Aggregate(TwoWay.Zero, (sum, s) => sum + s.IntegralCapacity);
        var counter = SumKnown(steps, s => s.CounterCapacity);
        var difference = Agreement.Compare(counter, capacity);
        return new CycleRow
        {
            CycleCount = cycle,
            IntegralCapacity = capacity,
            IntegralEnergy = steps.Aggregate(TwoWay.Zero, (sum, s) => sum + s.IntegralEnergy),
            CounterCapacity = counter,
            CounterEnergy = SumKnown(steps, s => s.CounterEnergy),
            Agreement = difference,
            Flag = Agreement.Judge(difference, steps.Any(s => s.HoldsVoltage), counter is not null),
        };
    }

    private static TwoWay? SumKnown(StepRow[] steps, Func<StepRow, TwoWay?> counter) =>
        steps.All(s => counter(s) is not null) ? steps.Aggregate(TwoWay.Zero, (sum, s) => sum + counter(s)!.Value) : null;
}
