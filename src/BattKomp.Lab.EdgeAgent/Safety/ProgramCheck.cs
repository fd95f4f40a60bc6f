using System.Security.Cryptography;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Safety;

/// <summary>What must hold before a leased program may energise anything: its hash, its shape, the channel's limits. Every fault is listed.</summary>
public static class ProgramCheck
{
    private const int MaxSteps = 1000;

    /// <summary>Lower-case hex SHA-256 of a program's deterministic encoding.</summary>
    public static string HashOf(Program program) => Convert.ToHexStringLower(SHA256.HashData(program.ToByteArray()));

    /// <summary>All faults, in words; empty when the program may run. <paramref name="local"/> are the limits of the agent's own configuration.</summary>
    public static IReadOnlyList<string> Faults(LeasedChannel leased, ChannelLimits local)
    {
        var faults = new List<string>();
        var program = leased.Program;
        if (program is null || program.Steps.Count == 0)
            return ["the lease carries no program"];
        if (HashOf(program) != leased.ProcedureSha256)
            faults.Add($"procedure_sha256 is {leased.ProcedureSha256}, but the program's hash is {HashOf(program)}");
        if (program.Steps.Count > MaxSteps)
            faults.Add($"{program.Steps.Count} steps; at most {MaxSteps}");
        for (var k = 0; k < program.Steps.Count; k++)
            foreach (var limits in new[] { local, leased.Limits ?? new ChannelLimits() })
                faults.AddRange(StepFaults(program.Steps[k], k, limits).Concat(UntilFaults(program.Steps[k], k, program.Steps.Count)).Select(f => $"step {k + 1}: {f}"));
        if (program.SafeStep is { } safe)
            foreach (var limits in new[] { local, leased.Limits ?? new ChannelLimits() })
                faults.AddRange(SafeStepFaults(safe).Concat(StepFaults(safe, 0, limits)).Select(f => $"safe step: {f}"));
        return [.. faults.Distinct()];
    }

    private static IEnumerable<string> StepFaults(Step step, int index, ChannelLimits limits)
    {
        if (step.Kind == Kind.Loop)
        {
            if (step.GotoStep < 1 || step.GotoStep > index || step.Repeat < 0)
                yield return $"a loop goes back to an earlier step; goto_step is {step.GotoStep}";
            yield break;
        }
        if (!(step.MaxSeconds > 0) || !double.IsFinite(step.MaxSeconds))
            yield return $"max_seconds must be finite and above 0; it is {step.MaxSeconds}";
        if (step.Kind is Kind.CcDischarge or Kind.CpDischarge)
        {
            var ampere = step.Kind == Kind.CcDischarge ? step.Ampere : step.Volt > 0 ? step.Watt / step.Volt : double.NaN;
            if (Over(ampere, limits.MaxDischargeAmpere))
                yield return $"{ampere:0.###} A discharge; the channel's limit is {limits.MaxDischargeAmpere} A";
            if (limits.MinVolt > 0 && step.Volt < limits.MinVolt)
                yield return $"cut-off {step.Volt} V; the channel's lowest is {limits.MinVolt} V";
        }
        if (step.Kind == Kind.Cv && Over(step.Ampere, limits.MaxDischargeAmpere))
            yield return $"{step.Ampere} A either way; the channel's discharge limit is {limits.MaxDischargeAmpere} A";
        if (step.Kind == Kind.Cv && limits.MinVolt > 0 && step.Volt < limits.MinVolt)
            yield return $"{step.Volt} V; the channel's lowest is {limits.MinVolt} V";
        if (step.Kind == Kind.CpCharge && Over(limits.MinVolt > 0 ? step.Watt / limits.MinVolt : 0, limits.MaxChargeAmpere))
            yield return $"{step.Watt} W at the lowest voltage is more than {limits.MaxChargeAmpere} A; lower watt";
        if (step.Kind == Kind.CpCharge && Over(step.Volt, limits.MaxVolt))
            yield return $"{step.Volt} V; the channel's highest is {limits.MaxVolt} V";
        if (step.Kind == Kind.Temperature && ((limits.MaxCelsius != 0 && !(step.Celsius <= limits.MaxCelsius)) || (limits.MinCelsius != 0 && !(step.Celsius >= limits.MinCelsius))))
            yield return $"{step.Celsius} °C; the channel allows {limits.MinCelsius} to {limits.MaxCelsius} °C";
        foreach (var fault in step.Kind == Kind.Eis ? EisFaults(step, limits) : [])
            yield return fault;
        if (step.Kind is Kind.CcCharge or Kind.CccvCharge or Kind.Cv)
        {
            if (Over(step.Ampere, limits.MaxChargeAmpere))
                yield return $"{step.Ampere} A charge; the channel's limit is {limits.MaxChargeAmpere} A";
            if (Over(step.Volt, limits.MaxVolt))
                yield return $"{step.Volt} V; the channel's highest is {limits.MaxVolt} V";
        }
        if (Over(step.Watt, limits.MaxWatt))
            yield return $"{step.Watt} W; the channel's limit is {limits.MaxWatt} W";
    }

