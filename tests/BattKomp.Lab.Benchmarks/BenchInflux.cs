using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using BattKomp.Lab.Simulators.Hosting;

namespace BattKomp.Lab.Benchmarks;

/// <summary>An influxd of the benchmark's own, on loopback and free ports, stopped by its process id.</summary>
internal sealed class BenchInflux : IDisposable
{
    private const double TicksPerSecond = 100;
    private readonly Process _process;
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromMinutes(1) };

    private BenchInflux(Process process, string url) => (_process, Url) = (process, url);

    public string Url { get; }

    public static async Task<BenchInflux> StartAsync(string folder)
    {
        const string program = "/usr/bin/influxd";
        if (!File.Exists(program)) throw new FileNotFoundException("InfluxDB 1.6 is not installed (Debian package influxdb)", program);
        Directory.CreateDirectory(folder);
        var (http, rpc) = (FreePort.Next(), FreePort.Next());
        var configuration = Path.Combine(folder, "influxdb.conf");
        await File.WriteAllTextAsync(configuration, $"""
            reporting-disabled = true
            bind-address = "127.0.0.1:{rpc}"
            [meta]
              dir = "{folder}/meta"
            [data]
              dir = "{folder}/data"
              wal-dir = "{folder}/wal"
              query-log-enabled = false
            [monitor]
              store-enabled = false
            [http]
              bind-address = "127.0.0.1:{http}"
              log-enabled = false
            [logging]
              level = "error"
            """);
        var process = Process.Start(new ProcessStartInfo(program, ["-config", configuration]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var influx = new BenchInflux(process, $"http://127.0.0.1:{http}");
        for (var attempt = 0; !await influx.AnswersAsync(); attempt++)
        {
            if (attempt == 600 || process.HasExited) throw new InvalidOperationException("influxd does not answer");
            await Task.Delay(50);
        }

        return influx;
    }

    /// <summary>Processor time of influxd so far, user and system.</summary>
    public double CpuSeconds()
    {
        var stat = File.ReadAllText($"/proc/{_process.Id}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }

    public Task CreateAsync(string database) => QueryAsync($"CREATE DATABASE {database}");

    public Task DropAsync(string database) => QueryAsync($"DROP DATABASE {database}");

    public void Dispose()
    {
        _http.Dispose();
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private async Task QueryAsync(string query) =>
        (await _http.PostAsync(new Uri($"{Url}/query?q={Uri.EscapeDataString(query)}"), null)).EnsureSuccessStatusCode();

    private async Task<bool> AnswersAsync()
    {
        try
        {
            return (await _http.GetAsync(new Uri(Url + "/ping"))).IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}

/// <summary>The peer: bodies that are ready, written as fast as two writers can.</summary>
internal static class RawWriter
{
    /// <summary>Lines of all streams in the order in which the chain's batches come, 1000 of a stream at a time, <paramref name="linesPerBody"/> a body.</summary>
    public static List<byte[]> Encode(int streams, int records, int linesPerBody)
    {
        const int batch = 1000;
        var (bodies, lines, count) = (new List<byte[]>(), new StringBuilder(), 0);
        for (var first = 1; first <= records; first += batch)
            for (var stream = 0; stream < streams; stream++)
                for (var seq = first; seq < first + batch; seq++)
                {
                    lines.Append(CultureInfo.InvariantCulture, $"records,channel=rigs/bench/channels/1,stream={stream:x16} _seq={seq}i");
                    for (var s = 0; s < IngestRecords.Signals.Length; s++) lines.Append(CultureInfo.InvariantCulture, $",{IngestRecords.Signals[s]}={IngestRecords.Value(s, seq):R}");
                    lines.Append(CultureInfo.InvariantCulture, $" {IngestRecords.Anchor + seq * 100_000_000L}\n");
                    if (++count % linesPerBody != 0) continue;
                    bodies.Add(Encoding.UTF8.GetBytes(lines.ToString()));
                    lines.Clear();
                }

        if (lines.Length > 0) bodies.Add(Encoding.UTF8.GetBytes(lines.ToString()));
        return bodies;
    }

    public static async Task WriteAsync(string url, string database, IReadOnlyList<byte[]> bodies, int writers)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, writers).Select(async _ =>
        {
            for (var k = Interlocked.Increment(ref next); k < bodies.Count; k = Interlocked.Increment(ref next))
            {
                using var response = await http.PostAsync(new Uri($"{url}/write?db={database}&precision=ns"), new ByteArrayContent(bodies[k]));
                response.EnsureSuccessStatusCode();
            }
        }));
    }
}
