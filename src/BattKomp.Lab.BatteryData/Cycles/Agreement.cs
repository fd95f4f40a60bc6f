namespace BattKomp.Lab.BatteryData;

/// <summary>What the comparison of counter and integral says.</summary>
public enum AgreementFlag
{
    /// <summary>There is only one of the two.</summary>
    SingleSource,

    /// <summary>Within the tolerance.</summary>
    Agrees,

    /// <summary>Beyond the tolerance: look before using the figure.</summary>
    Disagrees,
}

/// <summary>Compares the instrument's counter with our own integral, in Ah.</summary>
internal static class Agreement
{
    /// <summary>Constant current: 0.1 %.</summary>
    public const double ConstantCurrent = 0.001;

    /// <summary>With a constant-voltage part, whose falling current is recorded at intervals of 30 s and more: 1 %.</summary>
    public const double ConstantVoltage = 0.01;

    // A direction that moved less than this share of the other is the last digit of a counter, and its ratio says nothing.
    private const double Negligible = 1e-4;

    /// <summary>Largest relative difference of the two directions, or null when one source is missing or nothing moved.</summary>
    public static double? Compare(TwoWay? counter, TwoWay integral)
    {
        if (counter is not { IsKnown: true } known || !integral.IsKnown) return null;
        var floor = Negligible * Math.Max(known.Larger, integral.Larger);
        var charging = Relative(known.Charging, integral.Charging, floor);
        var discharging = Relative(known.Discharging, integral.Discharging, floor);
        return charging is null ? discharging : discharging is null ? charging : Math.Max(charging.Value, discharging.Value);
    }

    /// <summary>The flag of a difference under the tolerance that fits the step.</summary>
    public static AgreementFlag Judge(double? difference, bool constantVoltage, bool hasCounter)
    {
        if (!hasCounter) return AgreementFlag.SingleSource;
        return difference <= (constantVoltage ? ConstantVoltage : ConstantCurrent) || difference is null ? AgreementFlag.Agrees : AgreementFlag.Disagrees;
    }

    private static double? Relative(double counter, double integral, double floor)
    {
        var scale = Math.Max(Math.Abs(counter), Math.Abs(integral));
        return scale == 0 || scale < floor ? null : Math.Abs(counter - integral) / scale;
    }
}
