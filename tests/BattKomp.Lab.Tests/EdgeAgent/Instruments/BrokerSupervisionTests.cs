using System.Text;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using MQTTnet;
using MQTTnet.Protocol;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

/// <summary>What a broker does to its clients, on a real mosquitto: recovered without a restart, each outage in the stream, each lost record counted.</summary>
public sealed class BrokerSupervisionTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(45);

    [Fact]
    public async Task A_broker_that_is_killed_and_begun_again_is_one_outage_and_the_records_go_on()
    {
        using var broker = await Mosquitto.StartAsync();
        using var bench = new DriverBench();
        await using var agent = new Agent(broker.Port, bench);
        await agent.Ready;
        await PublishAsync(broker.Port, 1, 5);
        await CountedAsync(bench, 5);
        broker.Kill();
        await broker.StartAgainAsync();
        // The new broker knows no session; what is published before the agent is back is lost and counted.
        await Eventually.Async(() => Outages(bench).Count == 1, Bound, $"the outage is told: {string.Join("; ", bench.Log)}");
        await PublishAsync(broker.Port, 8, 10);
        await CountedAsync(bench, 8);
        var outage = Assert.Single(Outages(bench));
        Assert.True(outage.UtcNs < outage.UntilUtcNs);
        Assert.Equal(["device records 6 to 7 never arrived"], Gaps(bench));
    }

    [Fact]
    [Trait("lane", "full")]
    public async Task A_broker_frozen_for_ten_seconds_is_an_outage_that_begins_at_the_last_message_and_costs_no_record()
    {
        using var broker = await Mosquitto.StartAsync();
        using var bench = new DriverBench();
        await using var agent = new Agent(broker.Port, bench);
        await agent.Ready;
        await PublishAsync(broker.Port, 1, 5);
        await CountedAsync(bench, 5);
        var heard = bench.Clock.LabNowNs;
        broker.Freeze();
        await Eventually.Async(() => bench.Clock.LabNowNs - heard > 10_000_000_000 && bench.Log.Any(l => l.Contains("broker", StringComparison.Ordinal)), Bound, "the agent notices");
        broker.Thaw();
        await PublishAsync(broker.Port, 6, 20);
        await CountedAsync(bench, 20);
        await Eventually.Async(() => Outages(bench).Count == 1, Bound, "the outage is told");
        var outage = Assert.Single(Outages(bench));
        Assert.True(outage.UtcNs <= heard);
        Assert.True(outage.UntilUtcNs - outage.UtcNs >= 9_000_000_000);
        Assert.Empty(Gaps(bench));
        Assert.Equal(Enumerable.Range(1, 20), Counters(bench));
    }

    [Fact]
    public async Task A_broker_whose_queue_overflows_accepts_and_forgets_and_the_device_counter_tells_exactly_what()
    {
        const int kept = 10;
        using var broker = await Mosquitto.StartAsync($"max_inflight_messages 20\nmax_queued_messages {kept}");
        using var first = new DriverBench();
        await using (var agent = new Agent(broker.Port, first))
        {
            await agent.Ready;
            await PublishAsync(broker.Port, 1, 5);
            await CountedAsync(first, 5);
        }
        first.Journal.Dispose();
        // Every one of these is acknowledged to its publisher.
        await PublishAsync(broker.Port, 6, 60);
        using var second = new DriverBench(first.Disk, "b1");
        await using (var agent = new Agent(broker.Port, second))
        {
            await agent.Ready;
            await Eventually.Async(() => Counters(second).Count > 5, Bound, "what the broker kept arrives");
            await PublishAsync(broker.Port, 61, 61);
            await Eventually.Async(() => Counters(second).Contains(61), Bound, "the next record arrives");
        }
        var counters = Counters(second);
        var missing = Enumerable.Range(1, 61).Except(counters).ToList();
        Assert.NotEmpty(missing);
        Assert.Equal(missing, Enumerable.Range(missing[0], missing.Count));
        Assert.Equal([$"device records {missing[0]} to {missing[^1]} never arrived"], Gaps(second));
    }

    private static Task CountedAsync(DriverBench bench, int records) =>
        Eventually.Async(() => Counters(bench).Count >= records, Bound, $"{records} records are journalled: {string.Join("; ", bench.Log)}");

    private static List<int> Counters(DriverBench bench) =>
        [.. bench.Entries().Where(e => e.Batch is not null).SelectMany(e => e.Batch.Columns.Single(c => c.Signal == "device_counter").Values).Select(v => (int)v)];

    private static List<StreamEvent> Outages(DriverBench bench) => [.. bench.Events(StreamEvent.Types.Kind.Outage).Where(e => e.Cause == "broker_lost")];

    private static List<string> Gaps(DriverBench bench) => [.. bench.Events(StreamEvent.Types.Kind.Note).Where(e => e.Cause == "device_counter_gap").Select(e => e.Detail)];

    private static async Task PublishAsync(int port, int from, int to)
    {
        using var publisher = new MqttClientFactory().CreateMqttClient();
        await publisher.ConnectAsync(new MqttClientOptionsBuilder().WithTcpServer("127.0.0.1", port).Build(), TestContext.Current.CancellationToken);
        for (var n = from; n <= to; n++)
            await publisher.PublishAsync(new MqttApplicationMessageBuilder().WithTopic("lab/SIM-1/records").WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce)
                .WithPayload(Encoding.UTF8.GetBytes($$"""{"id":"SIM-1","n":{{n}},"utc":"2026-11-23T18:{{n / 60:00}}:{{n % 60:00}}Z","v":3.7}""")).Build(), TestContext.Current.CancellationToken);
    }

    /// <summary>One start of an agent's MQTT side.</summary>
    private sealed class Agent : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly TempFolder _folder = new();
        private readonly BrokerClient _client;
        private readonly Task _running;

        public Agent(int port, DriverBench bench)
        {
            _client = new BrokerClient(new BrokerAddress("127.0.0.1", port), "agents-a", TimeProvider.System, bench.Log.Enqueue);
            var channel = new MqttChannel("rigs/r/channels/c", true, JsonMapping.Default("SIM-1"), _client, new DeadLetters(_folder.Root, TimeProvider.System), bench.Context);
            _running = Task.WhenAll(_client.RunAsync(_stop.Token), channel.RunAsync(_stop.Token));
        }

        public Task Ready => _client.Ready.WaitAsync(Bound);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _stop.Dispose();
            _folder.Dispose();
        }
    }
}
