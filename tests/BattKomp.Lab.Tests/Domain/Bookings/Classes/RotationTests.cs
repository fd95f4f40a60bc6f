using BattKomp.Lab.Domain.Bookings.Classes;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings.Classes;

/// <summary>Groups at benches.</summary>
public sealed class RotationTests
{
    [Fact]
    public void No_two_groups_meet_and_each_comes_to_every_bench_before_it_comes_to_one_again() => Gen.Select(Gen.Int[1, 30], Gen.Int[1, 30]).Sample((benches, some) =>
    {
        var groups = Math.Min(benches, some);
        for (var period = 0; period < 2 * benches; period++)
            Assert.Equal(groups, Enumerable.Range(0, groups).Select(g => Rotation.BenchOf(g, period, benches)).Distinct().Count());
        for (var group = 0; group < groups; group++)
            Assert.Equal(benches, Enumerable.Range(0, benches).Select(p => Rotation.BenchOf(group, p, benches)).Distinct().Count());
    });

    [Fact]
    public void Groups_filled_one_by_one_never_differ_by_more_than_one() => Gen.Select(Gen.Int[1, 12], Gen.Int[0, 60]).Sample((groups, pupils) =>
    {
        var sizes = new int[groups];
        for (var i = 0; i < pupils; i++) sizes[Rotation.NextGroup(sizes)]++;
        Assert.True(sizes.Max() - sizes.Min() <= 1);
    });

    [Theory]
    [InlineData(90, 30, 3)]
    [InlineData(100, 30, 3)]
    [InlineData(90, 0, 1)]
    [InlineData(20, 30, 1)]
    public void A_lesson_has_so_many_periods(int minutes, int rotation, int periods) => Assert.Equal(periods, Rotation.Periods(minutes, rotation));
}
