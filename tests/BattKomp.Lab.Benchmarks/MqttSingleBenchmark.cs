using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety;
using MQTTnet;
using MQTTnet.Formatter;
using MQTTnet.Protocol;

namespace BattKomp.Lab.Benchmarks;

/// <summary>
/// `mqtt-single`: JSON messages of one record each, from mosquitto through the agent's broker client and mapping into the journal on a real disk, against a bare
/// MQTTnet QoS 1 subscriber that only counts. Each turn the broker holds the same number of messages for a session that then connects; the clock runs from
/// connecting to the last message counted or durable. Peer and ours alternate.
/// </summary>
public static class MqttSingleBenchmark
{
    private const int Turns = 6, Messages = 40_000, ReceiveMaximum = 1000;
    private const double Budget = 0.6;
    private const string Settings = "max_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\nallow_anonymous true\n", Instrument = "SIM-1";
    private static readonly string Topic = $"lab/{Instrument}/records";
    private static readonly MqttClientFactory Factory = new();
    private static long _number;

    /// <summary>Runs it and returns the figures.</summary>
    public static async Task<object> RunAsync(string[] args)
    {
        var folder = Directory.CreateTempSubdirectory("battlab-mqtt-bench-").FullName;
        var port = FreePort();
        var conf = Path.Combine(folder, "mosquitto.conf");
        await File.WriteAllTextAsync(conf, $"listener {port} 127.0.0.1\n{Settings}");
        using var broker = await ChildProcess.StartAsync("/usr/sbin/mosquitto", "-c", conf);
        try
        {
            await ListensAsync(port);
            using var journal = AgentJournal.Open(new PhysicalDisk(Path.Combine(folder, "journal")));
            var (peer, ours) = (new List<(double Wall, double Cpu)>(), new List<(double Wall, double Cpu)>());
            for (var turn = -1; turn < Turns; turn++)
            {
                var counted = await TurnAsync(port, "peer", () => PeerAsync(port));
                var durable = await TurnAsync(port, "ours", () => OursAsync(port, journal, folder));
                journal.Acknowledge(journal.End);
                if (turn < 0)
                    continue; // the first of each warms up
                peer.Add(counted);
                ours.Add(durable);
            }
            return Result(peer, ours, DiskProbe.FsyncP50Ms(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static object Result(List<(double Wall, double Cpu)> peer, List<(double Wall, double Cpu)> ours, double fsync)
    {
        double Wall(List<(double Wall, double Cpu)> turns) => BenchmarkJson.Percentile([.. turns.Select(t => t.Wall)], 0.5);
        double Cpu(List<(double Wall, double Cpu)> turns) => BenchmarkJson.Percentile([.. turns.Select(t => t.Cpu)], 0.5);
        var (wall, cpu) = (Wall(peer) / Wall(ours), Cpu(peer) / Cpu(ours));
        return new
        {
            Name = "mqtt-single",
            Ratio = Math.Max(wall, cpu),
            WithinBudget = Math.Max(wall, cpu) >= Budget ? 1 : 0,
            WallRatio = wall,
            CpuRatio = cpu,
            Budget,
            DurablePerSecond = Messages / Wall(ours),
            PeerPerSecond = Messages / Wall(peer),
            CpuMicrosecondsAMessage = Cpu(ours) / Messages * 1e6,
            PeerCpuMicrosecondsAMessage = Cpu(peer) / Messages * 1e6,
            Messages,
            Turns,
            Broker = $"mosquitto: {Settings.Trim().Replace("\n", "; ")}",
            ReceiveMaximum,
            FsyncP50Ms = fsync,
            Load = BenchmarkJson.Load(),
        };
    }

    private static async Task<(double Wall, double Cpu)> TurnAsync(int port, string client, Func<Task> consume)
    {
        using (var session = Factory.CreateMqttClient())
        {
            await session.ConnectAsync(Options(port, client), CancellationToken.None);
            await session.SubscribeAsync(Factory.CreateSubscribeOptionsBuilder().WithTopicFilter(Topic, MqttQualityOfServiceLevel.AtLeastOnce).Build(), CancellationToken.None);
            await session.DisconnectAsync(new MqttClientDisconnectOptions(), CancellationToken.None);
        }
        await PublishAsync(port);
        var (started, cpu) = (Stopwatch.GetTimestamp(), Process.GetCurrentProcess().TotalProcessorTime);
        await consume();
        var turn = (Stopwatch.GetElapsedTime(started).TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds);
        using var end = Factory.CreateMqttClient();
        await end.ConnectAsync(Factory.CreateClientOptionsBuilder().WithTcpServer("127.0.0.1", port).WithClientId(client).WithCleanStart().Build(), CancellationToken.None);
        await end.DisconnectAsync(new MqttClientDisconnectOptions(), CancellationToken.None);
        return turn;
    }

    private static MqttClientOptions Options(int port, string client) => Factory.CreateClientOptionsBuilder().WithProtocolVersion(MqttProtocolVersion.V500)
        .WithTcpServer("127.0.0.1", port).WithClientId(client).WithCleanStart(false).WithSessionExpiryInterval(3600).WithReceiveMaximum(ReceiveMaximum).Build();

    private static async Task PublishAsync(int port)
    {
        using var publisher = Factory.CreateMqttClient();
        await publisher.ConnectAsync(Factory.CreateClientOptionsBuilder().WithTcpServer("127.0.0.1", port).Build(), CancellationToken.None);
        using var window = new SemaphoreSlim(ReceiveMaximum / 2);
        async Task OneAsync(byte[] payload)
        {
            await publisher.PublishAsync(new MqttApplicationMessageBuilder().WithTopic(Topic).WithPayload(payload).WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce).Build(), CancellationToken.None);
            window.Release();
        }

        var sends = new List<Task>();
        for (var k = 0; k < Messages; k++)
        {
            await window.WaitAsync();
            sends.Add(OneAsync(Message(++_number)));
        }

        await Task.WhenAll(sends);
        await publisher.DisconnectAsync(new MqttClientDisconnectOptions(), CancellationToken.None);
    }

    private static byte[] Message(long n) => Encoding.UTF8.GetBytes(FormattableString.Invariant(
        $$"""{"id":"{{Instrument}}","n":{{n}},"utc":"{{DateTimeOffset.UnixEpoch.AddYears(56).AddMilliseconds(100 * n):O}}","t":{{n * 0.1:F1}},"v":{{3.6 + (n % 1000 * 1e-4):F4}},"i":1.5003,"cycle":1,"step":2,"step_id":2,"step_type":"CC_DISCHARGE","q_step":0.41257,"e_step":1.50311,"temp":25.31}"""));

    private static async Task PeerAsync(int port)
    {
        var all = new TaskCompletionSource();
        var count = 0;
        using var subscriber = Factory.CreateMqttClient();
        subscriber.ApplicationMessageReceivedAsync += _ =>
        {
            if (++count == Messages)
                all.SetResult();
            return Task.CompletedTask;
        };
        await subscriber.ConnectAsync(Options(port, "peer"), CancellationToken.None);
        await all.Task;
        await subscriber.DisconnectAsync(new MqttClientDisconnectOptions(), CancellationToken.None);
    }

    private static async Task OursAsync(int port, AgentJournal journal, string folder)
    {
        const string channel = "rigs/bench/channels/1";
        using var stop = new CancellationTokenSource();
        var client = new BrokerClient(new BrokerAddress("127.0.0.1", port), "ours", TimeProvider.System, Console.Error.WriteLine);
        var context = new DriverContext(journal, new StreamNames("agents/bench", $"b{_number}"), new StampClock(TimeProvider.System, LabClock.RealTime), TimeProvider.System,
            new StopLocks(new PhysicalDisk(Path.Combine(folder, "locks"))), _ => { }, Console.Error.WriteLine);
        var driver = new MqttChannel(channel, true, JsonMapping.Default(Instrument), client, new DeadLetters(Path.Combine(folder, "dead"), TimeProvider.System), context);
        var running = Task.WhenAll(client.RunAsync(stop.Token), driver.RunAsync(stop.Token));
        while (journal.Query(s => s.Run(JournalState.WithoutRun(channel))?.DeviceCounter ?? 0) < _number)
            await Task.Delay(2);
        await stop.CancelAsync();
        await running;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task ListensAsync(int port)
    {
        for (var attempt = 0; attempt < 200; attempt++)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(25);
            }
        }
        throw new InvalidOperationException("mosquitto does not listen; is it installed?");
    }
}
