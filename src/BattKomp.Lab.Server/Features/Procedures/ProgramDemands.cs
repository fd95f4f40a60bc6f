using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Server.Features.Procedures;

/// <summary>The most that a program can ask of a channel, its safe step included, and the longest it can last.</summary>
public static class ProgramDemands
{
    /// <summary>Magnitudes; 0 or null = nothing of it. A vendor's program asks for nothing that is known.</summary>
    public static Ratings Of(V1.Program program)
    {
        Step[] steps = program.SafeStep is { } safe ? [.. program.Steps, safe] : [.. program.Steps];
        var heat = steps.Where(s => s.Kind is Kind.Temperature).Select(s => s.Celsius).ToList();
        var low = steps.Select(LowestVolt).Where(v => v > 0).ToList();
        return new Ratings(
            steps.Select(HighestVolt).DefaultIfEmpty().Max(), steps.Select(ChargeAmpere).DefaultIfEmpty().Max(), steps.Select(DischargeAmpere).DefaultIfEmpty().Max(),
            steps.Select(s => s.Watt).DefaultIfEmpty().Max())
        {
            MinVolt = low.Count > 0 ? low.Min() : 0,
            MaxCelsius = heat.Count > 0 ? heat.Max() : null,
            MinCelsius = heat.Count > 0 ? heat.Min() : null,
        };
    }

    /// <summary>Upper bound of its length, lab seconds: every step lasts its max_seconds, every loop all its repeats. 0 for a vendor's program.</summary>
    public static double LongestSeconds(V1.Program program)
    {
        var upTo = new double[program.Steps.Count + 1];
        for (var i = 0; i < program.Steps.Count; i++)
        {
            var step = program.Steps[i];
            upTo[i + 1] = upTo[i] + (step.Kind is Kind.Loop ? (upTo[i] - upTo[step.GotoStep - 1]) * step.Repeat : step.MaxSeconds);
        }
        return upTo[^1] + (program.SafeStep?.MaxSeconds ?? 0);
    }

    private static double HighestVolt(Step s) => s.Kind switch
    {
        Kind.CcCharge or Kind.CccvCharge or Kind.CpCharge or Kind.Cv => s.Volt,
        Kind.Eis when s.Eis is { AtOpenCircuit: false, AmplitudeVolt: > 0 } sweep => sweep.BiasVolt + sweep.AmplitudeVolt * Math.Sqrt(2),
        _ => 0,
    };

    private static double LowestVolt(Step s) => s.Kind switch
    {
        Kind.CcDischarge or Kind.CpDischarge or Kind.Cv => s.Volt,
        Kind.Eis when s.Eis is { AtOpenCircuit: false, AmplitudeVolt: > 0 } sweep => sweep.BiasVolt - sweep.AmplitudeVolt * Math.Sqrt(2),
        _ => 0,
    };

    private static double ChargeAmpere(Step s) => s.Kind switch
    {
        Kind.CcCharge or Kind.CccvCharge or Kind.Cv => s.Ampere,
        Kind.Eis when s.Eis is { } sweep => sweep.AmplitudeAmpere * Math.Sqrt(2),
        _ => 0,
    };

    // Constant power draws the most at the lowest voltage, its cut-off.
    private static double DischargeAmpere(Step s) => s.Kind switch
    {
        Kind.CcDischarge or Kind.Cv => s.Ampere,
        Kind.CpDischarge when s.Volt > 0 => s.Watt / s.Volt,
        Kind.Eis when s.Eis is { } sweep => sweep.AmplitudeAmpere * Math.Sqrt(2),
        _ => 0,
    };
}
