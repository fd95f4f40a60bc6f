namespace BattKomp.Lab.BatteryData.Bdf;

/// <summary>Counters and counts: identities between them, and what may not decrease.</summary>
internal static class BdfCounterChecks
{
    public static void Run(RecordTable table, List<BdfFinding> findings)
    {
        foreach (var scope in (ResetScope[])[ResetScope.Test, ResetScope.Cycle, ResetScope.Step])
        {
            foreach (var energy in (bool[])[false, true])
            {
                Identity(table, scope, CounterKind.Cumulative, energy, (c, d) => c + d, "charging plus discharging", findings);
                Identity(table, scope, CounterKind.Net, energy, (c, d) => c - d, "charging less discharging", findings);
            }
        }

        foreach (var term in BdfTerms.All.Where(t => t.Counter is { Scope: ResetScope.Test, Kind: not CounterKind.Net }))
            Monotone(table, term, findings);
        CycleCount(table, findings);
        StepRecordIndex(table, findings);
    }

    private static void Identity(RecordTable table, ResetScope scope, CounterKind kind, bool energy, Func<double, double, double> of, string words, List<BdfFinding> findings)
    {
        var (charging, discharging, whole) = (Name(CounterKind.Charging), Name(CounterKind.Discharging), Name(kind));
        if (table.Numbers(charging) is not { } c || table.Numbers(discharging) is not { } d || table.Numbers(whole) is not { } w) return;
        var absolute = 1e-9 + (1e-7 * Scale(w));
        for (var i = 0; i < w.Length; i++)
        {
            var expected = of(c[i], d[i]);
            if (!(Math.Abs(w[i] - expected) > absolute + (1e-6 * Math.Abs(expected)))) continue;
            findings.Add(new BdfFinding(BdfSeverity.Error, "identity", whole, i + 1, $"it is {w[i]} where {words} is {expected}.", $"Check which of {charging}, {discharging} and {whole} holds another quantity."));
            return;
        }

        string Name(CounterKind k) => BdfTerms.All.First(t => t.Counter == new BdfCounter(scope, k, energy)).Name;
    }

    private static void Monotone(RecordTable table, BdfTerm term, List<BdfFinding> findings)
    {
        if (table.Numbers(term.Name) is not { } values) return;
        var noise = 1e-9 + (1e-6 * Scale(values));
        var last = double.NegativeInfinity;
        for (var i = 0; i < values.Length; i++)
        {
            if (double.IsNaN(values[i])) continue;
            if (values[i] < last - noise)
            {
                findings.Add(new BdfFinding(BdfSeverity.Error, "not_monotone", term.Name, i + 1, $"it falls from {last} to {values[i]}, and a counter since test start never falls.", "If the counter starts again at steps or cycles, use the step or cycle column of BDF for it."));
                return;
            }

            last = values[i];
        }
    }

    private static void CycleCount(RecordTable table, List<BdfFinding> findings)
    {
        if (table.Numbers("cycle_count") is not { } values) return;
        var last = double.NegativeInfinity;
        for (var i = 0; i < values.Length; i++)
        {
            var value = values[i];
            if (double.IsNaN(value)) continue;
            var wrong = value != Math.Floor(value) ? ("cycle_not_whole", "no whole number") : value < 0 ? ("cycle_negative", "below zero") : value < last ? ("cycle_decreases", $"less than {last} before it") : default;
            if (wrong.Item1 is not null)
            {
                findings.Add(new BdfFinding(BdfSeverity.Error, wrong.Item1, "cycle_count", i + 1, $"the cycle count {value} is {wrong.Item2}.", "Take the cycle numbers from the instrument's file again."));
                return;
            }

            last = value;
        }
    }

    private static void StepRecordIndex(RecordTable table, List<BdfFinding> findings)
    {
        if (table.Numbers("step_record_index") is not { } values) return;
        for (var i = 0; i < values.Length; i++)
        {
            if (double.IsNaN(values[i]) || values[i] == 1 || (i > 0 && values[i] == values[i - 1] + 1)) continue;
            findings.Add(new BdfFinding(BdfSeverity.Warning, "step_record_index", "step_record_index", i + 1, $"it is {values[i]}, neither 1 nor one more than before; it looks like a step's number in the program.", "If it numbers the steps of the program, name the column Step ID."));
            return;
        }
    }

    private static double Scale(double[] values) => values.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max();
}
