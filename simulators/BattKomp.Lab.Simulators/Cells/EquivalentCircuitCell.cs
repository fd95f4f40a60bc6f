namespace BattKomp.Lab.Simulators.Cells;

/// <summary>
/// A cell as an equivalent circuit: open-circuit voltage over state of charge, an ohmic resistance, two RC pairs and one
/// thermal node. Within a step the current is constant, so charge and RC voltages are exact whatever the step; energies
/// and heat are trapezoids. Not safe for use by two threads at once.
/// </summary>
public sealed class EquivalentCircuitCell(CellParameters parameters, OcvCurve? ocv = null)
{
    private readonly OcvCurve _ocv = ocv ?? OcvCurve.Nmc;
    private double _ambientCelsius = parameters.AmbientCelsius;
    private double _ambientExcess;

    /// <summary>What the cell is.</summary>
    public CellParameters Parameters { get; } = parameters;

    /// <summary>State of charge; below 0 or above 1 when abused.</summary>
    public double Soc { get; private set; } = parameters.InitialSoc;

    /// <summary>Voltage (V) over the fast pair.</summary>
    public double FastVolt { get; private set; }

    /// <summary>Voltage (V) over the slow pair.</summary>
    public double SlowVolt { get; private set; }

    /// <summary>Current (A) of the last step; positive charges.</summary>
    public double Ampere { get; private set; }

    /// <summary>Temperature of the surroundings (°C); a chamber sets it. The cell keeps its own temperature at that instant.</summary>
    public double AmbientCelsius
    {
        get => _ambientCelsius;
        set
        {
            _ambientExcess += _ambientCelsius - value;
            _ambientCelsius = value;
        }
    }

    /// <summary>Temperature of the cell (°C).</summary>
    public double Celsius => _ambientCelsius + _ambientExcess;

    /// <summary>Charge put in (Ah) since the beginning.</summary>
    public double ChargeAh { get; private set; }

    /// <summary>Charge taken out (Ah) since the beginning.</summary>
    public double DischargeAh { get; private set; }

    /// <summary>Energy put in at the terminals (Wh) since the beginning.</summary>
    public double ChargeWh { get; private set; }

    /// <summary>Energy taken out at the terminals (Wh) since the beginning.</summary>
    public double DischargeWh { get; private set; }

    /// <summary>Heat (J) set free in the resistances since the beginning.</summary>
    public double HeatJoule { get; private set; }

    /// <summary>Open-circuit voltage (V) at the present state of charge.</summary>
    public double OpenCircuitVolt => _ocv.At(Soc);

    /// <summary>Terminal voltage (V) at the current of the last step.</summary>
    public double Volt => VoltAt(Ampere);

    /// <summary>Terminal voltage (V) if the current changed to <paramref name="ampere"/> at this instant.</summary>
    public double VoltAt(double ampere) => OpenCircuitVolt + FastVolt + SlowVolt + ampere * Parameters.R0Ohm;

    /// <summary>The current (A, positive charges) that meets a demand over the next <paramref name="seconds"/>.</summary>
    public double CurrentFor(CellDemand demand, double seconds) => demand switch
    {
        CellDemand.Current current => current.Ampere,
        CellDemand.DischargePower power => PowerCurrent(power.Watt),
        CellDemand.Charge charge => Math.Clamp(HoldingCurrent(charge.Volt, seconds), 0, charge.MaxAmpere),
        CellDemand.Hold hold => Math.Clamp(HoldingCurrent(hold.Volt, seconds), hold.LeastAmpere, hold.MostAmpere),
        _ => 0,
    };

    /// <summary>Carries a constant current (A) for a time (s).</summary>
    public void Step(double ampere, double seconds)
    {
        var p = Parameters;
        Ampere = ampere;
        var voltBefore = Volt;
        var lossBefore = LossWatt(ampere);

        FastVolt = Relax(FastVolt, ampere * p.R1Ohm, seconds / (p.R1Ohm * p.C1Farad));
        SlowVolt = Relax(SlowVolt, ampere * p.R2Ohm, seconds / (p.R2Ohm * p.C2Farad));
        var ampereHours = ampere * seconds / 3600;
        Soc += ampereHours / p.CapacityAh;

        var wattHours = ampereHours * (voltBefore + Volt) / 2;
        if (ampere > 0) { ChargeAh += ampereHours; ChargeWh += wattHours; }
        else { DischargeAh -= ampereHours; DischargeWh -= wattHours; }

        var loss = (lossBefore + LossWatt(ampere)) / 2;
        HeatJoule += loss * seconds;
        _ambientExcess = Relax(_ambientExcess, loss * p.ThermalResistanceKelvinPerWatt,
            seconds / (p.ThermalResistanceKelvinPerWatt * p.HeatCapacityJoulePerKelvin));
    }

    private static double Relax(double from, double to, double timeConstants) => to + (from - to) * Math.Exp(-timeConstants);

    private double LossWatt(double ampere) =>
        ampere * ampere * Parameters.R0Ohm + FastVolt * FastVolt / Parameters.R1Ohm + SlowVolt * SlowVolt / Parameters.R2Ohm;

    // V·I = −P with V = E + I·R0; beyond the cell's greatest power it gives what it has.
    private double PowerCurrent(double watt)
    {
        var emf = VoltAt(0);
        var root = emf * emf - 4 * Parameters.R0Ohm * watt;
        return (-emf + Math.Sqrt(Math.Max(0, root))) / (2 * Parameters.R0Ohm);
    }

    private double HoldingCurrent(double volt, double seconds)
    {
        var (emf, stiffness) = Thevenin(seconds);
        return (volt - emf) / stiffness;
    }

    /// <summary>
    /// The cell as seen at the end of a step of constant current: voltage = emf (V) + stiffness (Ω) · current. A current found
    /// from it holds a voltage implicitly, so a long step cannot ring.
    /// </summary>
    public (double EmfVolt, double StiffnessOhm) Thevenin(double seconds)
    {
        var p = Parameters;
        var fast = Math.Exp(-seconds / (p.R1Ohm * p.C1Farad));
        var slow = Math.Exp(-seconds / (p.R2Ohm * p.C2Farad));
        var stiffness = p.R0Ohm + p.R1Ohm * (1 - fast) + p.R2Ohm * (1 - slow) + _ocv.SlopeAt(Soc) * seconds / 3600 / p.CapacityAh;
        return (OpenCircuitVolt + FastVolt * fast + SlowVolt * slow, stiffness);
    }
}
