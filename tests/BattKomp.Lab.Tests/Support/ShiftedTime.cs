namespace BattKomp.Lab.Tests.Support;

/// <summary>Machine time that a test can set forward; timers and elapsed time stay the machine's own.</summary>
public sealed class ShiftedTime : TimeProvider
{
    private long _ticks;

    /// <summary>Lets the wall clock jump forward.</summary>
    public void Forward(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Interlocked.Read(ref _ticks));
}
