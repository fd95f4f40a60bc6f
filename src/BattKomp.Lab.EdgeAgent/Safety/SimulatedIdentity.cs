namespace BattKomp.Lab.EdgeAgent.Safety;

/// <summary>A simulator's identity starts with SIM, and its channel says that it is simulated; a real instrument's does neither. What disagrees is refused.</summary>
public static class SimulatedIdentity
{
    /// <summary>How every simulator's identity begins.</summary>
    public const string Prefix = "SIM";

    /// <summary>Why an instrument may not serve a channel; null when it may. <paramref name="namesItself"/>: its protocol carries a name of the one device, so that a simulator would show.</summary>
    public static string? Problem(string identity, bool simulated, bool namesItself) =>
        identity.StartsWith(Prefix, StringComparison.Ordinal) ? simulated ? null
            : $"\"{identity}\" is a simulator, and the channel is not marked simulated; connect the real instrument, or mark it \"simulated\": true in a virtual lab"
        : simulated && namesItself ? $"\"{identity}\" is no simulator, and the channel is marked simulated; remove \"simulated\", or connect the simulator (its identity begins with {Prefix})"
        : null;
}
