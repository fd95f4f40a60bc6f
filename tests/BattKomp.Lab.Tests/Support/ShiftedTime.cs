namespace BattKomp.Lab.Tests.Support;

/// <summary>The machine's clock, set forward by hand: wall time jumps, timers and the monotonic clock do not.</summary>
public sealed class ShiftedTime : TimeProvider
{
    private long _ticks;

    /// <summary>Sets the wall clock forward.</summary>
    public void Forward(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddTicks(Interlocked.Read(ref _ticks));
}
