namespace BattKomp.Lab.Simulators.Cells;

/// <summary>What a simulated cell is. The defaults are a 2.5 Ah cylindrical cell at 25 °C, half full.</summary>
public sealed record CellParameters
{
    /// <summary>Charge between state of charge 0 and 1 (Ah).</summary>
    public double CapacityAh { get; init; } = 2.5;

    /// <summary>State of charge at the beginning, 0 to 1.</summary>
    public double InitialSoc { get; init; } = 0.5;

    /// <summary>Ohmic resistance (Ω).</summary>
    public double R0Ohm { get; init; } = 0.020;

    /// <summary>Resistance (Ω) of the fast pair.</summary>
    public double R1Ohm { get; init; } = 0.010;

    /// <summary>Capacitance (F) of the fast pair.</summary>
    public double C1Farad { get; init; } = 1_500;

    /// <summary>Resistance (Ω) of the slow pair.</summary>
    public double R2Ohm { get; init; } = 0.015;

    /// <summary>Capacitance (F) of the slow pair.</summary>
    public double C2Farad { get; init; } = 40_000;

    /// <summary>Temperature of the surroundings, and of the cell at the beginning (°C).</summary>
    public double AmbientCelsius { get; init; } = 25;

    /// <summary>Heat capacity (J/K) of the cell.</summary>
    public double HeatCapacityJoulePerKelvin { get; init; } = 45;

    /// <summary>Thermal resistance (K/W) from the cell to its surroundings.</summary>
    public double ThermalResistanceKelvinPerWatt { get; init; } = 8;

    /// <summary>Standard deviation (V) of the instrument's voltage reading; 0 = none.</summary>
    public double VoltageNoiseVolt { get; init; }

    /// <summary>Cells in series; more than one make a pack.</summary>
    public int Series { get; init; } = 1;

    /// <summary>Between neighbours of a pack, the difference in state of charge at the beginning.</summary>
    public double SocSpread { get; init; }

    /// <summary>The parameters of one cell of the series, counted from 0.</summary>
    public CellParameters InSeries(int index) =>
        SocSpread == 0 ? this : this with { InitialSoc = Math.Clamp(InitialSoc + (index - (Series - 1) / 2.0) * SocSpread, 0, 1) };

    /// <summary>Names the first field that no cell can have, with the remedy; null when all is well.</summary>
    public string? Problem() =>
        NotPositive(CapacityAh, "capacity_ah") ?? NotPositive(R0Ohm, "r0_ohm") ?? NotPositive(R1Ohm, "r1_ohm")
        ?? NotPositive(C1Farad, "c1_farad") ?? NotPositive(R2Ohm, "r2_ohm") ?? NotPositive(C2Farad, "c2_farad")
        ?? NotPositive(HeatCapacityJoulePerKelvin, "heat_capacity_joule_per_kelvin")
        ?? NotPositive(ThermalResistanceKelvinPerWatt, "thermal_resistance_kelvin_per_watt")
        ?? (InitialSoc is >= 0 and <= 1 ? null : "initial_soc must be from 0 to 1")
        ?? (VoltageNoiseVolt is >= 0 and < 1 ? null : "voltage_noise_volt must be from 0 to 1 V")
        ?? (Series is >= 1 and <= 32 ? null : "series must be from 1 to 32 cells")
        ?? (SocSpread is >= -0.1 and <= 0.1 ? null : "soc_spread must be from -0.1 to 0.1")
        ?? (double.IsFinite(AmbientCelsius) ? null : "ambient_celsius must be a number");

    private static string? NotPositive(double value, string field) =>
        double.IsFinite(value) && value > 0 ? null : $"{field} must be a number above 0";
}
