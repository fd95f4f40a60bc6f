namespace BattKomp.Lab.Simulators.Faults;

/// <summary>How often each fault has struck. Guarded by the bench's gate.</summary>
public sealed class FaultCounts
{
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>Times that one kind struck.</summary>
    public long this[FaultKind kind] => _counts.GetValueOrDefault(FaultNames.Of(kind));

    /// <summary>Counts one more, or several.</summary>
    public void Add(FaultKind kind, long times = 1)
    {
        if (times > 0) _counts[FaultNames.Of(kind)] = this[kind] + times;
    }

    /// <summary>A copy by name; kinds that never struck are absent.</summary>
    public IReadOnlyDictionary<string, long> Snapshot() => new SortedDictionary<string, long>(_counts, StringComparer.Ordinal);
}
