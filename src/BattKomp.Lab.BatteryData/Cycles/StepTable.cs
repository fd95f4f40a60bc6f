namespace BattKomp.Lab.BatteryData;

/// <summary>Own integral and the instrument's counters, step by step and side by side.</summary>
public static class StepTable
{
    /// <summary>The steps in order of the records. Needs test_time_second (or unix_time_second) and current_ampere.</summary>
    /// <exception cref="BatteryDataException">A needed column is missing or a cycle count is no whole number.</exception>
    public static IReadOnlyList<StepRow> Compute(RecordTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var time = table.Numbers("test_time_second") ?? table.Numbers("unix_time_second") ?? throw Missing(table, "test_time_second");
        var current = table.Numbers("current_ampere") ?? throw Missing(table, "current_ampere");
        var voltage = table.Numbers("voltage_volt");
        if (table.Count == 0) return [];
        var steps = StepRuns.Find(table, current);
        var power = Power(voltage, current);
        var capacity = steps.Runs.Select(r => Of(r, time, current)).ToArray();
        var energy = steps.Runs.Select(r => power is null ? TwoWay.Unknown : Of(r, time, power)).ToArray();
        var counterCapacity = Counted(table, steps, current, capacity, energy: false);
        var counterEnergy = Counted(table, steps, current, capacity, energy: true);
        var facts = new Facts(time, current, voltage, table.Numbers("step_count"), table.Texts("step_type"));
        return [.. steps.Runs.Select((run, i) => Row(run, facts, capacity[i], energy[i], counterCapacity?[i], counterEnergy?[i]))];
    }

    private sealed record Facts(double[] Time, double[] Current, double[]? Voltage, double[]? StepCount, TextColumn? StepType);

    private static TwoWay Of(StepRun run, double[] time, double[] rate) =>
        Integral.OfRun(time.AsSpan(run.Start..run.End), rate.AsSpan(run.Start..run.End));

    private static double[]? Power(double[]? voltage, double[] current)
    {
        if (voltage is null || Array.TrueForAll(voltage, double.IsNaN)) return null;
        var power = new double[current.Length];
        for (var i = 0; i < power.Length; i++) power[i] = voltage[i] * current[i];
        return power;
    }

    private static TwoWay[]? Counted(RecordTable table, StepRuns steps, double[] current, TwoWay[] integrals, bool energy) =>
        CounterSource.Find(table, energy) is { } source ? Counters.PerRun(source, steps, current, integrals) : null;

    private static StepRow Row(StepRun run, Facts facts, TwoWay capacity, TwoWay energy, TwoWay? counterCapacity, TwoWay? counterEnergy)
    {
        var type = facts.StepType?[run.Start] is { Length: > 0 } text ? text : null;
        var holds = type?.Contains("CV", StringComparison.Ordinal) ?? LooksHeld(run, facts);
        var difference = Agreement.Compare(counterCapacity, capacity);
        return new StepRow
        {
            CycleCount = run.Cycle,
            StepCount = facts.StepCount?[run.Start] is { } count && !double.IsNaN(count) ? count : null,
            StepType = type,
            FirstRecord = run.Start,
            Records = run.End - run.Start,
            StartSecond = facts.Time[run.Start],
            DurationSecond = facts.Time[run.End - 1] - facts.Time[run.Start],
            StartVoltage = facts.Voltage?[run.Start] ?? double.NaN,
            EndVoltage = facts.Voltage?[run.End - 1] ?? double.NaN,
            IntegralCapacity = capacity,
            IntegralEnergy = energy,
            CounterCapacity = counterCapacity,
            CounterEnergy = counterEnergy,
            HoldsVoltage = holds,
            Agreement = difference,
            Flag = Agreement.Judge(difference, holds, counterCapacity is not null),
        };
    }

    /// <summary>Without a step type: in the last quarter of the records the voltage stands within 0.1 % while the current falls by a tenth.</summary>
    private static bool LooksHeld(StepRun run, Facts facts)
    {
        if (facts.Voltage is null || run.End - run.Start < 8) return false;
        var from = run.End - ((run.End - run.Start) / 4);
        var voltage = facts.Voltage.AsSpan(from..run.End);
        double low = double.PositiveInfinity, high = double.NegativeInfinity;
        foreach (var v in voltage) (low, high) = (Math.Min(low, v), Math.Max(high, v));
        var (start, end) = (Math.Abs(facts.Current[from]), Math.Abs(facts.Current[run.End - 1]));
        return start > 0 && high - low <= 0.001 * Math.Abs(high) && end < 0.9 * start;
    }

    private static BatteryDataException Missing(RecordTable table, string column) =>
        new(new ImportFailure(
            ImportFailureCode.MissingColumn, table.Source.FileName ?? table.Source.Format, null, null, column,
            "a cycle table needs this column.", "Use records that carry it, under its BDF name and in its BDF unit."));
}
