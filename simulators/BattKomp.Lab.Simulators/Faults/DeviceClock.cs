namespace BattKomp.Lab.Simulators.Faults;

/// <summary>How far an instrument's own clock is from lab time, as the fault script says.</summary>
public sealed class DeviceClock(IReadOnlyList<Fault> script, FaultCounts counts)
{
    private readonly HashSet<Fault> _begun = [];

    /// <summary>What to add to lab time at a lab second since switch-on. Drift that has gathered, and a jump back, stay.</summary>
    public TimeSpan Offset(double seconds)
    {
        var offset = 0.0;
        foreach (var fault in script)
        {
            if (fault.Kind is not (FaultKind.ClockDrift or FaultKind.ClockStep or FaultKind.BackJump) || seconds < fault.FromSeconds) continue;
            if (_begun.Add(fault)) counts.Add(fault.Kind);
            offset += fault.Kind switch
            {
                FaultKind.ClockDrift => (Math.Min(seconds, fault.ToSeconds ?? seconds) - fault.FromSeconds) * fault.Ppm!.Value / 1e6,
                FaultKind.ClockStep => fault.InForce(seconds) ? fault.Seconds!.Value : 0,
                _ => -fault.Seconds!.Value,
            };
        }
        return TimeSpan.FromSeconds(offset);
    }
}
