using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

/// <summary>`battlab classes` against a real server.</summary>
public sealed class ClassCommandTests
{
    [Fact]
    public async Task A_class_is_made_from_a_file_joined_by_code_and_shows_its_plan()
    {
        await using var lab = await TestLab.StartAsync();
        using var folder = new TempFolder();
        var file = folder.File("class.json");
        var day = TimeProvider.System.GetUtcNow().AddDays(5);
        await File.WriteAllTextAsync(file, $$"""
            {"booking":{"purpose":"teaching","activityClass":"education","educationLevel":"vg2","headcount":4,"presence":"ON_SITE","cohort":"cohorts/2elb"},
             "benches":[{"title":"Left","channels":["{{TestSeed.EbcChannel}}"]},{"title":"Right","channels":["{{TestSeed.CyclerChannel(1)}}"]}],
             "rotationMinutes":45,"seats":4,"firstStart":"{{day:yyyy-MM-dd}}T10:15","wallMinutes":90,"joinOpensDays":30}
            """, TestContext.Current.CancellationToken);

        var made = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "classes", "create", file, "--json");
        var code = made.Json.GetProperty("class_block").GetProperty("join_code").GetString()!;
        var joined = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "classes", "join", code, "--alias", "fox");
        var plan = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "classes", "plan", code, "--alias", "fox");
        var taken = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "classes", "create", file);

        Assert.Equal((0, 0, 0, 1), (made.Exit, joined.Exit, plan.Exit, taken.Exit));
        Assert.Contains("group 1", joined.Text);
        Assert.Contains("from minute 45: Right", plan.Text);
        Assert.Contains("1 of 1 lesson refused", taken.Error);
        Assert.Contains("CHANNEL_OCCUPIED", taken.Text);
    }
}