    private static IEnumerable<string> EisFaults(Step step, ChannelLimits limits)
    {
        if (step.Eis is not { } eis)
        {
            yield return "an EIS step needs its sweep";
            yield break;
        }
        if (!(eis.ToHertz > 0) || !(eis.FromHertz >= eis.ToHertz) || !double.IsFinite(eis.FromHertz) || eis.PointsPerDecade is < 1 or > 100)
            yield return $"the sweep goes from a higher to a lower frequency above 0 with 1 to 100 points a decade; it says {eis.FromHertz} to {eis.ToHertz} Hz, {eis.PointsPerDecade}";
        if (eis.AmplitudeVolt > 0 == eis.AmplitudeAmpere > 0)
            yield return "exactly one of amplitude_volt and amplitude_ampere is above 0";
        if (!eis.AtOpenCircuit && (Over(eis.BiasVolt + eis.AmplitudeVolt, limits.MaxVolt) || (limits.MinVolt > 0 && eis.BiasVolt - eis.AmplitudeVolt < limits.MinVolt)))
            yield return $"bias {eis.BiasVolt} V ± {eis.AmplitudeVolt} V leaves {limits.MinVolt} to {limits.MaxVolt} V";
        if (Over(eis.AmplitudeAmpere, limits.MaxDischargeAmpere))
            yield return $"amplitude {eis.AmplitudeAmpere} A; the channel's limit is {limits.MaxDischargeAmpere} A";
    }

    private static IEnumerable<string> SafeStepFaults(Step safe)
    {
        if (safe.Kind is not (Kind.Rest or Kind.CcDischarge or Kind.CcCharge or Kind.CccvCharge or Kind.Cv))
            yield return $"{safe.Kind} is no safe step; use REST, CC_DISCHARGE, CC_CHARGE, CCCV_CHARGE or CV";
    }

    private static IEnumerable<string> UntilFaults(Step step, int index, int steps)
    {
        foreach (var until in step.Until)
        {
            if (until.Signal.Length == 0 || until.Comparison == Until.Types.Comparison.Unspecified || !double.IsFinite(until.Limit))
                yield return "an until needs a signal, a comparison and a finite limit";
            if (until.Comparison == Until.Types.Comparison.RateAtMost && !(until.OverSeconds >= 1))
                yield return $"over_seconds of a rate is at least 1; it is {until.OverSeconds}";
            if (until.GotoStep != 0 && (until.GotoStep <= index + 1 || until.GotoStep > steps))
                yield return $"an until goes on with a later step; goto_step is {until.GotoStep}";
        }
    }

    // A limit of 0 is one that nobody has set. Not a number is over every limit.
    private static bool Over(double value, double limit) => double.IsNaN(value) || (limit > 0 && value > limit);
}
