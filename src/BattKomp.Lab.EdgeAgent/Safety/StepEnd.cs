using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;
using Comparison = BattKomp.Lab.V1.Until.Types.Comparison;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Safety;

/// <summary>Why a step ended early, and where the program goes on.</summary>
/// <param name="Cause">"until: voltage_volt" or "cutoff".</param>
/// <param name="Goto">1-based step to go on with; 0 = the next.</param>
/// <param name="EndsRun">True when the run ends here.</param>
public readonly record struct EarlyEnd(string Cause, int Goto = 0, bool EndsRun = false);

/// <summary>
/// Judges one step's early ends on every reading: the step's own cut-off where the device does not keep it, and its until-conditions. Holds what rates and
/// the step's charge need; one instance a step.
/// </summary>
public sealed class StepEnd(Step step, IReadOnlyList<string> signals, bool deviceEndsSteps)
{
    /// <summary>Lab seconds since the step began.</summary>
    public const string StepSecond = "step_second";

    /// <summary>Charge moved since the step began, Ah, magnitude, trapezoid over the readings.</summary>
    public const string StepCapacity = "step_capacity_ah";

    private readonly List<(double Second, double Value)>[] _windows = [.. step.Until.Select(_ => new List<(double, double)>())];
    private double _lastSecond = double.NaN;
    private double _lastAmpere;
    private double _ampereHour;

    /// <summary>Takes a reading at <paramref name="second"/> lab seconds into the step; the first condition that holds, or null.</summary>
    public EarlyEnd? Judge(Reading reading, double second)
    {
        Integrate(reading, second);
        for (var k = 0; k < step.Until.Count; k++)
            if (Holds(step.Until[k], _windows[k], Value(step.Until[k].Signal, reading, second), second))
                return new EarlyEnd($"until: {step.Until[k].Signal}", step.Until[k].GotoStep, step.Until[k].End);
        return !deviceEndsSteps && CutOff(reading) ? new EarlyEnd("cutoff") : null;
    }

    private void Integrate(Reading reading, double second)
    {
        if (double.IsNaN(reading.Ampere))
            return;
        if (!double.IsNaN(_lastSecond))
            _ampereHour += (reading.Ampere + _lastAmpere) / 2 * (second - _lastSecond) / 3600;
        (_lastSecond, _lastAmpere) = (second, reading.Ampere);
    }

    private double Value(string signal, Reading reading, double second)
    {
        if (signal == StepSecond)
            return second;
        if (signal == StepCapacity)
            return Math.Abs(_ampereHour);
        for (var k = 0; k < signals.Count; k++)
            if (signals[k] == signal)
                return reading.Values[k];
        return double.NaN;
    }

    private static bool Holds(Until until, List<(double Second, double Value)> window, double value, double second)
    {
        if (double.IsNaN(value))
            return false;
        if (until.Comparison != Comparison.RateAtMost)
            return until.Comparison == Comparison.AtLeast ? value >= until.Limit : value <= until.Limit;
        window.Add((second, value));
        while (window.Count > 2 && window[1].Second <= second - until.OverSeconds)
            window.RemoveAt(0);
        var (since, then) = window[0];
        return second - since >= until.OverSeconds && Math.Abs(value - then) / (second - since) <= until.Limit;
    }

    // A device that holds a voltage settles a little beside it: two millivolts, or a thousandth.
    private bool CutOff(Reading r)
    {
        var near = Math.Max(0.002, step.Volt * 0.001);
        return step.Kind switch
        {
            Kind.CcDischarge or Kind.CpDischarge => r.Volt <= step.Volt + near,
            Kind.CcCharge or Kind.CpCharge => r.Volt >= step.Volt - near,
            Kind.CccvCharge => r.Volt >= step.Volt - near && Math.Abs(r.Ampere) <= step.CutoffAmpere,
            Kind.Cv => step.CutoffAmpere > 0 && Math.Abs(r.Volt - step.Volt) <= near && Math.Abs(r.Ampere) <= step.CutoffAmpere,
            _ => false,
        };
    }
}
