using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using EventKind = BattKomp.Lab.V1.StreamEvent.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent;

/// <summary>The agent's own page and command, with and without the server.</summary>
public sealed partial class LocalStopTests : IAsyncLifetime
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(40);
    private readonly int _port = FreePort.Next();
    private readonly HttpClient _http = new();
    private SafetyBench _bench = null!;
    private AgentProcess _agent = null!;

    public async ValueTask InitializeAsync()
    {
        _bench = await SafetyBench.StartAsync();
        _bench.Change(root => root["local_page"] = new JsonObject { ["port"] = _port, ["pin"] = "4711" });
        _agent = await AgentProcess.StartAsync(_bench.Config);
        await Eventually.Async(() => _bench.Server.HasLine, Bound, "the control line stands");
        await _bench.DischargeAsync();
        await Eventually.Async(() => _bench.Ampere < -1.9, Bound, $"the cell is discharged. {_agent.Errors}");
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _agent.DisposeAsync();
        await _bench.DisposeAsync();
    }

    [Fact]
    public async Task A_person_stops_on_the_page_and_only_there_and_the_channel_stays_locked_until_the_server_releases_it()
    {
        var page = await _http.GetStringAsync(Address("/"), TestContext.Current.CancellationToken);
        Assert.Contains("STOP ALL CHANNELS", page);
        Assert.Contains("leases/r1", page);
        Assert.DoesNotContain("<script", page);
        var token = Token().Match(page).Groups[1].Value;

        Assert.Equal(HttpStatusCode.Forbidden, (await StopAsync(("channel", SafetyBench.Channel), ("pin", "4711"))).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await StopAsync(("token", token), ("channel", SafetyBench.Channel), ("pin", "0000"))).StatusCode);
        using var foreign = new HttpRequestMessage(HttpMethod.Get, Address("/")) { Headers = { Host = "evil.example" } };
        using var stranger = new HttpClient();
        Assert.Equal(HttpStatusCode.NotFound, (await stranger.SendAsync(foreign, TestContext.Current.CancellationToken)).StatusCode);
        Assert.True(_bench.Ampere < -1.9, "none of these stopped anything");

        using var answer = await StopAsync(("token", token), ("channel", ""), ("pin", "4711"), ("reason", "smoke"));
        var stopped = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode} {stopped} {_agent.Errors}");
        Assert.Matches(@"safe after [01]\.\d{3} s", stopped);
        Assert.Equal(0, _bench.Ampere);
        await Eventually.Async(() => _bench.Events(EventKind.Incident).Any(e => e is { Cause: "local_stop", Detail: "smoke" }), Bound, "the stream tells");
        await Eventually.Async(() => _bench.Reported(r => r.Incident is { Cause: "local_stop", Run: "runs/r1" }), Bound, "the server is told");
        var incident = _bench.Server.Reports.First(r => r.Incident is not null).Incident;
        var evidence = Path.Combine(_bench.Data, "incidents", incident.Id);
        Assert.True(File.ReadAllLines(Path.Combine(evidence, "readings.csv")).Length > 2);
        Assert.Contains(" out fa", File.ReadAllText(Path.Combine(evidence, "line.txt")));
        Assert.DoesNotContain("secret", File.ReadAllText(Path.Combine(evidence, "channel.json")));

        await _agent.KillAsync();
        await _agent.DisposeAsync();
        _agent = await AgentProcess.StartAsync(_bench.Config);
        await Eventually.Async(() => _bench.Server.Reports.Count(r => r.Incident is { } i && i.Id == incident.Id) >= 2, Bound, "told again on the new line");
        await _bench.DischargeAsync("r2");
        await Eventually.Async(() => _bench.Reported(r => r.Channel is { } c && c.Detail.Contains("runs/r2 does not start: locked: incident", StringComparison.Ordinal)), Bound, "locked across the restart");
        await _bench.Server.OrderAsync(new AgentOrder { OrderId = "o", Release = new ReleaseChannel { Channel = SafetyBench.Channel } });
        await Eventually.Async(() => _bench.Ampere < -1.9, Bound, "released, the next run goes");
    }

    [Fact]
    public async Task Without_the_server_the_command_stops_and_says_how_long_it_took()
    {
        await _bench.Server.DisposeAsync();
        var (code, output, errors) = await AgentProcess.CommandAsync("stop", "--config", _bench.Config, "--channel", SafetyBench.Channel, "--reason", "test");
        Assert.True(code == 0, errors);
        var done = Assert.Single(JsonDocument.Parse(output).RootElement.EnumerateArray());
        Assert.True(done.GetProperty("done").GetBoolean());
        Assert.InRange(done.GetProperty("seconds_to_safe").GetDouble(), 0.0001, 2);
        Assert.Equal(0, _bench.Ampere);
        Assert.Equal(1, (await AgentProcess.CommandAsync("stop", "--config", _bench.Config, "--channel", "rigs/none/channels/1")).Code);
    }

    [GeneratedRegex("name=\"token\" value=\"([0-9a-f]+)\"")]
    private static partial Regex Token();

    private string Address(string path) => $"http://127.0.0.1:{_port}{path}";

    private Task<HttpResponseMessage> StopAsync(params (string Name, string Value)[] fields) =>
        _http.PostAsync(Address("/stop"), new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value))), TestContext.Current.CancellationToken);
}
