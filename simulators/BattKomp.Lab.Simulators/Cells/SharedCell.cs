namespace BattKomp.Lab.Simulators.Cells;

/// <summary>An instrument that asks a cell for current.</summary>
public interface ICellLoad
{
    /// <summary>What it asks for now.</summary>
    CellDemand Demand { get; }

    /// <summary>Lab seconds until its demand may change by the clock alone; infinity = not by the clock. A step is never longer.</summary>
    double SecondsToEvent { get; }

    /// <summary>Tells what flowed: current (A, positive charges) of this instrument over the last step (s). May change the demand.</summary>
    void Carried(double ampere, double seconds);
}

/// <summary>Something in series with the cell that may stop its current, such as the switches of a BMS.</summary>
public interface ICellGate
{
    /// <summary>Whether charge current may pass.</summary>
    bool ChargeAllowed { get; }

    /// <summary>Whether discharge current may pass.</summary>
    bool DischargeAllowed { get; }

    /// <summary>Tells the cell's whole current (A, positive charges) over the last step (s). May change what is allowed.</summary>
    void Carried(double ampere, double seconds);
}

/// <summary>
/// A cell, or several in series, that any number of instruments share: their currents add up, gates in series may stop
/// them, a chamber may set the surroundings. Time is handed in as lab seconds. Guarded by the bench's gate.
/// </summary>
public sealed class SharedCell
{
    private readonly SubstepPolicy _substeps;
    private readonly List<CellTap> _taps = [];
    private readonly List<ICellGate> _gates = [];

    /// <summary>Makes a shared cell of cells in series; at least one.</summary>
    public SharedCell(IReadOnlyList<EquivalentCircuitCell> cells, SubstepPolicy substeps)
    {
        if (cells.Count == 0) throw new ArgumentException("a shared cell needs at least one cell", nameof(cells));
        Cells = cells;
        _substeps = substeps;
    }

    /// <summary>Makes a shared cell of one.</summary>
    public SharedCell(EquivalentCircuitCell cell, SubstepPolicy substeps) : this([cell], substeps) { }

    /// <summary>The cells, in series.</summary>
    public IReadOnlyList<EquivalentCircuitCell> Cells { get; }

    /// <summary>Lab seconds that it has lived through.</summary>
    public double Seconds { get; private set; }

    /// <summary>Current (A) of the last step; positive charges.</summary>
    public double Ampere => Cells[0].Ampere;

    /// <summary>Voltage (V) over all cells at the current of the last step.</summary>
    public double Volt => Cells.Sum(c => c.Volt);

    /// <summary>State of charge, the mean of the cells.</summary>
    public double Soc => Cells.Average(c => c.Soc);

    /// <summary>Charge put in (Ah) since the beginning.</summary>
    public double ChargeAh => Cells[0].ChargeAh;

    /// <summary>Charge taken out (Ah) since the beginning.</summary>
    public double DischargeAh => Cells[0].DischargeAh;

    /// <summary>Temperature (°C), the mean of the cells.</summary>
    public double Celsius => Cells.Average(c => c.Celsius);

    /// <summary>Temperature (°C) of the surroundings.</summary>
    public double AmbientCelsius
    {
        get => Cells[0].AmbientCelsius;
        set
        {
            foreach (var cell in Cells) cell.AmbientCelsius = value;
        }
    }

    /// <summary>Connects an instrument.</summary>
    /// <param name="load">The instrument.</param>
    /// <param name="circuit">Its circuit, which a relay may interrupt; null = always closed.</param>
    /// <param name="stuck">Whether its own output stage is stuck closed at a lab second; null = never.</param>
    public CellTap Attach(ICellLoad load, Circuit? circuit = null, Func<double, bool>? stuck = null)
    {
        var tap = new CellTap(this, load, circuit, stuck);
        _taps.Add(tap);
        return tap;
    }

    /// <summary>Puts a gate in series.</summary>
    public void Attach(ICellGate gate) => _gates.Add(gate);

    /// <summary>Voltage (V) over all cells if the current changed to <paramref name="ampere"/> at this instant.</summary>
    public double VoltAt(double ampere) => Cells.Sum(c => c.VoltAt(ampere));

