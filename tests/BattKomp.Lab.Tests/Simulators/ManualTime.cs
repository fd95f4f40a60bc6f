namespace BattKomp.Lab.Tests.Simulators;

/// <summary>Machine time that moves only when a test moves it.</summary>
internal sealed class ManualTime(DateTimeOffset start) : TimeProvider
{
    private TimeSpan _elapsed;

    /// <summary>A step of the wall clock alone, as an administrator or NTP makes it.</summary>
    internal TimeSpan ClockStep { get; set; }

    public override DateTimeOffset GetUtcNow() => start + _elapsed + ClockStep;

    public override long GetTimestamp() => _elapsed.Ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    internal void Advance(TimeSpan by) => _elapsed += by;
}
