using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Integration.Matrix;

/// <summary>A real mosquitto of this test's own, which can be frozen, killed and started again. Missing: a visible skip, a failure under CI.</summary>
internal sealed partial class Mosquitto : IAsyncDisposable
{
    private const string Program = "/usr/sbin/mosquitto";
    private const int SigStop = 19;
    private const int SigCont = 18;
    private readonly TempFolder _folder = new();
    private readonly Process _process;

    private Mosquitto(int port, int queued)
    {
        Port = port;
        File.WriteAllText(_folder.File("m.conf"), $"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages {queued}\n");
        _process = Start();
    }

    public int Port { get; }

    /// <summary>Starts one; <paramref name="queued"/> 0 = no bound on what a session may hold.</summary>
    public static async Task<Mosquitto> StartAsync(int queued = 0)
    {
        if (!File.Exists(Program))
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", $"{Program} is missing; install mosquitto");
            Assert.Skip($"{Program} is not installed");
        }
        var broker = new Mosquitto(FreePort.Next(), queued);
        await Eventually.Async(broker.Listens, TimeSpan.FromSeconds(20), "mosquitto listens");
        return broker;
    }

    /// <summary>SIGSTOP: connections stay up and nothing answers.</summary>
    public void Freeze() => Assert.Equal(0, Signal(_process.Id, SigStop));

    /// <summary>SIGCONT.</summary>
    public void Thaw() => Assert.Equal(0, Signal(_process.Id, SigCont));

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Dispose();
    }

    private Process Start() => Process.Start(new ProcessStartInfo(Program, ["-c", _folder.File("m.conf")]) { RedirectStandardError = true })!;

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
