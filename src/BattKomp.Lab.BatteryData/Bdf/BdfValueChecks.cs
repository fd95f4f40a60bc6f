namespace BattKomp.Lab.BatteryData.Bdf;

/// <summary>Time, sign and plausibility of values.</summary>
internal static class BdfValueChecks
{
    private const double ScaleTolerance = 0.05;
    private const int FewestPairs = 10;
    private const double ShortestWallStep = 0.5;

    // What a wrong unit multiplies elapsed time by.
    private static readonly (double Factor, string Unit)[] KnownScales =
        [(1e9, "nanoseconds"), (1e6, "microseconds"), (1e3, "milliseconds"), (1.0 / 60, "minutes"), (1.0 / 3600, "hours")];

    public static void Run(RecordTable table, List<BdfFinding> findings)
    {
        foreach (var term in BdfTerms.All.Where(t => t.Obligation == BdfObligation.Required)) Finite(table, term.Name, findings);
        TestTime(table, findings);
        TimeScale(table, findings);
        Sign(table, findings);
        foreach (var term in BdfTerms.All.Where(t => t.Unit == "Cel")) Temperature(table, term.Name, findings);
    }

    private static void Finite(RecordTable table, string name, List<BdfFinding> findings)
    {
        if (table.Numbers(name) is not { } values) return;
        var missing = Array.FindIndex(values, double.IsNaN);
        if (missing >= 0)
            findings.Add(new BdfFinding(BdfSeverity.Warning, "missing_value", name, missing + 1, $"{values.Count(double.IsNaN)} of {values.Length} records have no value.", "Check whether the source records this quantity at every instant."));
        var infinite = Array.FindIndex(values, double.IsInfinity);
        if (infinite >= 0)
            findings.Add(new BdfFinding(BdfSeverity.Error, "not_finite", name, infinite + 1, "the value is infinite.", "Leave the field empty where the instrument has no value."));
    }

    private static void TestTime(RecordTable table, List<BdfFinding> findings)
    {
        if (table.Numbers("test_time_second") is not { } time) return;
        var steps = Differences(time).Where(d => d > 0).Order().ToArray();
        var tolerated = steps.Length == 0 ? 0 : 0.1 * steps[steps.Length / 2];
        for (var i = 1; i < time.Length; i++)
        {
            if (!(time[i] < time[i - 1] - tolerated)) continue;
            findings.Add(new BdfFinding(BdfSeverity.Warning, "test_time_drops", "test_time_second", i + 1, $"it falls from {time[i - 1]} s to {time[i]} s.", "Check whether tests were joined or records reordered; intervals that run back add nothing to an integral."));
            return;
        }
    }

    /// <summary>Elapsed time against the wall clock shows minutes or milliseconds that call themselves seconds.</summary>
    private static void TimeScale(RecordTable table, List<BdfFinding> findings)
    {
        if (table.Numbers("test_time_second") is not { } time || table.Numbers("unix_time_second") is not { } wall) return;
        var ratios = Differences(time).Zip(Differences(wall)).Where(p => p.Second >= ShortestWallStep && p.First > 0).Select(p => p.First / p.Second).Order().ToArray();
        if (ratios.Length < FewestPairs) return;
        var ratio = ratios[ratios.Length / 2];
        if (Math.Abs(ratio - 1) <= ScaleTolerance) return;
        var unit = KnownScales.FirstOrDefault(s => Math.Abs((ratio / s.Factor) - 1) <= ScaleTolerance).Unit;
        findings.Add(new BdfFinding(
            BdfSeverity.Error, "time_scale", "test_time_second", null, $"it advances {ratio:G4} s for each second of the wall clock" + (unit is null ? "." : $", as if it were {unit}."),
            "Convert the time to seconds at its source."));
    }

    private static void Sign(RecordTable table, List<BdfFinding> findings)
    {
        var type = table.Texts("step_type") ?? table.Columns.OfType<TextColumn>().FirstOrDefault(c => c.Name.StartsWith("Step Type", StringComparison.Ordinal));
        if (type is null || table.Numbers("current_ampere") is not { } current) return;
        var (right, wrong, first) = (0, 0, -1);
        for (var i = 0; i < current.Length; i++)
        {
            var expected = Direction(type.Utf8(i));
            if (expected == 0 || current[i] == 0 || double.IsNaN(current[i])) continue;
            if (Math.Sign(current[i]) == expected) right++;
            else if (++wrong == 1) first = i;
        }

        if (wrong <= right / 9) return;
        findings.Add(new BdfFinding(BdfSeverity.Error, "current_sign", "current_ampere", first + 1, $"in {wrong} of {wrong + right} records the current has the other sign than the step type ({type[first]}) says; positive current charges.", "Give the current the sign that BDF asks for."));
    }

    /// <summary>+1 for a charging step's type, −1 for a discharging one's, 0 when it says neither.</summary>
    private static int Direction(ReadOnlySpan<byte> type)
    {
        if (type.EndsWith("_CHG"u8) || type.SequenceEqual("charge"u8)) return 1;
        return type.EndsWith("_DCH"u8) || type.SequenceEqual("discharge"u8) ? -1 : 0;
    }

    private static void Temperature(RecordTable table, string name, List<BdfFinding> findings)
    {
        if (table.Numbers(name) is not { Length: > 0 } values) return;
        var odd = Array.FindIndex(values, v => v is < -50 or > 150);
        if (odd >= 0)
            findings.Add(new BdfFinding(BdfSeverity.Error, "temperature_range", name, odd + 1, $"{values[odd]} °C is no temperature of a cell test; some programs write such a value for a missing sensor.", "Leave the field empty where there is no sensor."));
        else if (values.Length > 1 && Array.TrueForAll(values, v => v == 0))
            findings.Add(new BdfFinding(BdfSeverity.Warning, "temperature_zero", name, 1, "every record says exactly 0 °C.", "Leave the column out when nothing was measured."));
    }

    private static IEnumerable<double> Differences(double[] values) => values.Skip(1).Zip(values, (b, a) => b - a);
}
