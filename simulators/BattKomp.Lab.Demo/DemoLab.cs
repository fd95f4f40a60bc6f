using System.Text.Json.Nodes;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments;
using BattKomp.Lab.Simulators.Instruments.Mqtt;

namespace BattKomp.Lab.Demo;

/// <summary>The whole lab running: simulators in this process, server and agent as child processes, all on loopback.</summary>
internal sealed class DemoLab : IAsyncDisposable
{
    private readonly DemoOptions _options;
    private readonly TimeProvider _time;
    private readonly string _folder;
    private readonly string _agentToken = Persona.NewToken();
    private readonly DateTimeOffset _origin;
    private readonly int _brokerPort;
    private readonly int _chamberPort = FreePort.Next();
    private readonly int _localPort = FreePort.Next();
    private readonly int _httpPort;
    private readonly int _grpcPort;
    private readonly CancellationTokenSource _simulatorsStop = new();
    private readonly List<RestClient> _clients = [];
    private SimulatorHost? _simulators;
    private Task _simulating = Task.CompletedTask;
    private LabProcess? _server;
    private LabProcess? _agent;
    private IAsyncDisposable? _otherAgent;
    private string _lastBoot = "";

    private DemoLab(DemoOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _origin = time.GetUtcNow();
        _brokerPort = options.BrokerPort > 0 ? options.BrokerPort : FreePort.Next();
        // Known addresses for people, any free ones for tests and for a second demo; the same ones again after a restart.
        (_httpPort, _grpcPort) = options.Once || !FreePort.IsFree(5080) || !FreePort.IsFree(5081) ? (FreePort.Next(), FreePort.Next()) : (5080, 5081);
        _folder = options.Data.Length > 0 ? Directory.CreateDirectory(options.Data).FullName : Directory.CreateTempSubdirectory("battlab-demo-").FullName;
    }

    /// <summary>The rigs that stand here.</summary>
    public IReadOnlyList<DemoBench> Benches => _options.Benches ?? DemoBenches.All;

    private BenchPlace Place => new(_folder, _brokerPort, _options, _chamberPort, _localPort);

    /// <summary>The six, with their tokens.</summary>
    public IReadOnlyList<Persona> Personas { get; } = Persona.Six();

    /// <summary>HTTP/1 address: page and REST.</summary>
    public string Http { get; private set; } = "";

    /// <summary>gRPC address.</summary>
    public string Grpc { get; private set; } = "";

    /// <summary>Times the agent was started again after a kill.</summary>
    public int AgentRestarts { get; private set; }

    /// <summary>When the simulators were switched on.</summary>
    public DateTimeOffset Origin => _origin;

    /// <summary>The agent's own page, which stops without the server.</summary>
    public string AgentPage => $"http://127.0.0.1:{_localPort}/";

    /// <summary>Machine time.</summary>
    public TimeProvider Time => _time;

    /// <summary>Where the agent keeps its journal.</summary>
    public string AgentFolder => Path.Combine(_folder, "agent");

    /// <summary>The agent's configuration.</summary>
    public string AgentConfigFile => Path.Combine(_folder, "agent.json");

    /// <summary>Process of the server; null while it is down.</summary>
    public int? ServerProcess => _server?.Id;

    /// <summary>Where the server keeps its data.</summary>
    public string ServerFolder => _options.ServerData.Length > 0 ? _options.ServerData : Path.Combine(_folder, "server");

    /// <summary>What a simulator has done.</summary>
    public InstrumentStats Stats(string instrument) => _simulators!.Instruments.Single(i => i.Id == instrument).Stats;

    /// <summary>What the MQTT cycler has done.</summary>
    public InstrumentStats Cycler => _simulators!.Instruments.Single(i => i.Id == DemoSeed.CyclerId).Stats;

