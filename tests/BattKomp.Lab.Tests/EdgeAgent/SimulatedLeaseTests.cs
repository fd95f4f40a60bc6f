using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent;

public class SimulatedLeaseTests
{
    private const string Channel = "rigs/cyc/channels/1";
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_simulator_is_energised_only_in_the_name_of_a_virtual_lab(bool virtualLab)
    {
        using var folder = new TempFolder();
        await using var server = await FakeLabServer.StartAsync();
        var config = AgentProcess.Config(folder, server.Address,
            [new { channel = Channel, protocol = "mqtt-json", simulated = true, mapping = new { instrument = "SIM-CYC-1" } }], FreePort.Next(), 1, TimeProvider.System.GetUtcNow());
        await using var agent = await AgentProcess.StartAsync(config);
        await Eventually.Async(() => server.HasLine, Bound, "the control line stands");
        await server.OrderAsync(server.LeaseOrder("agents/a1",
            new LeasedChannel { Channel = Channel, Run = "runs/r1", Control = ControlClass.StartStop, Simulated = virtualLab }, TimeSpan.Zero, TimeSpan.FromMinutes(5)));
        await Eventually.Async(() => server.Reports.Any(r => r.LeaseTaken is not null), Bound, $"the agent answers. {agent.Errors}");
        var taken = server.Reports.First(r => r.LeaseTaken is not null).LeaseTaken;
        Assert.Equal(virtualLab, taken.Accepted);
        if (!virtualLab) Assert.Contains("is a simulator here", taken.Detail, StringComparison.Ordinal);
        Assert.Equal(0, await agent.TerminateAsync());
    }
}
