using System.Diagnostics;
using BattKomp.Lab.Simulators.Hosting;
using Xunit;

namespace BattKomp.Lab.Tests.Support;

/// <summary>
/// An InfluxDB 1.6 process of a test's own: configuration and data in a temporary folder, loopback, free ports, stopped by its process id. Where it is
/// not installed: a visible skip, and a failure when <c>CI=true</c>.
/// </summary>
public sealed class InfluxServer : IAsyncDisposable
{
    private const string Program = "/usr/bin/influxd";
    private static readonly TimeSpan StartBound = TimeSpan.FromSeconds(60);
    private readonly string _folder = Directory.CreateTempSubdirectory("battlab-influx-").FullName;
    private readonly int _port = FreePort.Next(), _rpcPort = FreePort.Next();
    private Process? _process;

    private InfluxServer()
    {
    }

    /// <summary>Address of its HTTP interface; the same after a restart.</summary>
    public string Url => $"http://127.0.0.1:{_port}";

    /// <summary>Starts one and waits until it answers.</summary>
    public static async Task<InfluxServer> StartAsync()
    {
        Require(Program, "InfluxDB 1.6 is not installed (Debian package influxdb)");
        var server = new InfluxServer();
        await File.WriteAllTextAsync(Path.Combine(server._folder, "influxdb.conf"), server.Configuration());
        await server.RunAsync();
        return server;
    }

    /// <summary>Skips the test without the program; fails it under CI.</summary>
    public static void Require(string program, string reason)
    {
        if (File.Exists(program)) return;
        if (string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase)) Assert.Fail(reason);
        Assert.Skip(reason);
    }

    /// <summary>SIGKILL, in the middle of whatever it does.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Starts it again on the same data and port.</summary>
    public async Task RunAsync()
    {
        var start = new ProcessStartInfo(Program, ["-config", Path.Combine(_folder, "influxdb.conf")]) { RedirectStandardError = true, RedirectStandardOutput = true };
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        await Eventually.Async(async () =>
        {
            Assert.False(_process.HasExited, "InfluxDB stopped while starting");
            try
            {
                return (await http.GetAsync(new Uri(Url + "/ping"))).IsSuccessStatusCode;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                return false;
            }
        }, StartBound, "InfluxDB answers");
    }

    /// <summary>Adds half an entry to every write-ahead log, as a kill in the middle of a write does; the server must be down.</summary>
    public void TearLogs()
    {
        foreach (var path in Directory.GetFiles(Path.Combine(_folder, "wal"), "*.wal", SearchOption.AllDirectories))
        {
            using var log = new FileStream(path, FileMode.Append);
            // Kind, a length of 4096, and too little behind it.
            log.Write([1, 0, 0, 16, 0, .. "torn"u8]);
        }
    }

    /// <summary>Stops it where it stands; it neither answers nor breaks its connections.</summary>
    public void Freeze() => Signal("-STOP");

    /// <summary>Lets it go on.</summary>
    public void Thaw() => Signal("-CONT");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_process is not null) await KillAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private void Signal(string signal)
    {
        using var kill = Process.Start("kill", [signal, _process!.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private string Configuration() => $"""
        reporting-disabled = true
        bind-address = "127.0.0.1:{_rpcPort}"
        [meta]
          dir = "{_folder}/meta"
          logging-enabled = false
        [data]
          dir = "{_folder}/data"
          wal-dir = "{_folder}/wal"
          query-log-enabled = false
        [monitor]
          store-enabled = false
        [subscriber]
          enabled = false
        [continuous_queries]
          enabled = false
        [http]
          bind-address = "127.0.0.1:{_port}"
          log-enabled = false
        [logging]
          level = "error"
        """;
}
