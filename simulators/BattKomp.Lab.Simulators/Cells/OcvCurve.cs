namespace BattKomp.Lab.Simulators.Cells;

/// <summary>Open-circuit voltage over state of charge: a strictly rising table, straight lines between its points.</summary>
public sealed class OcvCurve
{
    // Beyond the table the cell is abused; steep lines make every voltage limit trip there soon.
    private const double OverDischargeSlope = 40;
    private const double OverChargeSlope = 8;

    private readonly double[] _soc;
    private readonly double[] _volt;

    /// <summary>Makes a curve from (state of charge, volt) points.</summary>
    /// <exception cref="ArgumentException">When the points do not cover 0 to 1 or do not rise in both columns.</exception>
    public OcvCurve(IReadOnlyList<(double Soc, double Volt)> points)
    {
        _soc = [.. points.Select(p => p.Soc)];
        _volt = [.. points.Select(p => p.Volt)];
        if (_soc.Length < 2 || _soc[0] != 0 || _soc[^1] != 1)
            throw new ArgumentException("the open-circuit table must begin at state of charge 0 and end at 1", nameof(points));
        for (var i = 1; i < _soc.Length; i++)
            if (!(_soc[i] > _soc[i - 1]) || !(_volt[i] > _volt[i - 1]))
                throw new ArgumentException($"the open-circuit table must rise in both columns; point {i} does not", nameof(points));
    }

    /// <summary>Shaped like a nickel-manganese-cobalt oxide cell against graphite: 3.0 V empty, 4.2 V full.</summary>
    public static OcvCurve Nmc { get; } = new(
    [
        (0.00, 3.000), (0.02, 3.245), (0.05, 3.412), (0.10, 3.498), (0.15, 3.551), (0.20, 3.587), (0.30, 3.628),
        (0.40, 3.666), (0.50, 3.724), (0.60, 3.818), (0.70, 3.921), (0.80, 4.010), (0.90, 4.092), (0.95, 4.138), (1.00, 4.200),
    ]);

    /// <summary>Open-circuit voltage (V) at a state of charge; 0 at the least.</summary>
    public double At(double soc)
    {
        if (soc <= 0) return Math.Max(0, _volt[0] + soc * OverDischargeSlope);
        if (soc >= 1) return _volt[^1] + (soc - 1) * OverChargeSlope;
        var i = Segment(soc);
        return _volt[i] + (soc - _soc[i]) * SlopeOf(i);
    }

    /// <summary>Slope (V per unit state of charge) at a state of charge.</summary>
    public double SlopeAt(double soc) =>
        soc <= 0 ? OverDischargeSlope : soc >= 1 ? OverChargeSlope : SlopeOf(Segment(soc));

    private double SlopeOf(int i) => (_volt[i + 1] - _volt[i]) / (_soc[i + 1] - _soc[i]);

    private int Segment(double soc)
    {
        var at = Array.BinarySearch(_soc, soc);
        return Math.Min(at >= 0 ? at : ~at - 1, _soc.Length - 2);
    }
}
