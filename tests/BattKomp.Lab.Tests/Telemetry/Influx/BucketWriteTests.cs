using System.Diagnostics;
using System.Net;
using System.Text.Json;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.Influx;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Telemetry.Influx;

/// <summary>The write endpoint of InfluxDB 2 and 3, on a real server that has it (VictoriaMetrics; it rounds values and cuts stamps to ms, so only they are looked at roughly).</summary>
public sealed class BucketWriteTests
{
    [Fact]
    public async Task Records_arrive_by_the_bucket_endpoint_with_token_and_gzip()
    {
        InfluxServer.Require("/usr/bin/victoria-metrics", "VictoriaMetrics is not installed (Debian package victoria-metrics)");
        using var folder = new TempFolder();
        var url = $"http://127.0.0.1:{FreePort.Next()}";
        using var server = Process.Start(new ProcessStartInfo("/usr/bin/victoria-metrics", ["-storageDataPath", folder.File("vm"), "-httpListenAddr", url[7..], "-retentionPeriod", "100y", "-loggerLevel", "ERROR"]) { RedirectStandardError = true })!;
        server.BeginErrorReadLine();
        try
        {
            await WriteAsync(url);
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }

    private static async Task WriteAsync(string url)
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var http = new HttpClient { BaseAddress = new Uri(url), Timeout = TimeSpan.FromSeconds(10) };
        await Eventually.Async(async () =>
        {
            try
            {
                return (await http.GetAsync(new Uri("/health", UriKind.Relative), cancellation)).IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, TimeSpan.FromSeconds(30), "VictoriaMetrics answers");
        var requests = new List<string>();
        using var network = new Network
        {
            // It has no InfluxQL: an empty database answers in its place.
            Instead = (request, _) =>
            {
                if (!Network.IsWrite(request)) return Network.Answer(HttpStatusCode.OK, """{"results":[{"statement_id":0}]}""");
                requests.Add($"{request.RequestUri!.PathAndQuery} {request.Headers.Authorization} {request.Content!.Headers.ContentEncoding}");
                return null;
            },
        };
        var options = new InfluxOptions { Url = url, Org = "lab", Bucket = "records", LedgerBucket = "ledger", Token = "secret", GzipAboveBytes = 500 };
        await using (var store = new InfluxTelemetryStore(options, TimeProvider.System, network))
            Assert.All(await store.AppendAsync([Entries.Opened(Entries.Key()), Entries.Records(Entries.Key(), 1, 100), Entries.Closed(Entries.Key(), 100)], cancellation), o => Assert.Equal(AppendResult.Stored, o.Result));

        Assert.Contains("/api/v2/write?org=lab&bucket=records&precision=ns Token secret gzip", requests);
        Assert.Contains("/api/v2/write?org=lab&bucket=ledger&precision=ns Token secret ", requests);
        await http.GetAsync(new Uri("/internal/force_flush", UriKind.Relative), cancellation);
        var text = await http.GetStringAsync(new Uri("/api/v1/export?match[]=records_voltage_volt&start=2026-01-01T00:00:00Z&end=2027-01-01T00:00:00Z", UriKind.Relative), cancellation);
        using var series = JsonDocument.Parse(text);
        Assert.Equal(100, series.RootElement.GetProperty("values").GetArrayLength());
        Assert.Equal("rigs/r1/channels/1", series.RootElement.GetProperty("metric").GetProperty("channel").GetString());
        Assert.Equal(Entries.AnchorUtcNs / 1_000_000 + 100, series.RootElement.GetProperty("timestamps")[99].GetInt64());
    }
}
