using System.Text.Json.Nodes;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Qualifications;

public sealed class SeededNeedTests
{
    [Fact]
    public async Task A_rig_that_asks_for_a_qualification_without_a_level_keeps_the_server_from_starting_and_is_named()
    {
        using var folder = new TempFolder();
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => TestLab.StartAsync(o =>
        {
            var seed = JsonNode.Parse(TestSeed.Json)!;
            seed["rigs"]![0]!["qualificationRequired"] = new JsonObject { ["supervisedRuns"] = -1 };
            File.WriteAllText(o.SeedFile, seed.ToJsonString());
        }, dataDirectory: folder.Root));
        Assert.Contains(TestSeed.CyclerRig, refused.Message, StringComparison.Ordinal);
        Assert.Contains("qualificationRequired.level: is missing", refused.Message, StringComparison.Ordinal);
        Assert.Contains("qualificationRequired.supervisedRuns: is negative", refused.Message, StringComparison.Ordinal);
    }
}
