namespace BattKomp.Lab.Simulators.Cells;

/// <summary>What an instrument asks of a cell. Positive current charges.</summary>
public abstract record CellDemand
{
    private CellDemand() { }

    /// <summary>No current.</summary>
    public sealed record Rest : CellDemand;

    /// <summary>A constant current (A, positive charges).</summary>
    public sealed record Current(double Ampere) : CellDemand;

    /// <summary>A constant discharge power (W, positive number).</summary>
    public sealed record DischargePower(double Watt) : CellDemand;

    /// <summary>Charge at <paramref name="MaxAmpere"/> until <paramref name="Volt"/>, then hold that voltage.</summary>
    public sealed record Charge(double MaxAmpere, double Volt) : CellDemand;

    /// <summary>Hold <paramref name="Volt"/> with any current from <paramref name="LeastAmpere"/> to <paramref name="MostAmpere"/>; beyond, constant current.</summary>
    public sealed record Hold(double Volt, double LeastAmpere, double MostAmpere) : CellDemand;
}
