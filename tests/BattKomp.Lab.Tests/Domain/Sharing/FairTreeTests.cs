using BattKomp.Lab.Domain.Sharing;
using BattKomp.Lab.Domain.Time;
using CsCheck;
using NodaTime;
using Xunit;
using static BattKomp.Lab.Domain.Sharing.ShareNode;

namespace BattKomp.Lab.Tests.Domain.Sharing;

public sealed class FairTreeTests
{
    private static readonly Instant Now = Instant.FromUtc(2026, 11, 24, 8, 0);

    // Trees of a nation's shape, three to four levels, with small whole numbers so that ties are common.
    private static readonly Gen<ShareNode> AnyTree =
        from nation in Gen.Select(Gen.Int[0, 3], Gen.Select(Gen.Int[0, 3], Gen.Int[0, 4].Array[0, 4], Gen.Int[0, 3].Array[0, 3]).Array[0, 4]).Array[1, 3]
        select Group("root", 1, [.. nation.Select((c, i) => Group($"{i}", c.Item1, [.. c.Item2.Select((o, j) => Group($"{i}.{j}", o.Item1,
            [.. o.Item2.Select((use, k) => User($"{i}.{j}.{k}", use)), Group($"{i}.{j}.unit", 1, [.. o.Item3.Select((use, k) => User($"{i}.{j}.unit.{k}", use))])]))]))]);

    [Fact]
    public void Scenario_53_fair_tree_ranks_by_branch_zero_use_first_tied_siblings_merged_and_use_halves()
    {
        // Everyone of B before everyone of A, whatever they did themselves.
        var places = FairTree.Rank(Group("no", 1, Group("A", 1, User("a1", 0), User("a2", 10)), Group("B", 1, User("b1", 0.9), User("b2", 0.1))));
        Assert.Equal(["b2", "b1", "a1", "a2"], InOrder(places));
        var b = places["b1"].Levels[0];
        Assert.Equal((0.5, 1 / 11.0, 1.0, 5.5, 2, 0), (b.Shares, b.Use, b.Hours, Math.Round(b.Factor, 9), b.Compared, b.Ahead));
        // Nothing used counts as infinitely little.
        Assert.Equal(double.PositiveInfinity, places["a1"].Levels[1].Factor);
        // Tied organisations are ranked as one: their users by their own factors.
        var tied = FairTree.Rank(Group("no", 1, Group("A", 1, User("a1", 1), User("a2", 4)), Group("B", 1, User("b1", 2), User("b2", 3))));
        Assert.Equal(["a1", "b1", "b2", "a2"], InOrder(tied));
        Assert.Equal((2, 0, 1), (tied["a1"].Levels[0].Compared, tied["a1"].Levels[0].Ahead, tied["a1"].Levels[0].Tied));
        Assert.Equal((4, 3), (tied["a2"].Levels[1].Compared, tied["a2"].Levels[1].Ahead));
        // One half-life later the same use weighs half.
        var decay = new Decay(Duration.FromDays(28));
        var window = new TimeWindow(Now - Duration.FromHours(10), Now);
        Assert.Equal(decay.Hours(window, Now) / 2, decay.Hours(window, Now + Duration.FromDays(28)), 12);
    }

    [Fact]
    public void Shares_weigh_and_a_branch_without_shares_comes_last()
    {
        var places = FairTree.Rank(Group("no", 1, Group("big", 3, User("b", 6)), Group("small", 1, User("s", 3)), Group("none", 0, User("n", 0))));
        Assert.Equal(["b", "s", "n"], InOrder(places));
        Assert.Equal(0, places["n"].Levels[0].Factor);
    }

    [Fact]
    public void Tied_users_share_a_place_and_one_tied_with_a_branch_stands_beside_its_first()
    {
        var places = FairTree.Rank(Group("no", 1, User("x", 1), User("y", 1), Group("g", 1, User("g1", 0), User("g2", 1)), User("z", 9)));
        Assert.Equal([1, 1, 1, 4, 5], new[] { "x", "y", "g1", "g2", "z" }.Select(u => places[u].Place));
        Assert.Equal([2, 2, 2, 0, 0], new[] { "x", "y", "g1", "g2", "z" }.Select(u => places[u].Tied));
        Assert.All(places.Values, p => Assert.Equal(5, p.Of));
    }

    [Fact]
    public void A_place_is_one_more_than_the_number_of_users_ahead() => AnyTree.Sample(tree =>
    {
        var places = FairTree.Rank(tree).Values;
        Assert.Equal(Users(tree).Count(), places.Count());
        Assert.All(places, p => Assert.Equal(p.Place - 1, places.Count(q => q.Place < p.Place)));
        Assert.All(places, p => Assert.Equal(p.Tied, places.Count(q => q.Place == p.Place) - 1));
    });

