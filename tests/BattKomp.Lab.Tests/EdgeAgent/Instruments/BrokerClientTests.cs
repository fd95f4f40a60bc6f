using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using MQTTnet;
using MQTTnet.Protocol;
using MQTTnet.Server;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

/// <summary>The agent as a client of another's broker: MQTTnet's in this process, and mosquitto where it is installed.</summary>
public sealed class BrokerClientTests
{
    private const string Mosquitto = "/usr/sbin/mosquitto";
    private const string Topic = "lab/SIM-1/records";
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task An_in_process_broker_delivers_each_message_once_into_the_journal()
    {
        var port = FreePort.Next();
        using var broker = new MqttServerFactory().CreateMqttServer(new MqttServerOptionsBuilder().WithDefaultEndpoint()
            .WithDefaultEndpointBoundIPAddress(System.Net.IPAddress.Loopback).WithDefaultEndpointPort(port).WithPersistentSessions().WithMaxPendingMessagesPerClient(100_000).Build());
        await broker.StartAsync();
        await DeliversOnceAsync(port);
        await broker.StopAsync();
    }

    [Fact]
    public async Task Mosquitto_delivers_each_message_once_into_the_journal_also_what_came_while_the_agent_was_away()
    {
        if (!File.Exists(Mosquitto))
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", $"{Mosquitto} is missing; install mosquitto");
            Assert.Skip($"{Mosquitto} is not installed");
        }
        using var folder = new TempFolder();
        var port = FreePort.Next();
        await File.WriteAllTextAsync(folder.File("m.conf"), $"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n", TestContext.Current.CancellationToken);
        using var broker = Process.Start(new ProcessStartInfo(Mosquitto, ["-c", folder.File("m.conf")]) { RedirectStandardError = true })!;
        try
        {
            await Eventually.Async(() => Listens(port), Bound, "mosquitto listens");
            await DeliversOnceAsync(port);
        }
        finally
        {
            broker.Kill();
            await broker.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }

    private static async Task DeliversOnceAsync(int port)
    {
        using var publisher = new MqttClientFactory().CreateMqttClient();
        await publisher.ConnectAsync(new MqttClientOptionsBuilder().WithTcpServer("127.0.0.1", port).Build(), TestContext.Current.CancellationToken);
        using var folder = new TempFolder();
        using var first = new DriverBench();
        await using (var agent = new Listening(port, first, folder))
        {
            await agent.Ready;
            await PublishAsync(publisher, 1, 300);
            await PublishAsync(publisher, "this is no record"u8.ToArray());
            await PublishAsync(publisher, Message(150));
            await Counted(first, 300);
            await Eventually.Async(() => Directory.GetFiles(folder.Root, "*.json").Length == 1, Bound, "the poison message is a dead letter");
            // The broker acknowledges the publisher before it delivers: the copy may still be on its way.
            await Eventually.Async(() => agent.Channel.Redelivered >= 1, Bound, "the copy is known by its counter");
            Assert.Equal(1, agent.Channel.Redelivered);
        }
        first.Journal.Dispose();
        // Away: the session stays at the broker.
        await PublishAsync(publisher, 301, 500);
        using var second = new DriverBench(first.Disk, "b1");
        await using (var agent = new Listening(port, second, folder))
        {
            await agent.Ready;
            await PublishAsync(publisher, 501, 600);
            await PublishAsync(publisher, Message(100));
            await Counted(second, 600);
            await Eventually.Async(() => agent.Channel.Redelivered >= 1, Bound, "the copy of an old record is known by its counter from the journal");
        }
        Assert.Equal(Enumerable.Range(1, 600), Counters(second));
    }

    private static Task Counted(DriverBench bench, int records) =>
        Eventually.Async(() => Counters(bench).Count() >= records, Bound, $"{records} records are journalled: {string.Join("; ", bench.Log)}");

    private static IEnumerable<int> Counters(DriverBench bench) =>
        bench.Entries().Where(e => e.Batch is not null).SelectMany(e => e.Batch.Columns.Single(c => c.Signal == "device_counter").Values).Select(v => (int)v);

    private static async Task PublishAsync(IMqttClient publisher, int from, int to)
    {
        for (var n = from; n <= to; n++)
            await PublishAsync(publisher, Message(n));
    }

    private static Task PublishAsync(IMqttClient publisher, byte[] payload) =>
        publisher.PublishAsync(new MqttApplicationMessageBuilder().WithTopic(Topic).WithPayload(payload).WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce).Build());

    private static byte[] Message(int n) =>
        Encoding.UTF8.GetBytes($$"""{"id":"SIM-1","n":{{n}},"utc":"2026-11-23T18:{{n / 60:00}}:{{n % 60:00}}Z","v":3.7}""");

    private static bool Listens(int port)
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>One start of an agent's MQTT side.</summary>
    private sealed class Listening : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly BrokerClient _client;
        private readonly Task _running;

        public Listening(int port, DriverBench bench, TempFolder deadLetters)
        {
            _client = new BrokerClient(new BrokerAddress("127.0.0.1", port), "agents-a", TimeProvider.System, bench.Log.Enqueue);
            Channel = new MqttChannel("rigs/r/channels/c", true, JsonMapping.Default("SIM-1"), _client, new DeadLetters(deadLetters.Root, TimeProvider.System), bench.Context);
            _running = Task.WhenAll(_client.RunAsync(_stop.Token), Channel.RunAsync(_stop.Token));
        }

        public MqttChannel Channel { get; }

        public Task Ready => _client.Ready.WaitAsync(Bound);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _stop.Dispose();
        }
    }
}
