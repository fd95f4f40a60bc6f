using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

/// <summary>`battlab find` against a real server.</summary>
public sealed class FindCommandTests
{
    [Fact]
    public async Task The_first_window_is_told_with_its_channels_and_what_is_not_offered_with_its_reason()
    {
        await using var lab = await TestLab.StartAsync();

        var found = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "find", "--for", "2h", "--count", "4", "--most", "2");
        var none = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "find", "--for", "2h", "--charge", "500", "--json");
        var bad = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "find", "--for", "2h", "--at", "labs/none");

        Assert.Equal((0, 0, 1), (found.Exit, none.Exit, bad.Exit));
        Assert.Contains("2 windows", found.Text);
        Assert.Contains(TestSeed.CyclerChannel(4), found.Text);
        Assert.Contains("not offered: 1 rig, TOO_FEW_CHANNELS", found.Text);
        Assert.Equal(0, none.Json.GetProperty("windows").GetArrayLength());
        Assert.Contains("place", bad.Error);
    }
}
