namespace BattKomp.Lab.Simulators.Time;

/// <summary>
/// Lab time of the simulators: <c>LabOrigin + (machine time − MachineOrigin) × Speed</c>, where machine time is read once
/// from the wall clock and then carried by the monotonic clock, so that a clock step cannot move a running simulation.
/// Every process of a demo is handed the same three numbers.
/// </summary>
public sealed class SimulatedLabTime
{
    private readonly TimeProvider _machine;
    private readonly long _anchorTimestamp;
    private readonly TimeSpan _anchorElapsed;

    /// <summary>Ties the two clocks together.</summary>
    /// <param name="labOrigin">Lab time at <paramref name="machineOrigin"/>.</param>
    /// <param name="machineOrigin">Machine UTC at which lab time is <paramref name="labOrigin"/>.</param>
    /// <param name="speed">Lab seconds per machine second, 1 or more.</param>
    /// <param name="machine">Machine time.</param>
    /// <exception cref="ArgumentOutOfRangeException">When <paramref name="speed"/> is below 1 or not finite.</exception>
    public SimulatedLabTime(DateTimeOffset labOrigin, DateTimeOffset machineOrigin, double speed, TimeProvider machine)
    {
        if (!double.IsFinite(speed) || speed < 1)
            throw new ArgumentOutOfRangeException(nameof(speed), speed, "speed is lab seconds per machine second: 1 or more");
        LabOrigin = labOrigin.ToUniversalTime();
        MachineOrigin = machineOrigin.ToUniversalTime();
        Speed = speed;
        _machine = machine;
        _anchorTimestamp = machine.GetTimestamp();
        _anchorElapsed = machine.GetUtcNow() - MachineOrigin;
    }

    /// <summary>Lab time that starts now and equals machine time.</summary>
    public static SimulatedLabTime Real(TimeProvider machine) => StartingNow(1, machine);

    /// <summary>Lab time that equals machine time now and runs <paramref name="speed"/> times faster from here.</summary>
    public static SimulatedLabTime StartingNow(double speed, TimeProvider machine)
    {
        var now = machine.GetUtcNow();
        return new SimulatedLabTime(now, now, speed, machine);
    }

    /// <summary>Lab time at <see cref="MachineOrigin"/> (UTC).</summary>
    public DateTimeOffset LabOrigin { get; }

    /// <summary>Machine UTC at which lab time is <see cref="LabOrigin"/>.</summary>
    public DateTimeOffset MachineOrigin { get; }

    /// <summary>Lab seconds per machine second.</summary>
    public double Speed { get; }

    /// <summary>The lab time now (UTC, 100 ns resolution).</summary>
    public DateTimeOffset Now
    {
        get
        {
            var elapsed = _anchorElapsed + _machine.GetElapsedTime(_anchorTimestamp);
            return LabOrigin + (Speed == 1 ? elapsed : TimeSpan.FromTicks((long)(elapsed.Ticks * Speed)));
        }
    }

    /// <summary>How long the machine must wait for a lab instant; zero when it has passed.</summary>
    public TimeSpan MachineTimeUntil(DateTimeOffset lab)
    {
        var ahead = lab - Now;
        return ahead <= TimeSpan.Zero ? TimeSpan.Zero : ahead / Speed;
    }

    /// <summary>Completes at or after a lab instant; never before it.</summary>
    public async ValueTask DelayUntil(DateTimeOffset lab, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        for (var wait = MachineTimeUntil(lab); wait > TimeSpan.Zero; wait = MachineTimeUntil(lab))
            await Task.Delay(Bounded(wait), _machine, cancel).ConfigureAwait(false);
    }

    // Timers count whole milliseconds and refuse spans over 49 days.
    private static TimeSpan Bounded(TimeSpan wait) => TimeSpan.FromMilliseconds(Math.Clamp(Math.Ceiling(wait.TotalMilliseconds), 1, 86_400_000));
}
