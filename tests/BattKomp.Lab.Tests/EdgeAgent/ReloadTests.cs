using System.Text.Json.Nodes;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using Xunit;
using EventKind = BattKomp.Lab.V1.StreamEvent.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent;

/// <summary>A configuration that changes under a running agent.</summary>
public sealed class ReloadTests : IAsyncLifetime
{
    private const int SigHup = 1;
    private const string Cycler = "rigs/cyc/channels/1";
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(40);
    private SafetyBench _bench = null!;
    private AgentProcess _agent = null!;

    public async ValueTask InitializeAsync()
    {
        _bench = await SafetyBench.StartAsync();
        _bench.Change(root => root["broker"] = new JsonObject { ["host"] = true, ["port"] = FreePort.Next() });
        _agent = await AgentProcess.StartAsync(_bench.Config);
        await Eventually.Async(() => _bench.Server.HasLine, Bound, "the control line stands");
        await _bench.DischargeAsync();
        await Eventually.Async(() => Stamps().Length > 10, Bound, $"records flow. {_agent.Errors}");
    }

    public async ValueTask DisposeAsync()
    {
        await _agent.DisposeAsync();
        await _bench.DisposeAsync();
    }

    [Fact]
    public async Task A_channel_is_added_and_removed_while_another_goes_on_without_a_gap()
    {
        _bench.Change(root => root["channels"]!.AsArray().Add(new JsonObject
        {
            ["channel"] = Cycler,
            ["protocol"] = "mqtt-json",
            ["simulated"] = true,
            ["mapping"] = new JsonObject { ["instrument"] = "SIM-CYC-1" },
        }));
        await Eventually.Async(() => _bench.Reported(r => r.Hello is { } h && h.Channels.Contains(Cycler)), Bound, $"the agent greets anew with both. {_agent.Errors}");
        _bench.Change(root => root["channels"]!.AsArray().RemoveAt(1));
        await Eventually.Async(() => _bench.Server.Reports.LastOrDefault(r => r.Hello is not null)?.Hello.Channels.Count == 1, Bound, "and with one again");
        var before = Stamps().Length;
        await Eventually.Async(() => Stamps().Length > before + 10, Bound, "records go on");

        Assert.Single(_bench.Server.Streams, s => s.Opened?.Run == "runs/r1");
        Assert.Empty(_bench.Events(EventKind.Outage));
        var stamps = Stamps();
        Assert.True(stamps.Zip(stamps.Skip(1), (a, b) => b - a).Max() < 1_000_000_000L, "no two records are a second apart");
    }

    [Fact]
    public async Task A_bad_file_changes_nothing_and_new_limits_and_alarms_apply_at_once()
    {
        _bench.Change(root => root["channels"]![0]!["baud"] = "fast");
        await Eventually.Async(() => _agent.Errors.Contains("nothing is changed", StringComparison.Ordinal) && _agent.Errors.Contains("$.channels[0].baud", StringComparison.Ordinal), Bound, "the mistake is told");
        _bench.Change(root =>
        {
            root["channels"]![0]!.AsObject().Remove("baud");
            root["channels"]![0]!["alarms"] = new JsonArray(new JsonObject { ["id"] = "low", ["kind"] = "below", ["signal"] = "voltage_volt", ["limit"] = 5, ["action"] = "record" });
        });
        _agent.Send(SigHup);
        await Eventually.Async(() => _bench.Events(EventKind.Alarm).Any(e => e.Cause == "low"), Bound, $"the new alarm is watched. {_agent.Errors}");
        Assert.True(_bench.Ampere < -1.9, "it only records");
        _bench.Change(root => root["channels"]![0]!["limits"]!["max_discharge_ampere"] = 1);
        await Eventually.Async(() => _bench.Ampere == 0, Bound, "the new limit stops the run");
        await Eventually.Async(() => _bench.Reported(r => r.Incident is { Cause: "limit_ampere" }), Bound, "as an incident");
        Assert.Empty(_bench.Events(EventKind.Outage));
    }

    [Fact]
    public async Task What_cannot_change_in_a_run_waits_until_the_run_has_ended()
    {
        _bench.Change(root => root["channels"]![0]!["identity"] = "EBC-A20");
        await Eventually.Async(() => _agent.Errors.Contains("is in a run; it is made anew when the run has ended", StringComparison.Ordinal), Bound, "it says so");
        Assert.True(_bench.Ampere < -1.9, "the run goes on");
        await Eventually.Async(async () =>
        {
            // The agent announces itself anew after a reload: an order to the line before that one is lost, and a server repeats it.
            if (_bench.Server.HasLine)
                await _bench.Server.OrderAsync(new BattKomp.Lab.V1.AgentOrder { OrderId = "e", EndLease = new BattKomp.Lab.V1.EndLease { Lease = "leases/r1", Reason = "test" } });
            return _agent.Errors.Contains("is made anew\n", StringComparison.Ordinal);
        }, Bound, $"then it is made anew. {_agent.Errors}");
        await Eventually.Async(() => _bench.Server.HasLine, Bound, "the line stands");
        await _bench.DischargeAsync("r2");
        await Eventually.Async(() => _bench.Ampere < -1.9, Bound, "and serves the next lease");
    }

    private long[] Stamps() => _bench.Server.Streams.Where(s => s.Opened?.Run == "runs/r1").SelectMany(s =>
    {
        lock (s)
            return s.Stamps;
    }).Order().ToArray();
}