    [Fact]
    public void A_branch_with_a_greater_factor_has_all_its_users_ahead() => AnyTree.Sample(tree =>
    {
        var places = FairTree.Rank(tree).Values.ToList();
        foreach (var (p, q) in places.SelectMany(p => places.Select(q => (p, q))))
        {
            var at = Enumerable.Range(0, Math.Min(p.Levels.Count, q.Levels.Count)).FirstOrDefault(i => p.Levels[i].Name != q.Levels[i].Name, -1);
            if (at >= 0 && p.Levels[at].Factor > q.Levels[at].Factor * 1.000001) Assert.True(p.Place < q.Place, $"{p} {q}");
        }
    }, iter: 300);

    [Fact]
    public void The_order_of_siblings_and_the_unit_of_use_change_nothing() => Gen.Select(AnyTree, Gen.Int[0, 1000], Gen.Int[-3, 3]).Sample((tree, seed, power) =>
    {
        var random = new Random(seed);
        ShareNode Other(ShareNode n) => new(n.Name, n.Shares, n.Use * Math.Pow(2, power), n.IsUser, [.. n.Children.Select(Other).OrderBy(_ => random.Next())]);
        var (one, other) = (FairTree.Rank(tree), FairTree.Rank(Other(tree)));
        Assert.Equal(one.OrderBy(p => p.Key).Select(p => (p.Key, p.Value.Place)), other.OrderBy(p => p.Key).Select(p => (p.Key, p.Value.Place)));
    });

    [Fact]
    public void Using_more_never_moves_anyone_forward() => Gen.Select(AnyTree, Gen.Int[0, 99], Gen.Int[1, 5]).Sample((tree, which, more) =>
    {
        var users = Users(tree).ToList();
        if (users.Count == 0) return;
        var user = users[which % users.Count];
        ShareNode Raised(ShareNode n) => new(n.Name, n.Shares, n.Name == user ? n.Use + more : n.Use, n.IsUser, [.. n.Children.Select(Raised)]);
        Assert.True(FairTree.Rank(Raised(tree))[user].Place >= FairTree.Rank(tree)[user].Place);
    });

    [Fact]
    public void Decay_is_halved_by_each_half_life_indifferent_to_cuts_and_blind_to_what_is_to_come() =>
        Gen.Select(Gen.Int[1, 5000], Gen.Int[1, 5000], Gen.Int[0, 9000], Gen.Int[1, 2000]).Sample((first, second, ago, life) =>
        {
            var decay = new Decay(Duration.FromHours(life));
            var end = Now - Duration.FromMinutes(ago);
            var cut = end - Duration.FromMinutes(second);
            var start = cut - Duration.FromMinutes(first);
            var whole = decay.Hours(new TimeWindow(start, end), Now);
            Close(whole, decay.Hours(new TimeWindow(start, cut), Now) + decay.Hours(new TimeWindow(cut, end), Now));
            Close(whole / 2, decay.Hours(new TimeWindow(start, end), Now + decay.HalfLife));
            Assert.InRange(whole, 0, (first + second) / 60.0 * (1 + 1e-9));
            Close(decay.Hours(new TimeWindow(start, Now), Now), decay.Hours(new TimeWindow(start, Now + Duration.FromDays(9)), Now));
            Assert.Equal(0, decay.Hours(new TimeWindow(Now, Now + Duration.FromHours(1)), Now));
        });

    [Fact]
    public void A_tree_that_is_none_is_refused()
    {
        var deep = User("leaf", 1);
        for (var i = 0; i <= FairTree.MostLevels; i++) deep = Group($"{i}", 1, deep);
        foreach (var wrong in new[] { deep, Group("a", 1, User("a", 1)), Group("a", 1, User("b", -1)), Group("a", 1, Group("b", double.NaN)), new ShareNode("a", 1, 0, true, [User("b", 0)]) })
            Assert.Throws<ArgumentException>(() => FairTree.Rank(wrong));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Decay(Duration.Zero));
        Assert.Empty(FairTree.Rank(Group("nobody", 1)));
    }

    private static void Close(double expected, double actual) => Assert.True(Math.Abs(expected - actual) <= 1e-9 * Math.Max(1, Math.Abs(expected)), $"{expected} {actual}");

    private static IEnumerable<string> InOrder(IReadOnlyDictionary<string, SharePlace> places) => places.Values.OrderBy(p => p.Place).Select(p => p.User);

    private static IEnumerable<string> Users(ShareNode node) => node.IsUser ? [node.Name] : node.Children.SelectMany(Users);
}
