namespace BattKomp.Lab.BatteryData;

/// <summary>One step execution, or the part of one that lies in one cycle.</summary>
public sealed record StepRow
{
    /// <summary>The tester's cycle number; 1 when the records carry none.</summary>
    public required long CycleCount { get; init; }

    /// <summary>The tester's number of the execution, or null.</summary>
    public double? StepCount { get; init; }

    /// <summary>BDF step type as recorded, or null.</summary>
    public string? StepType { get; init; }

    /// <summary>Index of the first record.</summary>
    public required int FirstRecord { get; init; }

    /// <summary>Number of records.</summary>
    public required int Records { get; init; }

    /// <summary>Test time at the first record (s).</summary>
    public required double StartSecond { get; init; }

    /// <summary>Test time from first to last record (s).</summary>
    public required double DurationSecond { get; init; }

    /// <summary>Voltage at the first record (V); NaN when there is none.</summary>
    public required double StartVoltage { get; init; }

    /// <summary>Voltage at the last record (V); NaN when there is none.</summary>
    public required double EndVoltage { get; init; }

    /// <summary>Own trapezoid of the current (Ah).</summary>
    public required TwoWay IntegralCapacity { get; init; }

    /// <summary>Own trapezoid of the power (Wh); unknown without voltage.</summary>
    public required TwoWay IntegralEnergy { get; init; }

    /// <summary>The instrument's counter (Ah), or null when it has none.</summary>
    public TwoWay? CounterCapacity { get; init; }

    /// <summary>The instrument's counter (Wh), or null when it has none.</summary>
    public TwoWay? CounterEnergy { get; init; }

    /// <summary>Whether part of the step holds the voltage (by step type, else by its course).</summary>
    public required bool HoldsVoltage { get; init; }

    /// <summary>Largest relative difference of counter and integral in Ah; null when there is one source or nothing moved.</summary>
    public double? Agreement { get; init; }

    /// <summary>The verdict on <see cref="Agreement"/>.</summary>
    public AgreementFlag Flag { get; init; }
}
