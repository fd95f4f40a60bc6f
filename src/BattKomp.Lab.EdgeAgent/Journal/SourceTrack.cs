namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>How far a source that can be read again (a file) has been journalled.</summary>
public sealed record SourceTrack
{
    /// <summary>rigs/…/channels/…</summary>
    public required string Channel { get; init; }

    /// <summary>The source as its streams name it.</summary>
    public required string Identity { get; init; }

    /// <summary>Last row journalled, from 1.</summary>
    public long Row { get; set; }

    /// <summary><see cref="CheckOf"/> that row's values: tells whether the row that is found there later is the same.</summary>
    public long Check { get; set; }

    /// <summary>A number that other values would hardly give (FNV-1a over their bits; all NaN are one).</summary>
    public static long CheckOf(IEnumerable<double> values)
    {
        var hash = 14695981039346656037UL;
        foreach (var value in values)
            hash = (hash ^ (ulong)BitConverter.DoubleToInt64Bits(double.IsNaN(value) ? double.NaN : value)) * 1099511628211UL;
        return (long)hash;
    }
}
