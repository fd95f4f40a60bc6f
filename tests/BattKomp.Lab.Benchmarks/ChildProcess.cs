using System.Diagnostics;
using System.Globalization;

namespace BattKomp.Lab.Benchmarks;

/// <summary>A program of this repository as a process of its own, from its own output folder.</summary>
internal sealed class ChildProcess : IDisposable
{
    private const double ClockTicksPerSecond = 100;
    private readonly Process _process;
    private readonly TaskCompletionSource<string> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, e) => _ready.TrySetResult(e.Data ?? "");
        _process.ErrorDataReceived += (_, e) => Errors += e.Data + "\n";
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>What it wrote to its error output.</summary>
    public string Errors { get; private set; } = "";

    /// <summary>Processor time used so far, user and system.</summary>
    public double CpuSeconds
    {
        get
        {
            // Fields 14 and 15 of the line; the name before them may hold spaces, so count from its closing bracket.
            var fields = File.ReadAllText($"/proc/{_process.Id}/stat").Split(") ")[^1].Split(' ');
            return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / ClockTicksPerSecond;
        }
    }

    /// <summary>Resident bytes now.</summary>
    public long ResidentBytes => Status("VmRSS:");

    /// <summary>Most resident bytes so far.</summary>
    public long PeakResidentBytes => Status("VmHWM:");

    /// <summary>Starts a .NET program of src or simulators and waits for its first line of output.</summary>
    public static async Task<ChildProcess> StartDotnetAsync(string project, string assembly, params string[] arguments)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var root = own.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
        var file = Path.Combine(root, project, "bin", own.Parent.Name, own.Name, assembly + ".dll");
        return await StartedAsync(new ProcessStartInfo("dotnet", [file, .. arguments]), waitForLine: true);
    }

    /// <summary>Starts a program of the system.</summary>
    public static Task<ChildProcess> StartAsync(string program, params string[] arguments) => StartedAsync(new ProcessStartInfo(program, arguments), waitForLine: false);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
    }

    private static async Task<ChildProcess> StartedAsync(ProcessStartInfo start, bool waitForLine)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        var child = new ChildProcess(start);
        if (waitForLine && (await child._ready.Task.WaitAsync(TimeSpan.FromSeconds(30))).Length == 0)
            throw new InvalidOperationException($"{start.FileName} {string.Join(' ', start.ArgumentList)} did not become ready: {child.Errors}");
        return child;
    }

    private long Status(string field)
    {
        var line = File.ReadLines($"/proc/{_process.Id}/status").First(l => l.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
