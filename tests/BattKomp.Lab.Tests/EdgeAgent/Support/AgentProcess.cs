using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Support;

/// <summary>The real `battlab-agent` as a child process, so that it can be killed like one.</summary>
internal sealed partial class AgentProcess : IAsyncDisposable
{
    private const int SigTerm = 15;

    // The agent's own output folder: the test's lacks what the web framework brings along for the test but not for the agent.
    private static readonly string Assembly = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "..",
        "src", "BattKomp.Lab.EdgeAgent", "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, new DirectoryInfo(AppContext.BaseDirectory).Name, "battlab-agent.dll"));

    private readonly StringBuilder _errors = new();
    private readonly TaskCompletionSource<string> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Process _process;

    private AgentProcess(string config, string command = "run")
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[Assembly, command, "--config", config])
            start.ArgumentList.Add(argument);
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, e) => _ready.TrySetResult(e.Data ?? "");
        _process.ErrorDataReceived += (_, e) =>
        {
            lock (_errors)
                _errors.AppendLine(e.Data);
        };
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Errors
    {
        get
        {
            lock (_errors)
                return _errors.ToString();
        }
    }

    /// <summary>Starts an agent and waits for its ready line.</summary>
    public static async Task<AgentProcess> StartAsync(string config, string command = "run")
    {
        var agent = new AgentProcess(config, command);
        var line = await agent._ready.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.True(line.Length > 0, $"the agent did not become ready: {agent.Errors}");
        using var json = JsonDocument.Parse(line);
        Assert.True(json.RootElement.GetProperty("ready").GetBoolean());
        return agent;
    }

    /// <summary>Starts an agent that is expected to refuse; returns its exit code and what it says.</summary>
    public static async Task<(int Code, string Errors)> RefusedAsync(string config)
    {
        await using var agent = new AgentProcess(config);
        await agent._process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30));
        return (agent._process.ExitCode, agent.Errors);
    }

    /// <summary>Runs one command of the program to its end.</summary>
    public static async Task<(int Code, string Output, string Errors)> CommandAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[Assembly, .. arguments])
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        bound.CancelAfter(TimeSpan.FromSeconds(30));
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(bound.Token), process.StandardError.ReadToEndAsync(bound.Token));
        await process.WaitForExitAsync(bound.Token);
        return (process.ExitCode, await output, await errors);
    }

    /// <summary>Sends a signal by its number.</summary>
    public void Send(int signal) => Assert.Equal(0, Signal(_process.Id, signal));

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM; returns the exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        Assert.Equal(0, Signal(_process.Id, SigTerm));
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
    }

    /// <summary>Writes an agent's configuration into a folder.</summary>
    public static string Config(TempFolder folder, Uri server, object[] channels, int? brokerPort, double speed, DateTimeOffset origin)
    {
        var file = folder.File("agent.json");
        File.WriteAllText(file, JsonSerializer.Serialize(new
        {
            agent = "agents/a1",
            lab_kind = "virtual",
            token = "secret",
            server = server.ToString(),
            data_dir = folder.File("data"),
            lab_clock = new { lab_origin = origin, machine_origin = origin, speed },
            broker = brokerPort is { } port ? new { host = true, port } : null,
            channels,
        }));
        return file;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
