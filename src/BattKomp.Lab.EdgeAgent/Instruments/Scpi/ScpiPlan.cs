using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Instruments.Scpi;

/// <summary>A device refuses a setting, or reads back another value.</summary>
public sealed class ScpiRefusedException(string message) : IOException(message);

/// <summary>What the device last said it holds.</summary>
/// <param name="Volt">Voltage set point.</param>
/// <param name="Level">Current or power set point, as on the wire.</param>
/// <param name="Sinks">Direction that was ordered.</param>
public sealed record ScpiHeld(double Volt, double Level, bool Sinks)
{
    /// <summary>The question that reads the level back.</summary>
    public string Ask(ScpiProfile profile) => (Sinks ? profile.SinkAmpere ?? profile.Ampere : profile.Ampere).Ask;
}

/// <summary>A step in a profile's words.</summary>
/// <param name="Mode">Commands before the level.</param>
/// <param name="Volt">Voltage set point: charge voltage or cut-off.</param>
/// <param name="Value">Where the level goes.</param>
/// <param name="Level">As on the wire: a sunk current is negative where one command serves both directions.</param>
/// <param name="Sinks">Direction.</param>
public sealed record ScpiPlan(IReadOnlyList<string> Mode, double Volt, ScpiValue Value, double Level, bool Sinks)
{
    /// <summary>Plans a step that <see cref="ScpiProfile.Fault"/> lets pass. A voltage is held from above or from below: <paramref name="sinks"/> says which.</summary>
    public static ScpiPlan Of(Step step, ScpiProfile profile, bool? sinks)
    {
        if (step.Kind == Kind.CpDischarge)
            return new ScpiPlan(profile.PowerMode, Math.Max(0, step.Volt - profile.CutOffMargin), profile.Watt!, step.Watt, true);
        var down = step.Kind == Kind.CcDischarge || (step.Kind == Kind.Cv && sinks == true);
        var negative = down && profile is { SinkAmpere: null, DrawnIsPositive: false };
        return new ScpiPlan(profile.CurrentMode, step.Kind == Kind.CcDischarge ? Math.Max(0, step.Volt - profile.CutOffMargin) : step.Volt, down ? profile.SinkAmpere ?? profile.Ampere : profile.Ampere, negative ? -step.Ampere : step.Ampere, down);
    }
}
