namespace BattKomp.Lab.BatteryData;

/// <summary>Charge or energy in the two directions; both are counted positive. NaN means unknown.</summary>
/// <param name="Charging">Put into the test object (Ah or Wh).</param>
/// <param name="Discharging">Taken out of it (Ah or Wh).</param>
public readonly record struct TwoWay(double Charging, double Discharging)
{
    /// <summary>Nothing moved.</summary>
    public static TwoWay Zero { get; } = new(0, 0);

    /// <summary>Not known.</summary>
    public static TwoWay Unknown { get; } = new(double.NaN, double.NaN);

    /// <summary>Whether both directions are known.</summary>
    public bool IsKnown => !double.IsNaN(Charging) && !double.IsNaN(Discharging);

    /// <summary>The larger of the two.</summary>
    public double Larger => Math.Max(Charging, Discharging);

    /// <summary>Direction by direction.</summary>
    public static TwoWay operator +(TwoWay a, TwoWay b) => new(a.Charging + b.Charging, a.Discharging + b.Discharging);
}

/// <summary>The trapezoid over the records of one run: never over a step border, because nothing was recorded between.</summary>
internal static class Integral
{
    private const double SecondsPerHour = 3600;

    /// <summary>
    /// Integrates the rate (A for Ah, W for Wh) over time. Records without a rate or time are passed over; an interval in
    /// which time stands still or runs back adds nothing. Where the rate changes sign, each side counts in its own direction.
    /// </summary>
    public static TwoWay OfRun(ReadOnlySpan<double> time, ReadOnlySpan<double> rate)
    {
        double charging = 0, discharging = 0;
        var last = -1;
        for (var i = 0; i < time.Length; i++)
        {
            if (double.IsNaN(time[i]) || double.IsNaN(rate[i])) continue;
            if (last >= 0 && time[i] > time[last])
            {
                var part = Trapezoid(rate[last], rate[i], time[i] - time[last]);
                charging += part.Charging;
                discharging += part.Discharging;
            }

            last = i;
        }

        return new TwoWay(charging / SecondsPerHour, discharging / SecondsPerHour);
    }

    private static TwoWay Trapezoid(double from, double to, double duration)
    {
        var area = 0.5 * (from + to) * duration;
        if (from >= 0 && to >= 0) return new TwoWay(area, 0);
        if (from <= 0 && to <= 0) return new TwoWay(0, -area);
        var first = 0.5 * from * duration * (from / (from - to));
        var second = 0.5 * to * duration * (to / (to - from));
        return from > 0 ? new TwoWay(first, -second) : new TwoWay(second, -first);
    }
}
