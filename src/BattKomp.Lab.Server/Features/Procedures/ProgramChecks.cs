using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Server.Features.Procedures;

/// <summary>
/// What a program must satisfy before it is stored: steps or a vendor's file, never both; every energised step bounded in
/// time; positive finite magnitudes; loops that go back, nest, and end. Each mistake names its field and the remedy.
/// </summary>
internal static class ProgramChecks
{
    private const int MostSteps = 1000;
    private const double MostSeconds = 366 * 86400.0;
    private const long MostExecutions = 1_000_000;

    internal static void Check(FieldChecks checks, V1.Program? program, string path)
    {
        checks.Require(program is not null && (program.Steps.Count > 0 ^ program.Vendor is not null), path,
            "needs either steps or a vendor program, not both and not neither.");
        if (program is null) return;
        if (program.Vendor is { } vendor) CheckVendor(checks, vendor, path + ".vendor");
        checks.Require(program.Steps.Count <= MostSteps, path + ".steps", $"holds {program.Steps.Count} steps; use loops to stay within {MostSteps}.");
        for (var i = 0; i < Math.Min(program.Steps.Count, MostSteps); i++) CheckStep(checks, program, i, $"{path}.steps[{i}]");
        CheckSafeStep(checks, program.SafeStep, path + ".safe_step");
        if (checks.Ok && program.Steps.Count > 0)
            checks.Require(Executions(program) <= MostExecutions, path + ".steps", $"would execute more than {MostExecutions} steps; lower the repeats.");
    }

    private static void CheckVendor(FieldChecks checks, VendorProgram vendor, string path) => checks
        .Require(vendor.FileName.Length is > 0 and <= 255 && !vendor.FileName.AsSpan().ContainsAny('/', '\\'), path + ".file_name", "must be a file name of 1–255 characters without a path.")
        .Require(IsSha256(vendor.Sha256), path + ".sha256", "must be the file's SHA-256 as 64 lower-case hex digits.");

    private static bool IsSha256(string text) => text.Length == 64 && text.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f');

    private static void CheckStep(FieldChecks checks, V1.Program program, int index, string path)
    {
        var step = program.Steps[index];
        if (!CheckKind(checks, step, path)) return;
        CheckValues(checks, step, path);
        CheckLoop(checks, program, index, path);
        StepExtras.Check(checks, step, index, program.Steps.Count, path);
    }

    // A safe step stands alone: nothing follows it, so that nothing may jump, loop or end it early.
    private static void CheckSafeStep(FieldChecks checks, Step? step, string path)
    {
        if (step is null || !CheckKind(checks, step, path)) return;
        checks.Require(step.Kind is Kind.Rest or Kind.CcDischarge or Kind.CcCharge or Kind.CccvCharge or Kind.Cv, path + ".kind",
            $"is {step.Kind}; use REST, CC_DISCHARGE, CC_CHARGE, CCCV_CHARGE or CV.");
        CheckValues(checks, step, path);
        checks.Require(step.GotoStep == 0 && step.Repeat == 0, path + ".goto_step", "and repeat are not used by a safe step; leave them out.")
            .Require(step.Until.Count == 0, path + ".until", "is not used by a safe step; leave it out.")
            .Require(step.Eis is null && step.Celsius == 0, path + ".kind", "of a safe step has neither eis nor celsius; leave them out.");
    }

    private static bool CheckKind(FieldChecks checks, Step step, string path)
    {
        var known = step.Kind is not Kind.Unspecified && Enum.IsDefined(step.Kind);
        checks.Require(known, path + ".kind", "is not set; use REST, CC_DISCHARGE, CC_CHARGE, CCCV_CHARGE, CV, CP_DISCHARGE, CP_CHARGE, EIS, TEMPERATURE or LOOP.");
        return known;
    }

    private static void CheckValues(FieldChecks checks, Step step, string path)
    {
        var current = step.Kind is Kind.CcCharge or Kind.CcDischarge or Kind.CccvCharge or Kind.Cv;
        var power = step.Kind is Kind.CpDischarge or Kind.CpCharge;
        Magnitude(checks, step, path + ".ampere", step.Ampere, current, "A");
        Magnitude(checks, step, path + ".watt", step.Watt, power, "W");
        Magnitude(checks, step, path + ".volt", step.Volt, current || power, "V");
        // A CV step without a cut-off lasts its whole time.
        if (step.Kind is not Kind.Cv || step.CutoffAmpere != 0) Magnitude(checks, step, path + ".cutoff_ampere", step.CutoffAmpere, step.Kind is Kind.CccvCharge or Kind.Cv, "A");
        Magnitude(checks, step, path + ".max_seconds", step.MaxSeconds, step.Kind is not Kind.Loop, "s");
        checks.Require(!(step.MaxSeconds > MostSeconds), path + ".max_seconds", $"is {step.MaxSeconds} s; a step lasts at most {MostSeconds} s.");
        checks.Require(step.Kind is not (Kind.CccvCharge or Kind.Cv) || !(step.CutoffAmpere >= step.Ampere) || !(step.Ampere > 0), path + ".cutoff_ampere",
            $"is {step.CutoffAmpere} A and must be below the current of {step.Ampere} A.");
    }

    private static void Magnitude(FieldChecks checks, Step step, string field, double value, bool used, string unit)
    {
        if (used)
            checks.Require(double.IsFinite(value) && value > 0, field, $"is {value} {unit}; {step.Kind} needs a finite value above 0 {unit} (the kind says the direction).");
        else
            checks.Require(value == 0, field, $"is {value} {unit}, but {step.Kind} does not use it; leave it out.");
    }

    private static void CheckLoop(FieldChecks checks, V1.Program program, int index, string path)
    {
        var step = program.Steps[index];
        if (step.Kind is not Kind.Loop)
        {
            checks.Require(step.GotoStep == 0, path + ".goto_step", $"is {step.GotoStep}, but only LOOP uses it; leave it out.");
            checks.Require(step.Repeat == 0, path + ".repeat", $"is {step.Repeat}, but only LOOP uses it; leave it out.");
            return;
        }
        checks.Require(step.GotoStep >= 1 && step.GotoStep <= index, path + ".goto_step", $"is {step.GotoStep}; a loop goes back to a step before itself, 1 to {index}.");
        checks.Require(step.Repeat is >= 1 and <= 100_000, path + ".repeat", $"is {step.Repeat}; use 1 to 100000.");
        for (var j = 0; j < index; j++)
        {
            if (program.Steps[j].Kind is not Kind.Loop) continue;
            var entersHalf = program.Steps[j].GotoStep < step.GotoStep && step.GotoStep <= j + 1;
            checks.Require(!entersHalf, path + ".goto_step", $"is {step.GotoStep}, in the middle of the loop that ends at step {j + 1}; loops must nest.");
        }
    }

    // Steps executed from the first to the last, loops unrolled; saturates far above the limit.
    private static double Executions(V1.Program program)
    {
        var upTo = new double[program.Steps.Count + 1];
        for (var i = 0; i < program.Steps.Count; i++)
        {
            var step = program.Steps[i];
            var again = step.Kind is Kind.Loop ? (upTo[i] - upTo[step.GotoStep - 1] + 1) * step.Repeat : 0;
            upTo[i + 1] = upTo[i] + 1 + again;
        }
        return upTo[^1];
    }
}
