using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace BattKomp.Lab.Demo;

/// <summary>One child process of the demo: the server, an agent or a CLI call, from its folder beside the demo.</summary>
internal sealed partial class LabProcess : IAsyncDisposable
{
    private const int SigTerm = 15;
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();

    private LabProcess(Process process, string logFile)
    {
        _process = process;
        var log = new StreamWriter(logFile, append: true) { AutoFlush = true };
        void Keep(string? line)
        {
            if (line is null) return;
            _lines.Enqueue(line);
            while (_lines.Count > 200) _lines.TryDequeue(out _);
            lock (log) log.WriteLine(line);
        }
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>True once it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Its last lines, for a message that says why it ended.</summary>
    public string LastLines => string.Join(Environment.NewLine, _lines.TakeLast(20));

    /// <summary>Starts a long-running part of the lab in a session of its own, so that a Ctrl-C reaches only the demo, which then stops its parts in order.</summary>
    public static LabProcess Start(string folder, string assembly, IEnumerable<string> args, string logFile) =>
        new(Process.Start(Info(folder, assembly, args, ownSession: true))!, logFile);

    /// <summary>Runs a short command to its end; standard output is returned whole.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> CallAsync(
        string folder, string assembly, IEnumerable<string> args, IReadOnlyDictionary<string, string> environment, CancellationToken cancel)
    {
        var info = Info(folder, assembly, args, ownSession: false);
        foreach (var (name, value) in environment) info.Environment[name] = value;
        using var process = Process.Start(info)!;
        var output = process.StandardOutput.ReadToEndAsync(cancel);
        var error = process.StandardError.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        return (process.ExitCode, await output, await error);
    }

    /// <summary>SIGKILL: no farewell.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM, and SIGKILL if it has not ended in 15 s of machine time.</summary>
    public async Task StopAsync()
    {
        if (!_process.HasExited && Kill(_process.Id, SigTerm) == 0)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(15));
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                await KillAsync();
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process.Dispose();
    }

    private static ProcessStartInfo Info(string folder, string assembly, IEnumerable<string> args, bool ownSession)
    {
        var path = Path.Combine(AppContext.BaseDirectory, folder, assembly + ".dll");
        if (!File.Exists(path)) throw new DemoException($"{path} is missing; build the demo project, which copies it there.");
        const string setsid = "/usr/bin/setsid";
        var alone = ownSession && File.Exists(setsid);
        var info = new ProcessStartInfo(alone ? setsid : "dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        if (alone) info.ArgumentList.Add("dotnet");
        info.ArgumentList.Add(path);
        foreach (var arg in args) info.ArgumentList.Add(arg);
        info.Environment["DOTNET_NOLOGO"] = "1";
        return info;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
