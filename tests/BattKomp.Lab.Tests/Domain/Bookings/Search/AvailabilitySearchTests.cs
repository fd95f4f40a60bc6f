using BattKomp.Lab.Domain.Bookings.Search;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings.Search;

/// <summary>The search finds what looking at every start finds.</summary>
public sealed class AvailabilitySearchTests
{
    private const long Minute = 60_000_000;

    // Ten days from an origin, so that windows lie across the border of two slices.
    private static readonly SearchGrid Grid = new(1_000_000 * Minute, 15 * Minute, 10 * 96);

    private static readonly Gen<ChannelTimes> Times = Gen.Select(Gen.Int[0, 300], Gen.Int[1, 900]).Array[0, 40].Select(stretches =>
    {
        var taken = new List<(long, long)>();
        var at = Grid.Origin - (200 * Minute);
        foreach (var (gap, length) in stretches)
        {
            taken.Add((at + (gap * Minute), at + ((gap + length) * Minute)));
            at += (gap + length) * Minute;
        }
        return new ChannelTimes(taken);
    });

    private static readonly Gen<SearchRig[]> Rigs = Gen.Select(Times.Array[1, 6], Gen.Int[0, 40], Gen.Int[1, 96]).Array[1, 3].Select(rigs => rigs.Select((rig, r) => new SearchRig(
        $"rigs/{r}", [.. rig.Item1.Select((t, c) => ($"rigs/{r}/channels/{c}", t))], [.. Enumerable.Range(0, Grid.Points).Select(p => p % 96 >= rig.Item2 && p % 96 <= rig.Item2 + rig.Item3)])).ToArray());

    [Fact]
    public void The_first_windows_are_those_that_looking_at_every_start_finds() =>
        Gen.Select(Rigs, Gen.Int[1, 4], Gen.Int[1, 2000], Gen.Int[0, 60], Gen.Int[1, 30]).Sample((rigs, count, length, margin, most) =>
        {
            var wish = new SearchWish(count, length * Minute, margin * Minute, most);
            // Every third start is refused by something else.
            bool Accepts(SearchFind f) => f.Start / (15 * Minute) % 3 != 0;
            var found = AvailabilitySearch.First(wish, rigs, Grid, Accepts);
            Assert.Equal(Naive(wish, rigs, Accepts).Select(f => (f.Rig, f.Start)), found.Select(f => (f.Rig, f.Start)));
            Assert.All(found, f => Assert.Equal(count, f.Channels.Distinct().Count()));
            Assert.All(found, f => Assert.All(f.Channels, c => Assert.True(rigs.Single(r => r.Name == f.Rig).Channels.Single(x => x.Channel == c).Times.IsFree(f.Start - wish.Margin, f.Start + wish.Length + wish.Margin))));
        }, iter: 400);

    [Fact]
    public void A_search_asks_no_more_questions_than_it_may()
    {
        var asked = 0;
        var rig = new SearchRig("rigs/0", [("rigs/0/channels/0", ChannelTimes.Free)], [.. Enumerable.Repeat(true, Grid.Points)]);
        Assert.Empty(AvailabilitySearch.First(new SearchWish(1, Minute, 0, 5), [rig], Grid, _ => ++asked < 0, questions: 50));
        Assert.Equal(50, asked);
    }

    private static List<SearchFind> Naive(SearchWish wish, SearchRig[] rigs, Func<SearchFind, bool> accepts)
    {
        var found = new List<SearchFind>();
        var next = new Dictionary<string, long>();
        for (var point = 0; point < Grid.Points; point++)
            foreach (var rig in rigs)
            {
                var start = Grid.At(point);
                if (found.Count == wish.Most || !rig.Opens[point] || start < next.GetValueOrDefault(rig.Name, long.MinValue)) continue;
                if (rig.Channels.Count(c => c.Times.IsFree(start - wish.Margin, start + wish.Length + wish.Margin)) < wish.Count) continue;
                var find = new SearchFind(rig.Name, start, []);
                if (!accepts(find)) continue;
                found.Add(find);
                next[rig.Name] = start + wish.Length;
            }
        return found;
    }
}
