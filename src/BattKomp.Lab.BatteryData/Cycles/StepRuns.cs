namespace BattKomp.Lab.BatteryData;

/// <summary>Where the borders between steps come from.</summary>
public enum StepBorders
{
    /// <summary>The columns cycle_count and step_count: one run per step execution.</summary>
    StepCount,

    /// <summary>cycle_count with step_id or step_type: a step that follows itself within a cycle cannot be told apart.</summary>
    StepIdentity,

    /// <summary>No step column: a border is where the current changes between charging, discharging and none.</summary>
    CurrentDirection,
}

/// <summary>One unbroken run of records of one step in one cycle.</summary>
/// <param name="Start">First record.</param>
/// <param name="End">Record after the last.</param>
/// <param name="Cycle">The tester's cycle number; 1 when the table has none.</param>
/// <param name="ContinuesStep">The same step execution as the run before, cut by a cycle border: step counters go on.</param>
internal sealed record StepRun(int Start, int End, long Cycle, bool ContinuesStep);

/// <summary>Cuts a table into runs. A count that a record does not carry (NaN) is the one of the record before it.</summary>
internal sealed class StepRuns
{
    private StepRuns(IReadOnlyList<StepRun> runs, StepBorders borders)
    {
        Runs = runs;
        Borders = borders;
    }

    public IReadOnlyList<StepRun> Runs { get; }

    public StepBorders Borders { get; }

    public static StepRuns Find(RecordTable table, ReadOnlySpan<double> current)
    {
        var cycle = Filled(table.Numbers("cycle_count"));
        RequireWhole(table, cycle);
        var keys = StepKeys(table, current, out var borders);
        var runs = new List<StepRun>();
        var start = 0;
        for (var i = 1; i <= table.Count; i++)
        {
            if (i < table.Count && SameCycle(i) && keys[i] == keys[i - 1]) continue;
            var number = cycle is null ? 1 : (long)cycle[start];
            var continues = start > 0 && borders == StepBorders.StepCount && keys[start] == keys[start - 1];
            runs.Add(new StepRun(start, i, number, continues));
            start = i;
        }

        return new StepRuns(runs, borders);

        bool SameCycle(int i) => cycle is null || cycle[i] == cycle[i - 1];
    }

    private static double[] StepKeys(RecordTable table, ReadOnlySpan<double> current, out StepBorders borders)
    {
        if (Filled(table.Numbers("step_count")) is { } count)
        {
            borders = StepBorders.StepCount;
            return count;
        }

        var id = Filled(table.Numbers("step_id")) ?? Numbered(table.Texts("step_id"));
        var type = Numbered(table.Texts("step_type"));
        if (id is not null || type is not null)
        {
            borders = StepBorders.StepIdentity;
            return Pair(id, type, table.Count);
        }

        borders = StepBorders.CurrentDirection;
        return Directions(current);
    }

    /// <summary>Rest, charge or discharge by record; the dead band is a ten-thousandth of the largest current, under which testers write noise.</summary>
    private static double[] Directions(ReadOnlySpan<double> current)
    {
        double largest = 0;
        foreach (var i in current) largest = Math.Max(largest, Math.Abs(double.IsNaN(i) ? 0 : i));
        var keys = new double[current.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            if (double.IsNaN(current[i])) keys[i] = i == 0 ? 0 : keys[i - 1];
            else keys[i] = Math.Abs(current[i]) <= 1e-4 * largest ? 0 : Math.Sign(current[i]);
        }

        return keys;
    }

    private static double[]? Numbered(TextColumn? column)
    {
        if (column is null) return null;
        var numbers = new Dictionary<string, double>();
        var keys = new double[column.Count];
        for (var i = 0; i < keys.Length; i++)
        {
            if (i > 0 && (column.Utf8(i).IsEmpty || column.Utf8(i).SequenceEqual(column.Utf8(i - 1))))
            {
                keys[i] = keys[i - 1];
                continue;
            }

            var text = column[i];
            if (!numbers.TryGetValue(text, out keys[i])) numbers[text] = keys[i] = numbers.Count;
        }

        return keys;
    }

    private static double[] Pair(double[]? a, double[]? b, int count)
    {
        var pairs = new Dictionary<(double, double), double>();
        var keys = new double[count];
        for (var i = 0; i < count; i++)
        {
            var pair = (a?[i] ?? 0, b?[i] ?? 0);
            if (!pairs.TryGetValue(pair, out keys[i])) pairs[pair] = keys[i] = pairs.Count;
        }

        return keys;
    }

    /// <summary>Gaps filled with the value before, or at the start with the first there is; null when there is none at all.</summary>
    private static double[]? Filled(double[]? values)
    {
        if (values is null) return null;
        var first = Array.FindIndex(values, v => !double.IsNaN(v));
        if (first < 0) return null;
        Array.Fill(values, values[first], 0, first);
        for (var i = first + 1; i < values.Length; i++)
            if (double.IsNaN(values[i])) values[i] = values[i - 1];
        return values;
    }

    private static void RequireWhole(RecordTable table, double[]? cycle)
    {
        for (var i = 0; i < (cycle?.Length ?? 0); i++)
        {
            if (Math.Abs(cycle![i]) < 1L << 53 && cycle[i] == Math.Floor(cycle[i])) continue;
            throw new BatteryDataException(new ImportFailure(
                ImportFailureCode.BadField, table.Source.FileName ?? table.Source.Format, null, null, "cycle_count",
                $"record {i + 1} has the cycle count {cycle[i]}, which is no whole number.", "Validate the file and have its source corrected; cycles are never renumbered here."));
        }
    }
}
