using NodaTime;

namespace BattKomp.Lab.Domain.Time;

/// <summary>
/// Lab time: the time of the domain that records are stamped in. On real hardware it is machine time; in a demo it runs
/// <see cref="Speed"/> times faster. Every process is handed the same three numbers. Deadlines, leases, fsync and
/// back-off never use it: they run in machine time.
/// </summary>
/// <param name="LabOrigin">Lab time at <paramref name="MachineOrigin"/>.</param>
/// <param name="MachineOrigin">Machine UTC at which the two clocks are tied together.</param>
/// <param name="Speed">Lab seconds per machine second, 1 or more.</param>
public sealed record LabClock(Instant LabOrigin, Instant MachineOrigin, double Speed)
{
    /// <summary>Lab time equals machine time.</summary>
    public static LabClock RealTime { get; } = new(NodaConstants.UnixEpoch, NodaConstants.UnixEpoch, 1);

    /// <summary>The lab time at a machine instant.</summary>
    public Instant ToLab(Instant machine) => Speed == 1
        ? LabOrigin + (machine - MachineOrigin)
        : LabOrigin + Scale(machine - MachineOrigin, Speed);

    /// <summary>The machine time at a lab instant.</summary>
    public Instant ToMachine(Instant lab) => Speed == 1
        ? MachineOrigin + (lab - LabOrigin)
        : MachineOrigin + Scale(lab - LabOrigin, 1 / Speed);

    /// <summary>A stretch of machine time, measured in lab time.</summary>
    public Duration ToLab(Duration machine) => Speed == 1 ? machine : Scale(machine, Speed);

    /// <summary>A stretch of lab time, measured in machine time.</summary>
    public Duration ToMachine(Duration lab) => Speed == 1 ? lab : Scale(lab, 1 / Speed);

    private static Duration Scale(Duration duration, double factor) => duration * factor;
}
