using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

public sealed class RiskAssessmentCommandTests
{
    [Fact]
    public async Task An_assessment_is_made_listed_and_withdrawn()
    {
        await using var lab = await TestLab.StartAsync();
        Task<Ran> Run(string token, params string[] args) => Battlab.AsAsync(lab.GrpcAddress, token, ["risk-assessments", .. args]);
        string[] create = ["create", "ebc-1", "--test-object", "nmc-21700-1", "--until", "+90d", "--reference", "RA-7"];

        Assert.Contains("nothing was made", (await Run(TestSeed.LabManager, [.. create, "--dry-run"])).Text);
        var name = (await Run(TestSeed.LabManager, [.. create, "--json"])).Json.GetProperty("name").GetString()!;
        Assert.Contains("rigs/ebc-1, testObjects/nmc-21700-1, any procedure valid, until", (await Run(TestSeed.LabManager, "list", "--of", "rigs/ebc-1")).Text);
        Assert.Contains("withdrawn by persons/manager: the cell was opened", (await Run(TestSeed.LabManager, "withdraw", name, "--reason", "the cell was opened")).Text);
        Assert.Contains("There are no risk assessments to see.", (await Run(TestSeed.LabManager, "list")).Text);
        Assert.Equal(1, (await Run(TestSeed.Teacher, "list")).Exit);
    }
}