    /// <summary>Starts everything and waits until the agent is on the line.</summary>
    public static async Task<DemoLab> StartAsync(DemoOptions options, TimeProvider time, CancellationToken cancel)
    {
        var lab = new DemoLab(options, time);
        try
        {
            lab.StartSimulators();
            await lab.StartServerAsync(cancel);
            lab.WriteAgentConfig();
            await lab.StartAgentAsync(cancel);
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>The lab's REST API as a persona.</summary>
    public RestClient As(string persona)
    {
        var client = new RestClient(Http, Token(persona));
        _clients.Add(client);
        return client;
    }

    /// <summary>The token of a persona.</summary>
    public string Token(string persona) => Personas.Single(p => p.Id == persona).Token;

    /// <summary>Runs the CLI as a persona.</summary>
    public Task<(int ExitCode, string Output, string Error)> CliAsync(string persona, CancellationToken cancel, params string[] args) =>
        LabProcess.CallAsync("cli", "battlab", args, new Dictionary<string, string> { ["BATTLAB_SERVER"] = Grpc, ["BATTLAB_TOKEN"] = Token(persona) }, cancel);

    /// <summary>Kills the agent with SIGKILL.</summary>
    public async Task KillAgentAsync()
    {
        await _agent!.KillAsync();
        await _agent.DisposeAsync();
        _agent = null;
    }

    /// <summary>Kills the server with SIGKILL.</summary>
    public async Task KillServerAsync()
    {
        await _server!.KillAsync();
        await _server.DisposeAsync();
        _server = null;
    }

    /// <summary>Starts the server again on the same data and the same addresses.</summary>
    public Task RestartServerAsync(CancellationToken cancel) => StartServerAsync(cancel);

    /// <summary>Starts the agent again on the same journal.</summary>
    public async Task RestartAgentAsync(CancellationToken cancel)
    {
        await StartAgentProcessAsync();
        AgentRestarts++;
        await AgentOnLineAsync(cancel);
    }

    /// <summary>Starts a second agent on a copy of the first one's files, as a cloned machine image does. It reaches no instrument: the lines are taken.</summary>
    internal async Task<IAsyncDisposable> CloneAgentAsync(CancellationToken cancel)
    {
        var copy = Path.Combine(_folder, "clone");
        foreach (var file in Directory.EnumerateFiles(AgentFolder, "*", SearchOption.AllDirectories).Where(f => !f.EndsWith(".lock", StringComparison.Ordinal)))
        {
            var target = Path.Combine(copy, Path.GetRelativePath(AgentFolder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
        var config = JsonNode.Parse(await File.ReadAllTextAsync(AgentConfigFile, cancel))!;
        config["data_dir"] = copy;
        config["broker"] = new JsonObject { ["host"] = true, ["port"] = FreePort.Next() };
        config["local_page"]!["port"] = FreePort.Next();
        var path = Path.Combine(_folder, "clone.json");
        await File.WriteAllTextAsync(path, config.ToJsonString(), cancel);
        return LabProcess.Start("agent", "battlab-agent", ["run", "--config", path], Path.Combine(_folder, "logs", "clone.log"));
    }

    /// <summary>Stops the agent in order; its journal may then be read.</summary>
    public async Task StopAgentAsync()
    {
        if (_otherAgent is not null) await _otherAgent.DisposeAsync();
        _otherAgent = null;
        if (_agent is null) return;
        await _agent.DisposeAsync();
        _agent = null;
    }

    /// <summary>What the agent's journal holds, by the agent's own offline reader.</summary>
    public async Task<JsonNode> ReadJournalAsync(CancellationToken cancel)
    {
        var (code, output, error) = await LabProcess.CallAsync("agent", "battlab-agent", ["journal", "--dir", Path.Combine(AgentFolder, "journal"), "--json"], new Dictionary<string, string>(), cancel);
        return code == 0 ? JsonNode.Parse(output)! : throw new DemoException($"the agent's journal cannot be read: {error}");
    }

    /// <summary>Waits until a condition holds, in machine time; gives up with a sentence that says what was waited for.</summary>
    public async Task UntilAsync(Func<Task<bool>> condition, TimeSpan bound, string what, CancellationToken cancel)
    {
        var started = _time.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50), _time);
        while (!await HoldsAsync(condition))
        {
            if (_server?.HasExited == true) throw new DemoException($"the server ended:\n{_server.LastLines}");
            if (_agent?.HasExited == true) throw new DemoException($"the agent ended:\n{_agent.LastLines}");
            if (_simulating.IsFaulted) throw new DemoException($"the simulators ended: {_simulating.Exception!.InnerException!.Message}");
            if (_time.GetElapsedTime(started) > bound) throw new DemoException($"not within {bound.TotalSeconds:0} s: {what}. Logs: {_folder}/logs\n{_server?.LastLines}\n{_agent?.LastLines}");
            await timer.WaitForNextTickAsync(cancel);
        }
    }

    // A server that is being started again refuses connections: not yet, rather than never.
    private async Task<bool> HoldsAsync(Func<Task<bool>> condition)
    {
        try
        {
            return await condition();
        }
        catch (Exception e) when (e is HttpRequestException or DemoUnavailableException)
        {
            return false;
        }
        // The log goes with the folder: an answer that should never be given takes the server's side of it along.
        catch (DemoException e)
        {
            throw new DemoException($"{e.Message}\nserver log:\n{_server?.LastLines}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // In this order nothing is left un-acknowledged: instruments fall silent, the agent hands over, the server closes.
        await _simulatorsStop.CancelAsync();
        try
        {
            await _simulating;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // A line that broke while stopping has nothing more to say.
        }
        _simulators?.Dispose();
        await StopAgentAsync();
        if (_server is not null) await _server.DisposeAsync();
        foreach (var client in _clients) client.Dispose();
        _simulatorsStop.Dispose();
        if (_options.Data.Length == 0) Directory.Delete(_folder, recursive: true);
    }

    private void StartSimulators()
    {
        _simulators = new SimulatorHost(new SimulatorConfig
        {
            LabOrigin = _origin,
            MachineOrigin = _origin,
            Speed = _options.Speed,
            Instruments = [.. Benches.Select(b => b.Simulator(Place))],
        }, _time);
        _simulating = _simulators.RunAsync(null, _simulatorsStop.Token);
    }

    private async Task StartServerAsync(CancellationToken cancel)
    {
        var seed = Path.Combine(_folder, "seed.json");
        await File.WriteAllTextAsync(seed, DemoSeed.Json(Personas, _agentToken, Benches), cancel);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(seed, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var data = Directory.CreateDirectory(ServerFolder).FullName;
        var logs = Directory.CreateDirectory(Path.Combine(_folder, "logs")).FullName;
        var addresses = Path.Combine(data, "addresses.json");
        File.Delete(addresses);
        _server = LabProcess.Start("server", "battlab-server",
        [
            "--DataDirectory", data, "--SeedFile", seed, "--Http", $"http://127.0.0.1:{_httpPort}", "--Grpc", $"http://127.0.0.1:{_grpcPort}",
            "--LabOrigin", _origin.UtcDateTime.ToString("O"), "--MachineOrigin", _origin.UtcDateTime.ToString("O"), "--LabSpeed", _options.Speed.ToString("R"),
            .. _options.ServerArguments,
        ], Path.Combine(logs, "server.log"));
        await UntilAsync(() => Task.FromResult(File.Exists(addresses)), TimeSpan.FromSeconds(60), "the server listens", cancel);
        var found = JsonNode.Parse(await File.ReadAllTextAsync(addresses, cancel))!;
        (Http, Grpc) = (found["http"]!.GetValue<string>(), found["grpc"]!.GetValue<string>());
    }

    private void WriteAgentConfig() =>
        File.WriteAllText(AgentConfigFile, AgentConfig.Json(Grpc, _agentToken, AgentFolder, Benches, Place, _origin));

    private async Task StartAgentAsync(CancellationToken cancel)
    {
        await StartAgentProcessAsync();
        await AgentOnLineAsync(cancel);
    }

    private async Task StartAgentProcessAsync()
    {
        if (_options.AgentRunner is { } runner)
            _otherAgent = await runner(AgentConfigFile);
        else
            _agent = LabProcess.Start("agent", "battlab-agent", ["run", "--config", AgentConfigFile], Path.Combine(_folder, "logs", "agent.log"));
    }

    /// <summary>Waits until the boot that was known is connected again, after the server was away.</summary>
    public Task AgentBackOnLineAsync(CancellationToken cancel) =>
        UntilAsync(async () => await BootOnLineAsync(cancel) == _lastBoot, TimeSpan.FromSeconds(60), "the agent is back on the line", cancel);

    /// <summary>Waits until the agent's newest boot is connected to the server.</summary>
    public async Task AgentOnLineAsync(CancellationToken cancel)
    {
        await UntilAsync(async () => await BootOnLineAsync(cancel) is { } boot && boot != _lastBoot, TimeSpan.FromSeconds(60), "the agent is on the line", cancel);
        _lastBoot = await BootOnLineAsync(cancel) ?? _lastBoot;
    }

    // The boot that is connected; null while none is.
    private async Task<string?> BootOnLineAsync(CancellationToken cancel)
    {
        using var manager = new RestClient(Http, Token("lab-manager"));
        var agents = (await manager.GetAsync("/v1/agents", cancel))["agents"]?.AsArray();
        var agent = agents?.FirstOrDefault(a => a!["name"]!.GetValue<string>() == DemoSeed.Agent);
        return agent?["connected"]?.GetValue<bool>() == true ? agent["boot"]!.GetValue<string>() : null;
    }
}
