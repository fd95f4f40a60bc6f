using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

/// <summary>`battlab policies` against a real server.</summary>
public sealed class PolicyCommandTests
{
    [Fact]
    public async Task A_policy_is_set_from_a_file_explained_and_retired_and_a_bad_file_says_why()
    {
        await using var lab = await TestLab.StartAsync();
        using var folder = new TempFolder();
        var file = folder.File("policy.json");
        await File.WriteAllTextAsync(file, $$"""{"scope":"{{TestSeed.Lab}}","maxLengthMinutes":480,"cites":"House rule 1"}""", TestContext.Current.CancellationToken);

        var made = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, "policies", "create", file, "--json");
        var told = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "policies", "explain", TestSeed.EbcRig);
        var retired = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, "policies", "retire", made.Json.GetProperty("name").GetString()!, "--reason", "replaced");
        await File.WriteAllTextAsync(file, "{\"scope\":", TestContext.Current.CancellationToken);
        var bad = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, "policies", "create", file);

        Assert.Equal((0, 0, 0, 1), (made.Exit, told.Exit, retired.Exit, bad.Exit));
        Assert.Contains("max length: 8 h, says labs/trondheim (House rule 1)", told.Text);
        Assert.Contains("is no policy", bad.Error);
        Assert.Contains("0 policies", (await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "policies", "list")).Text);
        Assert.Contains("retired", (await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "policies", "list", "--all")).Text);
    }
}
