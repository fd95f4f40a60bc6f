using NodaTime;

namespace BattKomp.Lab.Server.Platform;

/// <summary>Machine time as instants of whole microseconds, which is what the calendar stores.</summary>
public sealed class MachineClock(TimeProvider time)
{
    /// <summary>Machine UTC now, cut to the microsecond.</summary>
    public Instant Now => Micros.ToInstant(Provider.GetUtcNow().UtcTicks / 10 - Micros.EpochMicros);

    /// <summary>The provider behind it, for timers and elapsed time.</summary>
    public TimeProvider Provider { get; } = time;
}

/// <summary>Instants as microseconds since 1970-01-01 UTC: the calendar's one unit of time, in both dialects.</summary>
public static class Micros
{
    internal const long EpochMicros = 621_355_968_000_000_000 / 10;

    /// <summary>Microseconds since the Unix epoch, rounded down.</summary>
    public static long FromInstant(Instant instant)
    {
        var ticks = instant.ToUnixTimeTicks();
        return ticks >= 0 ? ticks / 10 : (ticks - 9) / 10;
    }

    /// <summary>The instant of a stored value.</summary>
    public static Instant ToInstant(long micros) => Instant.FromUnixTimeTicks(checked(micros * 10));
}
