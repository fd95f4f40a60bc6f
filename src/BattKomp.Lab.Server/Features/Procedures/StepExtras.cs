using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Comparison = BattKomp.Lab.V1.Until.Types.Comparison;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Server.Features.Procedures;

/// <summary>What a step may carry beside its magnitudes: conditions that end it, a sweep, a set point of a chamber.</summary>
internal static class StepExtras
{
    private const int MostUntil = 10, MostPoints = 100;
    private const double ShortestWindow = 1, Coldest = -100, Hottest = 300, HighestHertz = 1e7;

    internal static void Check(FieldChecks checks, Step step, int index, int steps, string path)
    {
        checks.Require(step.Until.Count == 0 || step.Kind is not Kind.Loop, path + ".until", "is not used by LOOP; put it on a step of the loop.")
            .Require(step.Until.Count <= MostUntil, path + ".until", $"holds {step.Until.Count} conditions; at most {MostUntil}.");
        for (var k = 0; k < Math.Min(step.Until.Count, MostUntil); k++) CheckUntil(checks, step.Until[k], index, steps, $"{path}.until[{k}]");
        checks.Require(step.Kind is Kind.Eis == step.Eis is not null, path + ".eis", step.Kind is Kind.Eis ? "is missing; EIS needs its sweep." : $"is not used by {step.Kind}; leave it out.");
        if (step is { Kind: Kind.Eis, Eis: { } sweep }) CheckSweep(checks, sweep, path + ".eis");
        checks.Require(step.Kind is Kind.Temperature ? step.Celsius is >= Coldest and <= Hottest : step.Celsius == 0, path + ".celsius",
            step.Kind is Kind.Temperature ? $"is {step.Celsius} °C; use {Coldest} to {Hottest} °C." : $"is not used by {step.Kind}; leave it out.");
    }

    private static void CheckUntil(FieldChecks checks, Until until, int index, int steps, string path)
    {
        var rate = until.Comparison is Comparison.RateAtMost;
        checks.Require(Signals.IsKnown(until.Signal), path + ".signal", $"is '{Short(until.Signal)}'; use a BDF machine name such as voltage_volt, or {string.Join(" or ", Signals.OfStep)}.")
            .Require(until.Comparison is not Comparison.Unspecified && Enum.IsDefined(until.Comparison), path + ".comparison", "is not set; use AT_LEAST, AT_MOST or RATE_AT_MOST.")
            .Require(double.IsFinite(until.Limit) && (!rate || until.Limit >= 0), path + ".limit", rate ? $"is {until.Limit}; a rate is a finite magnitude." : "must be a finite number.")
            .Require(rate ? until.OverSeconds >= ShortestWindow && double.IsFinite(until.OverSeconds) : until.OverSeconds == 0, path + ".over_seconds",
                rate ? $"is {until.OverSeconds} s; a rate needs a window of at least {ShortestWindow} s." : "is used by RATE_AT_MOST only; leave it out.")
            .Require(until.GotoStep == 0 || (until.GotoStep > index + 1 && until.GotoStep <= steps), path + ".goto_step",
                $"is {until.GotoStep}; a condition goes on with a later step, {index + 2} to {steps}, or 0 for the next.")
            .Require(!until.End || until.GotoStep == 0, path + ".end", "ends the run; leave goto_step out.");
    }

    private static void CheckSweep(FieldChecks checks, EisSweep sweep, string path) => checks
        .Require(sweep.FromHertz is > 0 and <= HighestHertz, path + ".from_hertz", $"is {sweep.FromHertz} Hz; use a value above 0 and at most {HighestHertz} Hz.")
        .Require(sweep.ToHertz > 0 && sweep.ToHertz < sweep.FromHertz, path + ".to_hertz", $"is {sweep.ToHertz} Hz; a sweep goes down to a frequency above 0 Hz.")
        .Require(sweep.PointsPerDecade is >= 1 and <= MostPoints, path + ".points_per_decade", $"is {sweep.PointsPerDecade}; use 1 to {MostPoints}.")
        .Require(Amplitude(sweep.AmplitudeVolt) && Amplitude(sweep.AmplitudeAmpere) && sweep.AmplitudeVolt > 0 ^ sweep.AmplitudeAmpere > 0, path + ".amplitude_volt",
            "or amplitude_ampere must be a finite value above 0, exactly one of them.")
        .Require(double.IsFinite(sweep.BiasVolt) && (sweep.BiasVolt == 0 || (sweep.AmplitudeVolt > 0 && !sweep.AtOpenCircuit)), path + ".bias_volt",
            "is used by a potentiostatic sweep away from open circuit only; leave it out.");

    private static bool Amplitude(double value) => double.IsFinite(value) && value >= 0;

    private static string Short(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
