using System.Runtime.InteropServices;
using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Hosting.Check;
using BattKomp.Lab.EdgeAgent.Hosting.LocalPage;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Safety.Watchdog;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.EdgeAgent.Uplink;
using Grpc.Core;

namespace BattKomp.Lab.EdgeAgent;

/// <summary>battlab-agent: 0 ok, 1 refused or invalid, 2 unreadable or unreachable.</summary>
internal static class AgentProgram
{
    private const string Usage = """
        battlab-agent run --config FILE
        battlab-agent check --config FILE [--json]
        battlab-agent stop --config FILE [--channel C] [--reason R]
        battlab-agent watchdog --config FILE
        battlab-agent watchdog release --config FILE
        battlab-agent enrol --config FILE --token T
        battlab-agent journal --dir DATA_DIR/journal --json
        """;
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static async Task<int> Main(string[] args)
    {
        try
        {
            return args switch
            {
                ["run", "--config", var file] => await RunAsync(file, AgentConfigReader.Load(file)),
                ["stop", "--config", var file, .. var rest] => await LocalStop.RunAsync(AgentConfigReader.Load(file), Option(rest, "--channel"), Option(rest, "--reason"), Console.Out, Console.Error),
                ["watchdog", "--config", var file] => await WatchAsync(AgentConfigReader.Load(file)),
                ["watchdog", "release", "--config", var file] => Release(AgentConfigReader.Load(file)),
                ["enrol", "--config", var file, "--token", var token] => await EnrolAsync(AgentConfigReader.Load(file), token),
                ["check", "--config", var file, ..] => ConfigCheck.Print(ConfigCheck.Of(file), json: args.Contains("--json"), Console.Out, Console.Error),
                ["journal", "--dir", var folder, ..] => Report(folder, json: args.Contains("--json")),
                _ => Fail(1, Usage),
            };
        }
        catch (ConfigException e)
        {
            return Fail(1, e.Message);
        }
        catch (InvalidDataException e)
        {
            return Fail(1, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Fail(2, e.Message);
        }
    }

    private static int Fail(int code, string message)
    {
        Console.Error.WriteLine(message);
        return code;
    }

    private static string Option(string[] args, string name) =>
        Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : "";

    private static async Task<int> RunAsync(string file, AgentConfig config)
    {
        using var stop = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => Stop(c, stop));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, c => Stop(c, stop));
        await using var host = new AgentHost(config, TimeProvider.System, Console.Error.WriteLine);
        await using var reload = new ConfigWatch(file, host.ReloadAsync, TimeProvider.System, Console.Error.WriteLine);
        await host.RunAsync(() => Console.WriteLine(JsonSerializer.Serialize(new
        {
            Ready = true,
            config.Agent,
            host.Boot.Boot,
            BootOrder = host.Boot.Order,
            Channels = config.Channels.Select(c => c.Channel),
            BrokerPort = config.HostBrokerPort,
            JournalDir = Path.Combine(Path.GetFullPath(config.DataDir), "journal"),
            Process = Environment.ProcessId,
        }, Json)), stop.Token);
        return 0;
    }

    private static async Task<int> EnrolAsync(AgentConfig config, string token)
    {
        if (config.KeyFile.Length == 0)
            return Fail(1, "$.key_file: is missing; name the file in which this agent is to keep its own key");
        using var line = new ServerLine(config.Server, new AgentIdentity(config.Agent, "", config.KeyFile), TimeProvider.System);
        try
        {
            await line.Credentials.EnrolAsync(token, CancellationToken.None);
        }
        catch (RpcException e)
        {
            return Fail(e.StatusCode is StatusCode.Unavailable or StatusCode.Cancelled ? 2 : 1, e.Status.Detail);
        }
        Console.WriteLine($"{config.Agent} is enrolled; its key is in {config.KeyFile}.");
        return 0;
    }

    private static async Task<int> WatchAsync(AgentConfig config)
    {
        if (config.Watchdog is not { } watchdog)
            return Fail(1, "$.watchdog: is missing; name the relay card's device and the relay of each channel");
        using var stop = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => Stop(c, stop));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, c => Stop(c, stop));
        await using var card = new RelayCard(() => InstrumentLines.Open(new LineSettings { Device = watchdog.Device, Baud = 19200 }), TimeProvider.System);
        var process = new WatchdogProcess(watchdog, config.DataDir, card, TimeProvider.System, Console.Error.WriteLine);
        await process.RunAsync(() => Console.WriteLine(JsonSerializer.Serialize(new { Ready = true, Watchdog = watchdog.Device, Process = Environment.ProcessId }, Json)), stop.Token);
        return 0;
    }

    private static int Release(AgentConfig config)
    {
        var released = WatchdogProcess.Release(config.DataDir, TimeProvider.System);
        Console.WriteLine(released ? "Released: the watchdog closes the circuits again when the agent lives. Locked channels are released on the server." : "Nothing was held open.");
        return released ? 0 : 1;
    }

    private static void Stop(PosixSignalContext context, CancellationTokenSource stop)
    {
        context.Cancel = true;
        stop.Cancel();
    }

    private static int Report(string folder, bool json)
    {
        if (!Directory.Exists(folder))
            return Fail(2, $"{folder} is not a folder; name the journal folder of the agent's data_dir.");
        var inner = Path.Combine(folder, "journal");
        var report = JournalReport.Of(new PhysicalDisk(Directory.Exists(inner) ? inner : folder));
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(report, Json));
        else
            foreach (var s in report.Streams)
                Console.WriteLine($"{s.Boot} {s.Stream} {s.Channel} {s.FirstSeq}–{s.LastSeq}: {s.Records} records, {s.Events} events{(s.Closed ? ", closed" : "")}");
        return 0;
    }
}
