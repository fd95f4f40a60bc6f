namespace BattKomp.Lab.Simulators.Faults;

/// <summary>The faults inside a device: frozen readings, clamped setpoints, an output stage that does not open.</summary>
public sealed class DeviceFaults(IReadOnlyList<Fault> script, FaultCounts counts)
{
    private readonly Dictionary<string, double> _frozen = [];
    private readonly HashSet<Fault> _stuckRelays = [];

    /// <summary>A device that has none.</summary>
    public static DeviceFaults None => new([], new FaultCounts());

    /// <summary>What the device says it measures.</summary>
    /// <param name="quantity"><c>volt</c>, <c>ampere</c>, <c>celsius</c>, <c>capacity</c>, …</param>
    /// <param name="value">What it would say in health.</param>
    /// <param name="seconds">Lab seconds since switch-on.</param>
    public double Reading(string quantity, double value, double seconds)
    {
        if (Find(FaultKind.StuckValue, quantity, seconds) is null)
        {
            _frozen.Remove(quantity);
            return value;
        }
        if (_frozen.TryAdd(quantity, value)) return value;
        counts.Add(FaultKind.StuckValue);
        return _frozen[quantity];
    }

    /// <summary>The setpoint that the device really takes.</summary>
    public double Setpoint(string quantity, double value, double seconds)
    {
        if (Find(FaultKind.SetpointClamped, quantity, seconds) is not { Limit: { } limit } || Math.Abs(value) <= limit) return value;
        counts.Add(FaultKind.SetpointClamped);
        return Math.CopySign(limit, value);
    }

    /// <summary>Whether the output stage or relay stays where it is; counts each entry once.</summary>
    public bool StuckRelay(double seconds)
    {
        foreach (var fault in script)
        {
            if (fault.Kind != FaultKind.StuckRelay || !fault.InForce(seconds)) continue;
            if (_stuckRelays.Add(fault)) counts.Add(FaultKind.StuckRelay);
            return true;
        }
        return false;
    }

    private Fault? Find(FaultKind kind, string quantity, double seconds)
    {
        foreach (var fault in script)
            if (fault.Kind == kind && fault.InForce(seconds) && (fault.Quantity is null || fault.Quantity == quantity)) return fault;
        return null;
    }
}
