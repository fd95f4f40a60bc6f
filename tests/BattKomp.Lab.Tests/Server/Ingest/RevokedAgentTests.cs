using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Ingest;

/// <summary>A revoked agent's data is not thrown away and does not count.</summary>
public sealed class RevokedAgentTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Revoking_an_agent_ends_its_call_and_what_it_sends_afterwards_goes_to_quarantine()
    {
        await using var lab = await TestLab.StartAsync();
        var key = IngestLab.Key();
        using (var line = await IngestLine.OpenAsync(lab))
        {
            await line.SendAsync(IngestLab.Opened(key, lease: ""), IngestLab.Records(key, 1, 10));
            Assert.False((await line.AckOfAsync(key, 10)).Quarantined);
            await new AgentService.AgentServiceClient(lab.As(TestSeed.LabManager)).RevokeAgentAsync(
                new RevokeAgentRequest { Name = TestSeed.AgentName, Reason = "stolen" }, cancellationToken: Cancel);
            await Refused.WithAsync(Reason.AgentFenced, line.EndAsync);
        }

        using var again = await IngestLine.OpenAsync(lab, resuming: key);
        await again.SendAsync(IngestLab.Records(key, 11, 20));
        var ack = await again.AckOfAsync(key, 11);
        Assert.True(ack.Quarantined);
        Assert.Contains("revoked", ack.Detail, StringComparison.Ordinal);
        await again.EndAsync();

        var runs = new RunService.RunServiceClient(lab.As(TestSeed.LabManager));
        var run = Assert.Single((await runs.ListRunsAsync(new ListRunsRequest { Of = TestSeed.EbcChannel }, cancellationToken: Cancel)).Runs);
        var account = await runs.GetCompletenessAsync(new GetCompletenessRequest { Name = run.Name }, cancellationToken: Cancel);
        Assert.Equal(10, account.Records);
    }
}
