using System.Numerics;
using BattKomp.Lab.Simulators.Cells;

namespace BattKomp.Lab.Simulators.Instruments.MethodScript;

/// <summary>The potentiostat's power stage on the cell, and the impedance that it sees.</summary>
public sealed class ElectrodeStage : ICellLoad
{
    private readonly DeviceContext _context;
    private readonly MethodScriptOptions _options;
    private readonly CellTap _tap;

    /// <summary>Connects it to the cell.</summary>
    public ElectrodeStage(MethodScriptOptions options, DeviceContext context) => (_options, _context, _tap) = (options, context, context.Attach(this));

    /// <summary>Whether the cell is connected.</summary>
    public bool On { get; set; }

    /// <summary>The potential (V) to hold; null = a current is set.</summary>
    public double? Potential { get; private set; }

    /// <summary>The current (A, positive charges) set.</summary>
    public double SetAmpere { get; private set; }

    /// <inheritdoc/>
    public CellDemand Demand => !On ? new CellDemand.Rest()
        : Potential is { } volt ? new CellDemand.Hold(volt, -_options.MaxAmpere, _options.MaxAmpere)
        : new CellDemand.Current(SetAmpere);

    /// <inheritdoc/>
    public double SecondsToEvent => double.PositiveInfinity;

    /// <summary>Current (A, positive charges) that really flows.</summary>
    public double TrueAmpere => _tap.Ampere;

    /// <summary>Potential reading (V).</summary>
    public double Volt => _context.Faults.Reading("volt", _context.Noise.Read(_tap.VoltAt(_tap.Ampere)), _context.Cell.Seconds);

    /// <summary>Current reading (A).</summary>
    public double Ampere => _context.Faults.Reading("ampere", _tap.Ampere, _context.Cell.Seconds);

    /// <summary>Whether the stage is at its greatest current.</summary>
    public bool Overloaded => On && Math.Abs(_tap.Ampere) >= _options.MaxAmpere * (1 - 1e-9);

    /// <inheritdoc/>
    public void Carried(double ampere, double seconds) { }

    /// <summary>Sets a potential (V).</summary>
    public void HoldPotential(double volt) => Potential = _context.Faults.Setpoint("volt", volt, _context.Cell.Seconds);

    /// <summary>Sets a current (A).</summary>
    public void HoldCurrent(double ampere)
    {
        Potential = null;
        SetAmpere = _context.Faults.Setpoint("ampere", Math.Clamp(ampere, -_options.MaxAmpere, _options.MaxAmpere), _context.Cell.Seconds);
    }

    /// <summary>Impedance (Ω) at a frequency (Hz): the Randles circuit of the settings, else the cell's own resistances and pairs.</summary>
    public Complex Impedance(double hertz)
    {
        if (_options.RandlesRctOhm is { } rct) return _options.RandlesRsOhm + Pair(rct, _options.RandlesCdlFarad, hertz);
        var sum = Complex.Zero;
        foreach (var p in _context.Cell.Cells.Select(c => c.Parameters))
            sum += p.R0Ohm + Pair(p.R1Ohm, p.C1Farad, hertz) + Pair(p.R2Ohm, p.C2Farad, hertz);
        return sum;
    }

    private static Complex Pair(double ohm, double farad, double hertz) => ohm / (1 + Complex.ImaginaryOne * 2 * Math.PI * hertz * ohm * farad);
}
