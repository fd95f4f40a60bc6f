using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Sharing;

/// <summary>Old use weighs less than new: an hour counts half after each half-life, without steps.</summary>
public sealed record Decay
{
    /// <exception cref="ArgumentOutOfRangeException">The half-life is not above zero.</exception>
    public Decay(Duration halfLife)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(halfLife, Duration.Zero);
        HalfLife = halfLife;
    }

    /// <summary>After this time an hour of use counts as half an hour.</summary>
    public Duration HalfLife { get; }

    /// <summary>
    /// Hours of the window as they weigh at <paramref name="now"/>: the integral of 2^(−age / half-life). Time that has not come yet is not used yet.
    /// Cutting a window in two changes nothing.
    /// </summary>
    public double Hours(TimeWindow window, Instant now)
    {
        var end = window.End < now ? window.End : now;
        if (end <= window.Start) return 0;
        var halfLife = HalfLife.TotalHours;
        // Of 1 − 2^−x the first is exact for short windows too, where the difference of two powers is not.
        var length = (end - window.Start).TotalHours / halfLife * Math.Log(2);
        return halfLife / Math.Log(2) * Math.Pow(2, -(now - end).TotalHours / halfLife) * -ExpMinusOne(-length);
    }

    private static double ExpMinusOne(double x) => Math.Abs(x) < 1e-5 ? x + x * x / 2 + x * x * x / 6 : Math.Exp(x) - 1;
}
