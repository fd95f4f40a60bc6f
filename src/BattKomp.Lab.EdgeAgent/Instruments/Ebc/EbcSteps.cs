using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Instruments.Ebc;

/// <summary>Steps of a program in the device's own numbers: 10 mA, 10 mV, whole watts, whole minutes.</summary>
public static class EbcSteps
{
    private const int MaxMinutes = 999;
    private const int MaxDischarge = 2000;
    private const int MaxCharge = 500;
    private const int MaxVoltage = 3000;
    private const int MaxChargeVoltage = 1800;

    /// <summary>Why the device cannot do a step; null when it can.</summary>
    public static string? Fault(Step step) => step.Kind switch
    {
        Kind.Rest or Kind.Loop => null,
        Kind.CcDischarge => Whole(step.Ampere, 100, 1, MaxDischarge, "ampere", "0.01 to 20 A in steps of 10 mA") ?? Volt(step) ?? Minutes(step),
        Kind.CpDischarge => Whole(step.Watt, 1, 1, MaxMinutes, "watt", "1 to 999 W in whole watts") ?? Volt(step) ?? Minutes(step),
        Kind.CccvCharge => Whole(step.Ampere, 100, 1, MaxCharge, "ampere", "0.01 to 5 A in steps of 10 mA")
            ?? Whole(step.Volt, 100, 1, MaxChargeVoltage, "volt", "0.01 to 18 V of charge in steps of 10 mV")
            ?? Whole(step.CutoffAmpere, 100, 1, MaxCharge, "cutoff_ampere", "0.01 to 5 A in steps of 10 mA"),
        _ => $"the EBC-A20 cannot do {step.Kind}; use CCCV_CHARGE",
    };

    /// <summary>Mode and numbers of an energised step that has no fault.</summary>
    public static (EbcMode Mode, EbcSettings Settings) Of(Step step) => step.Kind switch
    {
        Kind.CcDischarge => (EbcMode.CcDischarge, new EbcSettings(Number(step.Ampere, 100), Number(step.Volt, 100), MinutesOf(step))),
        Kind.CpDischarge => (EbcMode.CpDischarge, new EbcSettings(Number(step.Watt, 1), Number(step.Volt, 100), MinutesOf(step))),
        _ => (EbcMode.CvCharge, new EbcSettings(Number(step.Ampere, 100), Number(step.Volt, 100), Number(step.CutoffAmpere, 100))),
    };

    private static int Number(double value, int scale) => (int)Math.Round(value * scale);

    private static int MinutesOf(Step step) => Math.Max(1, (int)Math.Ceiling(step.MaxSeconds / 60));

    private static string? Minutes(Step step) =>
        step.MaxSeconds <= MaxMinutes * 60 ? null : $"max_seconds is {step.MaxSeconds}; the device's own limit is {MaxMinutes} min: split the step";

    private static string? Volt(Step step) => Whole(step.Volt, 100, 1, MaxVoltage, "volt", "0.01 to 30 V in steps of 10 mV");

    private static string? Whole(double value, int scale, int low, int high, string field, string allowed)
    {
        var scaled = value * scale;
        return double.IsFinite(scaled) && Math.Abs(scaled - Math.Round(scaled)) < 1e-6 && scaled >= low - 1e-6 && scaled <= high + 1e-6
            ? null
            : $"{field} is {value}; the device takes {allowed}";
    }
}
