namespace BattKomp.Lab.Simulators.Cells;

/// <summary>Repeatable noise on an instrument's voltage reading: the same seed gives the same readings.</summary>
public sealed class MeasurementNoise(int seed, double sigmaVolt)
{
    private readonly Random _random = new(seed);

    /// <summary>The reading (V) of a true voltage (V).</summary>
    public double Read(double volt)
    {
        if (sigmaVolt == 0) return volt;
        var radius = Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble()));
        return volt + sigmaVolt * radius * Math.Cos(2 * Math.PI * _random.NextDouble());
    }
}
