using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

/// <summary>`battlab waits` against a real server.</summary>
public sealed class WaitCommandTests
{
    [Fact]
    public async Task One_waits_for_what_is_taken_and_not_for_what_is_free()
    {
        await using var lab = await TestLab.StartAsync();
        string[] join = ["waits", "join", "--for", "2h", "--from", "now", "--to", "+1h", "--at", TestSeed.EbcRig, "--purpose", "thesis", "--activity", "research", "--level", "phd"];

        var free = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, join);
        await Battlab.AsAsync(lab.GrpcAddress, TestSeed.DoctoralStudent, "book", "--channel", TestSeed.EbcChannel, "--start", "now", "--for", "9h", "--purpose", "thesis", "--activity", "research", "--level", "phd", "--headcount", "1");
        var waiting = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, [.. join, "--json"]);
        var listed = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "waits", "list");
        var left = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "waits", "leave", waiting.Json.GetProperty("name").GetString()!);

        Assert.Equal((1, 0, 0, 0), (free.Exit, waiting.Exit, listed.Exit, left.Exit));
        Assert.Contains("FREE_NOW", free.Error);
        Assert.Contains("waiting, 0 ahead", listed.Text);
    }
}
