using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Safety;

/// <summary>Whether a reading lies within a channel's limits. Tolerances keep a meter's noise at a device's own cut-off from being called a breach.</summary>
public static class LimitCheck
{
    /// <summary>V beyond a voltage limit that are still noise.</summary>
    public const double VoltTolerance = 0.05;

    /// <summary>Share of a current or power limit that is still noise.</summary>
    public const double RelativeTolerance = 0.05;

    /// <summary>°C beyond a temperature limit that are still noise.</summary>
    public const double CelsiusTolerance = 0.5;

    /// <summary>"limit_volt: 4.31 V, highest 4.25 V", or null when all is within. Limits of 0 are not set. <paramref name="step"/> tells whether the lower voltage counts: a deeply discharged cell may be charged.</summary>
    public static string? Broken(Reading reading, Step? step, params IEnumerable<ChannelLimits?> limits)
    {
        foreach (var limit in limits)
            if (limit is not null && Broken(reading, step, limit) is { } broken)
                return broken;
        return null;
    }

    private static string? Broken(Reading r, Step? step, ChannelLimits limits)
    {
        var charging = r.Ampere > 0 || step?.Kind is Step.Types.Kind.CcCharge or Step.Types.Kind.CccvCharge or Step.Types.Kind.CpCharge;
        var ampere = r.Ampere > 0 ? limits.MaxChargeAmpere : limits.MaxDischargeAmpere;
        return limits.MaxVolt > 0 && r.Volt > limits.MaxVolt + VoltTolerance ? $"limit_volt: {r.Volt} V, highest {limits.MaxVolt} V"
            : limits.MinVolt > 0 && !charging && r.Volt < limits.MinVolt - VoltTolerance ? $"limit_volt: {r.Volt} V, lowest {limits.MinVolt} V"
            : ampere > 0 && Math.Abs(r.Ampere) > ampere * (1 + RelativeTolerance) ? $"limit_ampere: {Math.Abs(r.Ampere)} A, limit {ampere} A"
            : limits.MaxWatt > 0 && Math.Abs(r.Volt * r.Ampere) > limits.MaxWatt * (1 + RelativeTolerance) ? $"limit_watt: {Math.Abs(r.Volt * r.Ampere):0.###} W, limit {limits.MaxWatt} W"
            : limits.MaxCelsius != 0 && r.Celsius > limits.MaxCelsius + CelsiusTolerance ? $"limit_celsius: {r.Celsius} °C, highest {limits.MaxCelsius} °C"
            : limits.MinCelsius != 0 && r.Celsius < limits.MinCelsius - CelsiusTolerance ? $"limit_celsius: {r.Celsius} °C, lowest {limits.MinCelsius} °C"
            : null;
    }
}
