namespace BattKomp.Lab.EdgeAgent.Uplink;

/// <summary>Pauses between attempts: doubling from the first to the longest, each with a random part, so that many agents do not return at once.</summary>
public sealed class BackOff(TimeSpan first, TimeSpan longest, TimeProvider machine)
{
    private readonly TimeSpan _first = first;
    private TimeSpan? _next;

    /// <summary>The next pause begins at the first length again.</summary>
    public void Reset() => _next = null;

    /// <summary>Waits; between half and all of the current length.</summary>
    public Task WaitAsync(CancellationToken cancel)
    {
        var length = _next ?? _first;
        var pause = length * (0.5 + (Random.Shared.NextDouble() / 2));
        _next = length * 2 < longest ? length * 2 : longest;
        return Task.Delay(pause, machine, cancel);
    }
}
