using System.Text.Json;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.Cli;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Agents;

/// <summary>The real agent program against the real server, with nothing but an invitation to begin with; and copies of an agent.</summary>
public sealed class AgentWithKeyTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_lab_manager_invites_the_agent_enrols_and_its_line_stands_after_every_restart(bool atStart)
    {
        using var folder = new TempFolder();
        await using var lab = await TestLab.StartAsync();
        var invited = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, "agents", "enrol", "edge-9", "--lab", "trondheim", "--json");
        var token = invited.Json.GetProperty("token").GetString()!;
        var config = Config(folder, lab, atStart ? token : "");
        if (!atStart)
        {
            var (wrong, _, why) = await AgentProcess.CommandAsync("enrol", "--config", config, "--token", "enrol-guessed");
            Assert.Equal(1, wrong);
            Assert.Contains("not accepted", why, StringComparison.Ordinal);
            var (code, said, _) = await AgentProcess.CommandAsync("enrol", "--config", config, "--token", token);
            Assert.Equal(0, code);
            Assert.Contains("agents/edge-9 is enrolled", said, StringComparison.Ordinal);
        }
        for (var start = 0; start < 2; start++)
        {
            await using var agent = await AgentProcess.StartAsync(config);
            await Eventually.Async(() => ConnectedAsync(lab), Bound, $"the agent's line stands. {agent.Errors}");
            Assert.Equal(0, await agent.TerminateAsync());
        }
        var listed = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, "agents", "list");
        Assert.Contains("holds its own key since", listed.Text, StringComparison.Ordinal);
        var revoked = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, "agents", "revoke", "edge-9", "--reason", "sold");
        Assert.Contains("agents/edge-9 is revoked", revoked.Text, StringComparison.Ordinal);
        Assert.Contains("REVOKED", (await Battlab.AsAsync(lab.GrpcAddress, TestSeed.LabManager, "agents", "list")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_copy_with_an_older_boot_order_loses_even_when_it_speaks_last()
    {
        await using var lab = await TestLab.StartAsync();
        var key = IngestLab.Key(boot: "true");
        using (var line = await IngestLine.OpenAsync(lab, boot: "true", order: 200))
        {
            await line.SendAsync(IngestLab.Opened(key, lease: ""), IngestLab.Records(key, 1, 5));
            Assert.False((await line.AckOfAsync(key, 5)).Quarantined);
            var stray = IngestLab.Key(boot: "copy");
            using (var copy = await IngestLine.OpenAsync(lab, boot: "copy", order: 150))
            {
                await copy.SendAsync(IngestLab.Opened(stray, lease: ""));
                Assert.True((await copy.AckOfAsync(stray, 0)).Quarantined);
            }
            using (var equal = await IngestLine.OpenAsync(lab, boot: "copy", order: 200))
            {
                await equal.SendAsync(IngestLab.Opened(stray, lease: ""));
                Assert.True((await equal.AckOfAsync(stray, 0)).Quarantined);
            }
            await line.SendAsync(IngestLab.Records(key, 6, 9));
            Assert.False((await line.AckOfAsync(key, 9)).Quarantined);
        }
        await using var control = await ScriptedAgent.ConnectAsync(lab, boot: "copy", order: 150);
        Refused.Is(Reason.AgentFenced, await control.ExpectEndAsync());
    }

    private static async Task<bool> ConnectedAsync(TestLab lab) =>
        (await new AgentService.AgentServiceClient(lab.As(TestSeed.LabManager)).ListAgentsAsync(new ListAgentsRequest(), cancellationToken: Cancel)).Agents
            .Any(a => a is { Name: "agents/edge-9", Connected: true });

    private static string Config(TempFolder folder, TestLab lab, string enrolment)
    {
        var file = folder.File("agent.json");
        var fields = new Dictionary<string, object>
        {
            ["agent"] = "agents/edge-9",
            ["lab_kind"] = "virtual",
            ["key_file"] = folder.File("keys/agent.pem"),
            ["server"] = lab.GrpcAddress,
            ["data_dir"] = folder.File("data"),
            ["broker"] = new { host = true, port = FreePort.Next() },
            ["channels"] = new[] { new { channel = TestSeed.CyclerChannel(1), protocol = "mqtt-json", simulated = true, mapping = new { instrument = "SIM-1" } } },
        };
        if (enrolment.Length > 0) fields["enrolment_token"] = enrolment;
        File.WriteAllText(file, JsonSerializer.Serialize(fields));
        return file;
    }
}
