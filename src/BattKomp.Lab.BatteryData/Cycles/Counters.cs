using BattKomp.Lab.BatteryData.Bdf;

namespace BattKomp.Lab.BatteryData;

/// <summary>
/// What the instrument's counters say was moved in each run, whatever their reset scope. Sums over runs are totals over
/// cycles and tests: one counter read in different scopes gives the same total.
/// </summary>
internal static class Counters
{
    /// <summary>One entry per run; <paramref name="current"/> splits a throughput counter by direction.</summary>
    public static TwoWay[] PerRun(CounterSource source, StepRuns steps, double[] current, IReadOnlyList<TwoWay> integrals)
    {
        if (source.Kind == CounterKind.Charging)
        {
            var charging = Totals(source, source.First, steps);
            var discharging = Totals(source, source.Second!, steps);
            return [.. charging.Zip(discharging, (c, d) => new TwoWay(c, d))];
        }

        if (source.Kind == CounterKind.Net) return NetPerRun(source, steps);
        var totals = Totals(source, source.First, steps);
        return [.. totals.Select((total, i) => Split(source.First, steps.Runs[i], current, integrals[i], total))];
    }

    private static double[] Totals(CounterSource source, double[] values, StepRuns steps)
    {
        var declared = source.Scope == ResetScope.Cycle || (source.Scope == ResetScope.Step && steps.Borders == StepBorders.StepCount);
        return declared ? ByDeclaredResets(source.Scope, values, steps.Runs) : ByObservedResets(source.Scope, values, steps.Runs);
    }

    /// <summary>The counter starts from zero at known borders, so a run moved what the counter's highest value rose by.</summary>
    private static double[] ByDeclaredResets(ResetScope scope, double[] values, IReadOnlyList<StepRun> runs)
    {
        var totals = new double[runs.Count];
        double highest = 0;
        for (var r = 0; r < runs.Count; r++)
        {
            var run = runs[r];
            var goesOn = r > 0 && (scope == ResetScope.Step ? run.ContinuesStep : run.Cycle == runs[r - 1].Cycle);
            var from = goesOn && !Dropped(values, run, highest) ? highest : 0;
            highest = from;
            for (var i = run.Start; i < run.End; i++)
                if (values[i] > highest) highest = values[i];
            totals[r] = highest - from;
        }

        return totals;
    }

    private static bool Dropped(double[] values, StepRun run, double highest)
    {
        for (var i = run.Start; i < run.End; i++)
            if (!double.IsNaN(values[i])) return values[i] < highest - Noise(highest);
        return false;
    }

    /// <summary>The counter may start again anywhere: a drop beyond noise is a reset, and the value after it counts from zero.</summary>
    private static double[] ByObservedResets(ResetScope scope, double[] values, IReadOnlyList<StepRun> runs)
    {
        var totals = new double[runs.Count];
        // A counter that runs through the whole test may begin with what earlier tests left in it; a step's begins with its own.
        var last = scope == ResetScope.Step ? 0 : double.NaN;
        for (var r = 0; r < runs.Count; r++)
        {
            for (var i = runs[r].Start; i < runs[r].End; i++)
            {
                var value = values[i];
                if (double.IsNaN(value)) continue;
                if (!double.IsNaN(last)) totals[r] += value < last - Noise(last) ? value : value - last;
                last = value;
            }
        }

        return totals;
    }

    /// <summary>Above zero by this much is a reset and not the last digit of the counter.</summary>
    private static double Noise(double scale) => 1e-9 + (1e-6 * Math.Abs(scale));

    /// <summary>Gives a throughput to its direction; in a run with both, each increment goes where its current went.</summary>
    private static TwoWay Split(double[] values, StepRun run, double[] current, TwoWay integral, double total)
    {
        if (total == 0) return TwoWay.Zero;
        var smaller = Math.Min(integral.Charging, integral.Discharging);
        if (integral.Larger > 0 && smaller <= 1e-6 * integral.Larger)
            return integral.Charging > integral.Discharging ? new TwoWay(total, 0) : new TwoWay(0, total);

        double charging = 0, discharging = 0, last = double.NaN;
        for (var i = run.Start; i < run.End; i++)
        {
            if (double.IsNaN(values[i])) continue;
            var direction = current[i] + (i > run.Start ? current[i - 1] : current[i]);
            var rise = double.IsNaN(last) ? total - Rise(values, run) : values[i] - last;
            if (direction > 0) charging += rise;
            else if (direction < 0) discharging += rise;
            last = values[i];
        }

        return new TwoWay(charging, discharging);
    }

    private static double Rise(double[] values, StepRun run)
    {
        double first = double.NaN, last = double.NaN;
        for (var i = run.Start; i < run.End; i++)
        {
            if (double.IsNaN(values[i])) continue;
            if (double.IsNaN(first)) first = values[i];
            last = values[i];
        }

        return last - first;
    }

    private static TwoWay[] NetPerRun(CounterSource source, StepRuns steps)
    {
        var totals = new TwoWay[steps.Runs.Count];
        var last = source.Scope == ResetScope.Test ? double.NaN : 0;
        for (var r = 0; r < totals.Length; r++)
        {
            var run = steps.Runs[r];
            if (r > 0 && Restarts(source.Scope, run, steps.Runs[r - 1])) last = 0;
            double charging = 0, discharging = 0;
            for (var i = run.Start; i < run.End; i++)
            {
                var value = source.First[i];
                if (double.IsNaN(value)) continue;
                var rise = double.IsNaN(last) ? 0 : value - last;
                if (rise > 0) charging += rise;
                else discharging -= rise;
                last = value;
            }

            totals[r] = new TwoWay(charging, discharging);
        }

        return totals;
    }

    private static bool Restarts(ResetScope scope, StepRun run, StepRun before) => scope switch
    {
        ResetScope.Step => !run.ContinuesStep,
        ResetScope.Cycle => run.Cycle != before.Cycle,
        _ => false,
    };
}
