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
                faults.AddRange(StepFaults(program.Steps[k], k, limits).Select(f => $"step {k + 1}: {f}"));
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
        if (step.Kind is Kind.CcCharge or Kind.CccvCharge)
        {
            if (Over(step.Ampere, limits.MaxChargeAmpere))
                yield return $"{step.Ampere} A charge; the channel's limit is {limits.MaxChargeAmpere} A";
            if (Over(step.Volt, limits.MaxVolt))
                yield return $"{step.Volt} V; the channel's highest is {limits.MaxVolt} V";
        }
        if (Over(step.Watt, limits.MaxWatt))
            yield return $"{step.Watt} W; the channel's limit is {limits.MaxWatt} W";
    }

    // A limit of 0 is one that nobody has set. Not a number is over every limit.
    private static bool Over(double value, double limit) => double.IsNaN(value) || (limit > 0 && value > limit);
}
