using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

public sealed class QualificationCommandTests
{
    [Fact]
    public async Task A_qualification_is_granted_listed_and_revoked()
    {
        await using var lab = await TestLab.StartAsync();
        Task<Ran> Run(string token, params string[] args) => Battlab.AsAsync(lab.GrpcAddress, token, ["qualifications", .. args]);
        string[] grant = ["grant", "doctoral", "--rig-kind", "cell-cycler", "--hazard", "h3", "--level", "independent", "--lab", "trondheim", "--course", "HMS0505", "--unused-days", "90"];

        var dry = await Run(TestSeed.LabManager, [.. grant, "--dry-run"]);
        Assert.Equal(0, dry.Exit);
        Assert.Contains("nothing was granted", dry.Text);
        Assert.Contains("There are no qualifications to see.", (await Run(TestSeed.LabManager, "list")).Text);
        var name = (await Run(TestSeed.LabManager, [.. grant, "--json"])).Json.GetProperty("name").GetString()!;

        var list = await Run(TestSeed.DoctoralStudent, "list");
        Assert.Contains("persons/doctoral, independent user, cell-cycler up to h3, labs/trondheim", list.Text);
        Assert.Contains("each run keeps it for 90 days", list.Text);
        Assert.Contains("on course HMS0505", list.Text);
        var revoked = await Run(TestSeed.LabManager, "revoke", name, "--reason", "left the group");
        Assert.Contains("by persons/manager: left the group", revoked.Text);
        Assert.Contains("There are no qualifications to see.", (await Run(TestSeed.DoctoralStudent, "list")).Text);
        Assert.Contains("revoked", (await Run(TestSeed.DoctoralStudent, "list", "--all")).Text);
    }

    [Fact]
    public async Task What_is_wrong_is_told_with_what_to_write()
    {
        await using var lab = await TestLab.StartAsync();
        string[] grant = ["qualifications", "grant", "doctoral", "--rig-kind", "cell-cycler", "--hazard", "h3", "--level"];

        var level = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, [.. grant, "master"]);
        var nation = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, [.. grant, "instructor", "--certificate", "A-1", "--json"]);

        Assert.Equal((1, 1), (level.Exit, nation.Exit));
        Assert.Contains("Write supervised, independent or instructor.", level.Text);
        Assert.Equal("NOT_ALLOWED", nation.Failure.GetProperty("reason").GetString());
    }
}
