using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

public sealed class RigCommandTests
{
    [Fact]
    public async Task Rigs_are_listed_with_channels_and_limits_as_text_and_as_json()
    {
        await using var lab = await TestLab.StartAsync();

        var text = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "rigs", "list");
        var json = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "rigs", "list", "--json");

        Assert.Equal((0, 0), (text.Exit, json.Exit));
        Assert.Contains("state: ready", text.Text);
        Assert.Contains("SIMULATED", text.Text);
        Assert.Contains($"channel {TestSeed.EbcChannel}: 2 to 4.3 V, charge 5 A, discharge 10 A, 100 W", text.Text);
        Assert.All(text.Out.Split('\n'), line => Assert.True(line.Length <= 80, line));
        Assert.Equal([TestSeed.CyclerRig, TestSeed.EbcRig], json.Json.GetProperty("rigs").EnumerateArray().Select(r => r.GetProperty("name").GetString()!));
        Assert.Equal("", json.Error);
    }

    [Fact]
    public async Task A_wrong_token_gets_the_servers_own_sentence()
    {
        await using var lab = await TestLab.StartAsync();

        var text = await Battlab.AsAsync(lab.GrpcAddress, "nobody", "rigs", "list");
        var json = await Battlab.AsAsync(lab.GrpcAddress, "nobody", "rigs", "list", "--json");

        Assert.Equal((1, 1), (text.Exit, json.Exit));
        Assert.Equal("TOKEN_MISSING_OR_UNKNOWN", json.Failure.GetProperty("reason").GetString());
        Assert.Contains("No valid token came with the call.", text.Text);
    }

    [Fact]
    public async Task A_lab_that_is_not_there_is_named()
    {
        await using var lab = await TestLab.StartAsync();

        var ran = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "rigs", "list", "--lab", "labs/atlantis");

        Assert.Equal(1, ran.Exit);
        Assert.Contains("'labs/atlantis' does not exist, or you may not see it.", ran.Text);
    }

    [Fact]
    public async Task A_stopped_rig_is_locked_until_a_lab_manager_releases_it_with_a_reason()
    {
        await using var lab = await TestLab.StartAsync();

        var teacher = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "rigs", "stop", "ebc-1", "--reason", "smoke");
        var stopped = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, "rigs", "stop", "ebc-1", "--reason", "smoke", "--wait", "1s");
        var locked = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "rigs", "list");
        var released = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, "rigs", "release", "ebc-1", "--reason", "it was the toaster", "--json");

        Assert.Equal((1, 0, 0, 0), (teacher.Exit, stopped.Exit, locked.Exit, released.Exit));
        Assert.Contains("You may not", teacher.Text);
        Assert.Contains($"{TestSeed.EbcRig} is locked until a lab manager releases it.", stopped.Text);
        Assert.Contains("state: LOCKED", locked.Text);
        Assert.False(released.Json.GetProperty("locked").GetBoolean());
    }
}