    /// <summary>Lets lab time pass up to <paramref name="seconds"/>; an earlier time is ignored.</summary>
    public void AdvanceTo(double seconds)
    {
        while (Seconds < seconds)
        {
            var resting = true;
            var step = seconds - Seconds;
            foreach (var tap in _taps)
            {
                resting &= tap.Choose() is CellDemand.Rest;
                step = Math.Min(step, tap.Load.SecondsToEvent);
            }
            step = Math.Min(step, resting ? _substeps.AtRestSeconds : _substeps.UnderLoadSeconds);
            Carry(step);
            // A step too small to move the sum would stand still for ever.
            Seconds = seconds - Seconds <= step ? seconds : Seconds + step;
            foreach (var tap in _taps) tap.Load.Carried(tap.Ampere, step);
            foreach (var gate in _gates) gate.Carried(Ampere, step);
        }
    }

    private void Carry(double seconds)
    {
        // First those that set a current, then those that hold a voltage against it.
        var total = 0.0;
        foreach (var tap in _taps)
            if (tap.Chosen is not (CellDemand.Charge or CellDemand.Hold)) total += tap.Ampere = Passed(Set(tap.Chosen));
        foreach (var tap in _taps)
            if (tap.Chosen is CellDemand.Charge or CellDemand.Hold) total += tap.Ampere = Passed(Held(tap.Chosen, total, seconds));
        foreach (var cell in Cells) cell.Step(total, seconds);
    }

    private double Passed(double ampere)
    {
        foreach (var gate in _gates)
            if ((ampere > 0 && !gate.ChargeAllowed) || (ampere < 0 && !gate.DischargeAllowed)) return 0;
        return ampere;
    }

    private double Set(CellDemand demand) => demand switch
    {
        CellDemand.Current current => current.Ampere,
        CellDemand.DischargePower power => PowerCurrent(power.Watt),
        _ => 0,
    };

    // V·I = −P with V = E + I·R0; beyond the greatest power the cells give what they have.
    private double PowerCurrent(double watt)
    {
        var (emf, ohm) = (VoltAt(0), Cells.Sum(c => c.Parameters.R0Ohm));
        return (-emf + Math.Sqrt(Math.Max(0, emf * emf - 4 * ohm * watt))) / (2 * ohm);
    }

    private double Held(CellDemand demand, double otherAmpere, double seconds)
    {
        var (volt, least, most) = demand switch
        {
            CellDemand.Charge charge => (charge.Volt, 0, charge.MaxAmpere),
            CellDemand.Hold hold => (hold.Volt, hold.LeastAmpere, hold.MostAmpere),
            _ => throw new ArgumentOutOfRangeException(nameof(demand), demand, "holds no voltage"),
        };
        var (emf, ohm) = (0.0, 0.0);
        foreach (var cell in Cells)
        {
            var one = cell.Thevenin(seconds);
            (emf, ohm) = (emf + one.EmfVolt, ohm + one.StiffnessOhm);
        }
        return Math.Clamp((volt - emf) / ohm - otherAmpere, least, most);
    }
}

/// <summary>One instrument's connection to a shared cell.</summary>
public sealed class CellTap(SharedCell cell, ICellLoad load, Circuit? circuit, Func<double, bool>? stuck)
{
    private CellDemand _lastActive = new CellDemand.Rest();

    /// <summary>The cell.</summary>
    public SharedCell Cell { get; } = cell;

    /// <summary>Current (A, positive charges) of this instrument over the last step.</summary>
    public double Ampere { get; internal set; }

    internal ICellLoad Load { get; } = load;

    internal CellDemand Chosen { get; private set; } = new CellDemand.Rest();

    /// <summary>Voltage (V) at the clamps if this instrument's current changed to <paramref name="ampere"/> at this instant, the others' staying.</summary>
    public double VoltAt(double ampere) => Cell.VoltAt(Cell.Ampere - Ampere + ampere);

    internal CellDemand Choose()
    {
        var wanted = Load.Demand;
        if (wanted is not CellDemand.Rest) _lastActive = wanted;
        else if (_lastActive is not CellDemand.Rest && stuck?.Invoke(Cell.Seconds) == true) wanted = _lastActive;
        return Chosen = circuit is { Interrupted: true } ? new CellDemand.Rest() : wanted;
    }
}

/// <summary>The wiring of one instrument to its cell; relay cards may interrupt it. Guarded by the bench's gate.</summary>
public sealed class Circuit
{
    private readonly HashSet<string> _openedBy = [];

    /// <summary>True while at least one relay has it open.</summary>
    public bool Interrupted => _openedBy.Count > 0;

    /// <summary>Tells what one relay does to it.</summary>
    public void Set(string relay, bool open)
    {
        if (open) _openedBy.Add(relay);
        else _openedBy.Remove(relay);
    }
}
