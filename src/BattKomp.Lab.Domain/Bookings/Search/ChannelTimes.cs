namespace BattKomp.Lab.Domain.Bookings.Search;

/// <summary>When a channel is taken: half-open stretches in order, none touching another's inside. Microseconds since 1970; immutable.</summary>
public sealed class ChannelTimes
{
    private readonly long[] _starts;
    private readonly long[] _ends;
    private readonly long _longestGap;

    /// <summary>Takes stretches in any order.</summary>
    public ChannelTimes(IEnumerable<(long Start, long End)> taken)
    {
        var ordered = taken.OrderBy(t => t.Start).ToArray();
        (_starts, _ends) = (Array.ConvertAll(ordered, t => t.Start), Array.ConvertAll(ordered, t => t.End));
        for (var i = 1; i < _starts.Length; i++) _longestGap = Math.Max(_longestGap, _starts[i] - _ends[i - 1]);
    }

    /// <summary>Never taken.</summary>
    public static ChannelTimes Free { get; } = new([]);

    /// <summary>Stretches kept.</summary>
    public int Count => _starts.Length;

    /// <summary>True when nothing is taken from <paramref name="start"/> to <paramref name="end"/>, margins included in what is asked.</summary>
    public bool IsFree(long start, long end)
    {
        var next = FirstEndingAfter(start);
        return next == _starts.Length || _starts[next] >= end;
    }

    /// <summary>
    /// Adds one to <paramref name="steps"/> where a start of <paramref name="length"/> becomes possible and takes it away where it no longer is;
    /// places are points of the grid, the running sum says whether a start there is possible.
    /// </summary>
    public void AddStarts(Span<short> steps, in SearchGrid grid, long length, long margin)
    {
        var (from, last) = (grid.At(0), grid.At(grid.Points - 1));
        var free = long.MinValue / 4;
        // Where no gap is long enough only the time before the first and after the last stretch is left.
        var none = _starts.Length > 0 && length + (2 * margin) > _longestGap && from + margin >= _starts[0];
        if (none && _ends[^1] + margin > last) return;
        for (var i = none ? _starts.Length : FirstEndingAfter(from - margin); ; i++)
        {
            if (i > 0) free = Math.Max(free, _ends[i - 1] + margin);
            var until = i < _starts.Length ? _starts[i] - margin - length : long.MaxValue / 4;
            if (free > last) return;
            if (until >= free && until >= from)
            {
                var (first, beyond) = (grid.AtOrAfter(free), Math.Min(grid.LastAtOrBefore(until), grid.Points - 1) + 1);
                if (first < beyond)
                {
                    steps[first]++;
                    steps[beyond]--;
                }
            }
            if (i >= _starts.Length) return;
        }
    }

    /// <summary>What is taken between two instants, clipped to them, in order.</summary>
    public IEnumerable<(long Start, long End)> Between(long from, long to)
    {
        for (var i = FirstEndingAfter(from); i < _starts.Length && _starts[i] < to; i++) yield return (Math.Max(_starts[i], from), Math.Min(_ends[i], to));
    }

    private int FirstEndingAfter(long at)
    {
        // Ends are ordered as starts are, since stretches do not overlap.
        var (low, high) = (0, _ends.Length);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_ends[middle] > at) high = middle;
            else low = middle + 1;
        }
        return low;
    }
}

/// <summary>The points of time at which a search lets bookings start.</summary>
/// <param name="Origin">The first point, microseconds.</param>
/// <param name="Step">Between points, microseconds.</param>
/// <param name="Points">How many.</param>
public readonly record struct SearchGrid(long Origin, long Step, int Points)
{
    /// <summary>The instant of a point, microseconds.</summary>
    public long At(int point) => Origin + (point * Step);

    /// <summary>The first point at or after an instant; <see cref="Points"/> when there is none.</summary>
    public int AtOrAfter(long at) => at <= Origin ? 0 : (int)Math.Min(Points, (at - Origin + Step - 1) / Step);

    /// <summary>The last point at or before an instant; −1 when there is none.</summary>
    public int LastAtOrBefore(long at) => at < Origin ? -1 : (int)Math.Min(Points - 1, (at - Origin) / Step);

    /// <summary>The part from a point on.</summary>
    public SearchGrid Slice(int first, int points) => new(At(first), Step, points);
}
