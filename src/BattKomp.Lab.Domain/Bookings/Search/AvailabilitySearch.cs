using System.Buffers;

namespace BattKomp.Lab.Domain.Bookings.Search;

/// <summary>A rig that a search may offer.</summary>
/// <param name="Name">rigs/{rig}</param>
/// <param name="Channels">Those that meet the request, in order of preference, each with when it is taken.</param>
/// <param name="Opens">True for the points of the grid at which the rig's lab lets the booking start.</param>
public sealed record SearchRig(string Name, IReadOnlyList<(string Channel, ChannelTimes Times)> Channels, bool[] Opens);

/// <summary>What is sought.</summary>
/// <param name="Count">Channels of one rig, at once.</param>
/// <param name="Length">Microseconds.</param>
/// <param name="Margin">Free before and after on every channel, microseconds.</param>
/// <param name="Most">Windows at most.</param>
public sealed record SearchWish(int Count, long Length, long Margin, int Most);

/// <summary>A window that is free, with channels that are.</summary>
/// <param name="Rig">rigs/{rig}</param>
/// <param name="Start">Microseconds.</param>
/// <param name="Channels">As many as were asked for.</param>
public sealed record SearchFind(string Rig, long Start, IReadOnlyList<string> Channels);

/// <summary>
/// Finds the earliest windows in which enough channels of one rig are free together. Works on a grid of starts: every free stretch of a channel adds
/// one to the points at which it lets the booking start, and where the sum over a rig's channels reaches the count, a start is possible. That costs one pass
/// over the stretches and one over the grid, however many channels are asked for; the grid is taken in slices, the near ones first.
/// </summary>
public static class AvailabilitySearch
{
    // Near starts first, since most searches end there; each slice costs a look at every channel.
    private static readonly int[] SliceDays = [7, 28, 10_000];

    /// <summary>
    /// The first windows in order of start and rig. On one rig windows that are offered do not overlap: the next begins when the one before it ends.
    /// </summary>
    /// <param name="wish">What is sought.</param>
    /// <param name="rigs">Where.</param>
    /// <param name="grid">The starts that are looked at.</param>
    /// <param name="accepts">Has the last word on a window whose channels are free.</param>
    /// <param name="questions">How often <paramref name="accepts"/> is asked at most; then the search ends with what it has.</param>
    public static IReadOnlyList<SearchFind> First(SearchWish wish, IReadOnlyList<SearchRig> rigs, SearchGrid grid, Func<SearchFind, bool> accepts, int questions = int.MaxValue)
    {
        var found = new List<SearchFind>();
        var nextOf = new long[rigs.Count];
        Array.Fill(nextOf, long.MinValue);
        var first = 0;
        foreach (var days in SliceDays)
        {
            if (first >= grid.Points || found.Count == wish.Most || questions <= 0) break;
            var part = grid.Slice(first, (int)Math.Min(days * 86_400_000_000L / grid.Step, grid.Points - first));
            var width = part.Points + 1;
            var sums = ArrayPool<short>.Shared.Rent(rigs.Count * width);
            try
            {
                // Each rig's own row; together they use what cores there are.
                Parallel.For(0, rigs.Count, r => Sum(wish, rigs[r], part, sums.AsSpan(r * width, width)));
                questions = Take(wish, rigs, accepts, questions, found, nextOf, sums, first, part);
            }
            finally
            {
                ArrayPool<short>.Shared.Return(sums);
            }
            first += part.Points;
        }
        return found;
    }

    private static int Take(
        SearchWish wish, IReadOnlyList<SearchRig> rigs, Func<SearchFind, bool> accepts, int questions, List<SearchFind> found, long[] nextOf, short[] sums, int first, SearchGrid part)
    {
        var width = part.Points + 1;
        var queue = new PriorityQueue<int, (int Point, int Rig)>();
        for (var r = 0; r < rigs.Count; r++)
            if (Next(sums.AsSpan(r * width, width), rigs[r], wish, first, part, 0, nextOf[r]) is >= 0 and var point) queue.Enqueue(r, (point, r));
        while (found.Count < wish.Most && questions > 0 && queue.TryDequeue(out var r, out var at))
        {
            questions--;
            var start = part.At(at.Point);
            if (Choose(wish, rigs[r], start) is { } channels && accepts(new SearchFind(rigs[r].Name, start, channels)))
            {
                found.Add(new SearchFind(rigs[r].Name, start, channels));
                nextOf[r] = start + wish.Length;
            }
            if (Next(sums.AsSpan(r * width, width), rigs[r], wish, first, part, at.Point + 1, nextOf[r]) is >= 0 and var point) queue.Enqueue(r, (point, r));
        }
        return questions;
    }

    // Free channels at every point. The last place says whether anywhere there are enough of them.
    private static void Sum(SearchWish wish, SearchRig rig, SearchGrid part, Span<short> free)
    {
        free.Clear();
        if (rig.Channels.Count < wish.Count) return;
        foreach (var (_, times) in rig.Channels) times.AddStarts(free, part, wish.Length, wish.Margin);
        short sum = 0, most = 0;
        for (var point = 0; point < part.Points; point++)
        {
            sum += free[point];
            free[point] = sum;
            most = Math.Max(most, sum);
        }
        free[part.Points] = most;
    }

    private static int Next(ReadOnlySpan<short> free, SearchRig rig, SearchWish wish, int first, SearchGrid part, int from, long earliest)
    {
        if (free[part.Points] < wish.Count) return -1;
        for (var point = Math.Max(from, part.AtOrAfter(earliest)); point < part.Points; point++)
            if (free[point] >= wish.Count && rig.Opens[first + point]) return point;
        return -1;
    }

    /// <summary>As many channels of a rig as are asked for that are free in the window, the first by preference; null when there are too few.</summary>
    public static IReadOnlyList<string>? Choose(SearchWish wish, SearchRig rig, long start)
    {
        var chosen = new List<string>();
        foreach (var (channel, times) in rig.Channels)
        {
            if (times.IsFree(start - wish.Margin, start + wish.Length + wish.Margin)) chosen.Add(channel);
            if (chosen.Count == wish.Count) return chosen;
        }
        return null;
    }
}
