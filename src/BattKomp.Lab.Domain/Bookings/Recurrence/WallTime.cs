using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Recurrence;

/// <summary>Which of two instants is meant when a wall time occurs twice, at the end of summer time.</summary>
public enum WhenTwice
{
    /// <summary>Not said: a time that occurs twice is asked about.</summary>
    Ask,

    /// <summary>The first: still summer time.</summary>
    Earlier,

    /// <summary>The second: already standard time.</summary>
    Later,
}

/// <summary>A wall time on the line of instants: the instant, or what keeps it from being one.</summary>
public abstract record WallTime
{
    private WallTime()
    {
    }

    /// <summary>It names one instant.</summary>
    public sealed record At(Instant Instant) : WallTime;

    /// <summary>The clocks jump over it.</summary>
    /// <param name="Wall">The time asked for.</param>
    /// <param name="NextValid">The first wall time after the gap.</param>
    /// <param name="NextInstant">The instant of <paramref name="NextValid"/>.</param>
    public sealed record Skipped(LocalDateTime Wall, LocalDateTime NextValid, Instant NextInstant) : WallTime;

    /// <summary>It occurs twice.</summary>
    /// <param name="Wall">The time asked for.</param>
    /// <param name="Earlier">The first, with its offset.</param>
    /// <param name="Later">The second, with its offset.</param>
    public sealed record Twice(LocalDateTime Wall, OffsetDateTime Earlier, OffsetDateTime Later) : WallTime;

    /// <summary>Finds the instant of a wall time in a zone.</summary>
    public static WallTime In(DateTimeZone zone, LocalDateTime wall, WhenTwice twice)
    {
        var map = zone.MapLocal(wall);
        return (map.Count, twice) switch
        {
            (1, _) => new At(map.Single().ToInstant()),
            (2, WhenTwice.Earlier) => new At(map.First().ToInstant()),
            (2, WhenTwice.Later) => new At(map.Last().ToInstant()),
            (2, _) => new Twice(wall, map.First().ToOffsetDateTime(), map.Last().ToOffsetDateTime()),
            _ => new Skipped(wall, map.LateInterval.IsoLocalStart, map.LateInterval.Start),
        };
    }
}
