using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Support;

/// <summary>A real mosquitto on loopback that can be killed, begun again and frozen. Missing: a visible skip, a failure under CI.</summary>
internal sealed partial class Mosquitto : IDisposable
{
    private const string Program = "/usr/sbin/mosquitto";
    private const int SigContinue = 18, SigStop = 19;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);
    private readonly TempFolder _folder = new();
    private Process? _process;

    private Mosquitto(string settings) =>
        File.WriteAllText(_folder.File("m.conf"), $"listener {Port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n{settings}\n");

    public int Port { get; } = FreePort.Next();

    public static async Task<Mosquitto> StartAsync(string settings = "max_inflight_messages 0\nmax_queued_messages 0")
    {
        if (!File.Exists(Program))
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", $"{Program} is missing; install mosquitto");
            Assert.Skip($"{Program} is not installed");
        }
        var broker = new Mosquitto(settings);
        await broker.StartAgainAsync();
        return broker;
    }

    public async Task StartAgainAsync()
    {
        _process = Process.Start(new ProcessStartInfo(Program, ["-c", _folder.File("m.conf")]) { RedirectStandardError = true })!;
        await Eventually.Async(Listens, Bound, "mosquitto listens");
    }

    public void Kill()
    {
        if (_process is not { HasExited: false })
            return;
        _process.Kill();
        _process.WaitForExit();
    }

    public void Freeze() => Assert.Equal(0, Signal(_process!.Id, SigStop));

    public void Thaw() => Assert.Equal(0, Signal(_process!.Id, SigContinue));

    public void Dispose()
    {
        Kill();
        _process?.Dispose();
        _folder.Dispose();
    }

    private bool Listens()
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
