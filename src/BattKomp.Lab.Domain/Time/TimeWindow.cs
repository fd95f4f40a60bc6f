using NodaTime;

namespace BattKomp.Lab.Domain.Time;

/// <summary>Half-open interval of UTC instants, <c>[Start, End)</c>: the start is in it, the end is not. Never empty.</summary>
public readonly record struct TimeWindow
{
    /// <exception cref="ArgumentException">The end is not after the start.</exception>
    public TimeWindow(Instant start, Instant end)
    {
        if (end <= start)
            throw new ArgumentException($"A window must end after it starts; got [{start}, {end}).", nameof(end));
        Start = start;
        End = end;
    }

    /// <summary>First instant inside the window.</summary>
    public Instant Start { get; }

    /// <summary>First instant after the window.</summary>
    public Instant End { get; }

    /// <summary>End − start; always positive.</summary>
    public Duration Length => End - Start;

    /// <summary>True when the instant lies in <c>[Start, End)</c>.</summary>
    public bool Contains(Instant instant) => Start <= instant && instant < End;

    /// <summary>True when some instant lies in both; windows that only touch do not overlap.</summary>
    public bool Overlaps(TimeWindow other) => Start < other.End && other.Start < End;

    /// <summary>The same length, starting at <paramref name="start"/>.</summary>
    public TimeWindow StartingAt(Instant start) => new(start, start + Length);

    /// <inheritdoc/>
    public override string ToString() => $"[{Start}, {End})";
}
