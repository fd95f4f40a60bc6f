using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Mqtt;
using BattKomp.Lab.Simulators.Time;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent;

public class MqttAgentTests
{
    private const string Channel = "rigs/cyc/channels/1";
    private const double Speed = 2000;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_publisher_that_keeps_messages_until_puback_loses_none_and_doubles_none_when_the_agent_is_killed()
    {
        using var folder = new TempFolder();
        await using var server = await FakeLabServer.StartAsync();
        var port = FreePort.Next();
        var origin = TimeProvider.System.GetUtcNow();
        var config = AgentProcess.Config(folder, server.Address,
            [new { channel = Channel, protocol = "mqtt-json", simulated = true, mapping = new { instrument = "SIM-CYC-1" } }], port, Speed, origin);
        using var cycler = Cycler(port, origin);
        using var stop = new CancellationTokenSource();
        var running = cycler.RunAsync(stop.Token);

        var agent = await AgentProcess.StartAsync(config);
        await Eventually.Async(() => server.HasLine, Bound, "the control line stands");
        await server.OrderAsync(server.LeaseOrder("agents/a1",
            new LeasedChannel { Channel = Channel, Run = "runs/r1", Control = ControlClass.StartStop, Simulated = true }, TimeSpan.Zero, TimeSpan.FromMinutes(5)));
        foreach (var part in new[] { 100, 400, 900 })
        {
            await Eventually.Async(() => server.Streams.Sum(s => s.Records.Count) > part, Bound, $"more than {part} records are stored. {agent.Errors}");
            await agent.KillAsync();
            await agent.DisposeAsync();
            agent = await AgentProcess.StartAsync(config);
        }
        await Eventually.Async(() => server.Reports.Any(r => r.Channel is { State: ChannelReport.Types.State.Ended, Run: "runs/r1" }), Bound, $"the run ends. {agent.Errors}");
        await Eventually.Async(() => server.Streams.All(s => s.Complete), Bound, "every stream is closed and complete");
        Assert.Equal(0, await agent.TerminateAsync());
        await agent.DisposeAsync();
        await stop.CancelAsync();
        await running;

        var counters = server.Streams.Where(s => s.Opened!.Run == "runs/r1").SelectMany(s => s.Values("device_counter")).ToList();
        Assert.Equal(Enumerable.Range(1, (int)cycler.Stats.Published).Select(n => (double)n), counters.Order());
        Assert.All(server.Streams, s => Assert.Equal(0, s.Conflicts));
        Assert.Equal(4, server.Streams.Count(s => s.Records.Count > 0));
        Assert.Equal(3, server.Streams.SelectMany(s => s.Events.Values).Count(e => e.Cause == "agent_restart"));
        Assert.Equal("completed", server.Streams.SelectMany(s => s.Events.Values).Single(e => e.Kind == StreamEvent.Types.Kind.Stopped).Cause);
        Assert.All(server.Streams, s => Assert.Equal(s.Stamps.Order().Distinct(), s.Stamps));
        Assert.All(server.Streams.Where(s => s.Records.Count > 0), s => Assert.Equal(ClockQuality.Device, s.Opened!.ClockQuality));
    }

    private static MqttCycler Cycler(int port, DateTimeOffset origin)
    {
        var options = new CyclerOptions { Id = "SIM-CYC-1", Broker = new BrokerOptions { Port = port } };
        var program = new CyclerProgram(new CellParameters(), new ProgramOptions { Cycles = 1, RecordSeconds = 10 }, seed: 1);
        return new MqttCycler(options, program, new SimulatedLabTime(origin, origin, Speed, TimeProvider.System), TimeProvider.System);
    }
}
