using System.Diagnostics;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Safety;

/// <summary>The last guard fails too: contacts that are welded shut, and a cycler that does not switch off.</summary>
[Trait("lane", "full")]
public sealed class RelayStuckTests
{
    private const int SigStop = 19;
    private const int SigCont = 18;
    private const double StuckFromSeconds = 25;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_current_that_flows_on_after_the_relay_was_opened_calls_for_a_person()
    {
        var from = Stopwatch.GetTimestamp();
        await using var bench = await SafetyBench.StartAsync(relay: true, stuckFrom: StuckFromSeconds);
        bench.AddWatchdog(timeoutSeconds: 2);
        await using var watchdog = await AgentProcess.StartAsync(bench.Config, "watchdog");
        await using var agent = await AgentProcess.StartAsync(bench.Config);
        await Eventually.Async(() => bench.Server.HasLine && bench.Relays == 4, Bound, $"the watchdog closes the circuit. {watchdog.Errors}");
        await bench.DischargeAsync();
        await Eventually.Async(() => bench.Ampere < -1.9, Bound, $"the cell is discharged. {agent.Errors}");
        await Eventually.Async(() => Stopwatch.GetElapsedTime(from).TotalSeconds > StuckFromSeconds + 1, Bound, "the contacts are welded");

        agent.Send(SigStop);
        await Eventually.Async(() => new BattKomp.Lab.EdgeAgent.Safety.Watchdog.WatchdogFiles(bench.Data).TripReason is not null, Bound, $"the watchdog gives the agent up. {watchdog.Errors}");
        agent.Send(SigCont);
        await Eventually.Async(() => bench.Reported(r => r.Incident is { Cause: "relay_stuck" }), Bound, $"the agent says that the relay did not part the circuit. {agent.Errors}");
        Assert.True(bench.Ampere < -1.9, "nothing here could stop it: that is why a person is called");
    }
}
