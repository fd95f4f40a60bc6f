namespace BattKomp.Lab.Server.Features.Live;

/// <summary>
/// Fewer points that look the same: minimum and maximum of every signal in each stretch of time survive, then (for a chart of a
/// given width) the largest-triangle choice among them (MinMaxLTTB).
/// </summary>
public static class MinMax
{
    private const int Preselect = 4;

    /// <summary>
    /// At most <paramref name="most"/> of the points, first and last always among them, in their order. Points must be in order of time.
    /// </summary>
    public static List<LiveValues> Reduce(IReadOnlyList<LiveValues> points, int most)
    {
        if (points.Count <= most) return [.. points];
        if (most < 3) return [points[0], points[^1]];
        var candidates = points.Count > most * Preselect ? Extremes(points, most * Preselect) : [.. points];
        return LargestTriangles(candidates, most);
    }

    /// <summary>First, last, and per bucket the records at which some signal has its minimum or maximum.</summary>
    public static List<LiveValues> Extremes(IReadOnlyList<LiveValues> points, int most)
    {
        var signals = points[0].Values.Length;
        var buckets = Math.Max(1, (most - 2) / Math.Max(1, 2 * signals));
        var keep = new SortedSet<int> { 0, points.Count - 1 };
        for (var b = 0; b < buckets; b++)
        {
            var from = (int)((long)points.Count * b / buckets);
            var to = (int)((long)points.Count * (b + 1) / buckets);
            for (var s = 0; s < signals; s++) AddExtremes(points, from, to, s, keep);
        }

        return [.. keep.Select(k => points[k])];
    }

    /// <summary>The records at which some signal has its minimum or maximum, in their order: at most two a signal.</summary>
    public static List<LiveValues> ExtremesOf(IReadOnlyList<LiveValues> points)
    {
        var keep = new SortedSet<int>();
        for (var s = 0; s < points[0].Values.Length; s++) AddExtremes(points, 0, points.Count, s, keep);
        return [.. keep.Select(k => points[k])];
    }

    private static void AddExtremes(IReadOnlyList<LiveValues> points, int from, int to, int signal, SortedSet<int> keep)
    {
        int low = -1, high = -1;
        for (var k = from; k < to; k++)
        {
            var value = points[k].Values[signal];
            if (double.IsNaN(value)) continue;
            if (low < 0 || value < points[low].Values[signal]) low = k;
            if (high < 0 || value > points[high].Values[signal]) high = k;
        }

        if (low >= 0) keep.Add(low);
        if (high >= 0) keep.Add(high);
    }

    private static List<LiveValues> LargestTriangles(List<LiveValues> points, int most)
    {
        var chosen = new List<LiveValues>(most) { points[0] };
        var inner = points.Count - 2;
        var buckets = most - 2;
        for (var b = 0; b < buckets; b++)
        {
            var from = 1 + (int)((long)inner * b / buckets);
            var to = 1 + (int)((long)inner * (b + 1) / buckets);
            var nextFrom = to;
            var nextTo = b == buckets - 1 ? points.Count : 1 + (int)((long)inner * (b + 2) / buckets);
            var next = Mean(points, nextFrom, nextTo);
            var best = from;
            var bestArea = -1.0;
            for (var k = from; k < to; k++)
            {
                var area = Area(chosen[^1], points[k], next);
                if (area > bestArea) (best, bestArea) = (k, area);
            }

            chosen.Add(points[best]);
        }

        chosen.Add(points[^1]);
        return chosen;
    }

    private static LiveValues Mean(List<LiveValues> points, int from, int to)
    {
        var values = new double[points[0].Values.Length];
        long time = 0;
        for (var k = from; k < to; k++)
        {
            time += (points[k].UtcNs - points[from].UtcNs) / (to - from);
            for (var s = 0; s < values.Length; s++) values[s] += (double.IsNaN(points[k].Values[s]) ? 0 : points[k].Values[s]) / (to - from);
        }

        return new LiveValues(points[from].UtcNs + time, 0, values);
    }

    private static double Area(LiveValues a, LiveValues b, LiveValues c)
    {
        var sum = 0.0;
        for (var s = 0; s < a.Values.Length; s++)
        {
            double Y(LiveValues p) => double.IsNaN(p.Values[s]) ? 0 : p.Values[s];
            sum += Math.Abs((double)(a.UtcNs - c.UtcNs) * (Y(b) - Y(a)) - (double)(a.UtcNs - b.UtcNs) * (Y(c) - Y(a)));
        }

        return sum;
    }
}
