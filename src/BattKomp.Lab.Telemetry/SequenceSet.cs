namespace BattKomp.Lab.Telemetry;

/// <summary>A set of sequences as ascending, disjoint, non-touching ranges; the common append at the end costs O(1).</summary>
public sealed class SequenceSet
{
    private readonly List<SequenceRange> _ranges = [];

    /// <summary>Creates an empty set, or one that holds <paramref name="ranges"/> in any order.</summary>
    public SequenceSet(IEnumerable<SequenceRange>? ranges = null)
    {
        foreach (var range in ranges ?? []) Add(range);
    }

    /// <summary>The ranges, ascending.</summary>
    public IReadOnlyList<SequenceRange> Ranges => _ranges;

    /// <summary>Highest sequence, -1 when empty.</summary>
    public long Max => _ranges.Count == 0 ? -1 : _ranges[^1].Last;

    /// <summary>Adds every sequence of <paramref name="range"/>.</summary>
    public void Add(SequenceRange range)
    {
        var at = FirstEndingAtOrAfter(range.First - 1);
        var (first, last) = range;
        var end = at;
        while (end < _ranges.Count && _ranges[end].First <= last + 1)
        {
            first = Math.Min(first, _ranges[end].First);
            last = Math.Max(last, _ranges[end].Last);
            end++;
        }

        if (end == at + 1) { _ranges[at] = new SequenceRange(first, last); return; }
        _ranges.RemoveRange(at, end - at);
        _ranges.Insert(at, new SequenceRange(first, last));
    }

    /// <summary>The parts of <paramref name="range"/> that the set holds, ascending.</summary>
    public List<SequenceRange> Intersect(SequenceRange range)
    {
        var parts = new List<SequenceRange>();
        for (var k = FirstEndingAtOrAfter(range.First); k < _ranges.Count && _ranges[k].First <= range.Last; k++)
            parts.Add(new SequenceRange(Math.Max(range.First, _ranges[k].First), Math.Min(range.Last, _ranges[k].Last)));
        return parts;
    }

    /// <summary>The parts of <paramref name="range"/> that the set does not hold, ascending.</summary>
    public List<SequenceRange> Missing(SequenceRange range)
    {
        var parts = new List<SequenceRange>();
        var next = range.First;
        foreach (var held in Intersect(range))
        {
            if (held.First > next) parts.Add(new SequenceRange(next, held.First - 1));
            next = held.Last + 1;
        }

        if (next <= range.Last) parts.Add(new SequenceRange(next, range.Last));
        return parts;
    }

    private int FirstEndingAtOrAfter(long seq)
    {
        if (_ranges.Count > 0 && _ranges[^1].Last < seq) return _ranges.Count;
        int low = 0, high = _ranges.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_ranges[middle].Last < seq) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}
