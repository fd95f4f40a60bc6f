using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Safety.Watchdog;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using Xunit;
using ReportState = BattKomp.Lab.V1.ChannelReport.Types.State;

namespace BattKomp.Lab.Tests.EdgeAgent.Safety;

/// <summary>Agent and watchdog as processes of their own, the relay card in the circuit of a discharging cell.</summary>
public sealed class WatchdogAgentTests : IAsyncLifetime
{
    private const int SigKill = 9;
    private const int SigStop = 19;
    private const int SigCont = 18;
    private const double TimeoutSeconds = 2;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(40);
    private SafetyBench _bench = null!;
    private AgentProcess _watchdog = null!;
    private AgentProcess _agent = null!;

    public async ValueTask InitializeAsync()
    {
        _bench = await SafetyBench.StartAsync(relay: true);
        _bench.AddWatchdog(TimeoutSeconds);
        _watchdog = await AgentProcess.StartAsync(_bench.Config, "watchdog");
        _agent = await AgentProcess.StartAsync(_bench.Config);
        await Eventually.Async(() => _bench.Server.HasLine && _bench.Relays == 4, Bound, $"the watchdog closes the circuit. {_watchdog.Errors}");
    }

    public async ValueTask DisposeAsync()
    {
        await _agent.DisposeAsync();
        await _watchdog.DisposeAsync();
        await _bench.DisposeAsync();
    }

    [Theory]
    [InlineData(SigKill)]
    [InlineData(SigStop)]
    public async Task An_agent_that_dies_or_stands_still_in_a_discharge_loses_the_current_within_the_declared_bound(int signal)
    {
        await DischargingAsync("r1");
        var from = Stopwatch.GetTimestamp();
        _agent.Send(signal);
        await Eventually.Async(() => _bench.Ampere == 0, Bound, $"the relay opens. {_watchdog.Errors}");
        var elapsed = Stopwatch.GetElapsedTime(from);
        Assert.InRange(elapsed.TotalSeconds, 0.5, TimeoutSeconds + 2);
        await Eventually.Async(() => new WatchdogFiles(_bench.Data).TripReason is not null, Bound, "what holds it open is on disk");

        if (signal == SigStop)
        {
            _agent.Send(SigCont);
        }
        else
        {
            await _agent.DisposeAsync();
            _agent = await AgentProcess.StartAsync(_bench.Config);
        }
        await Eventually.Async(() => _bench.Reported(r => r.Incident is { Cause: "watchdog" }), Bound, $"the agent tells. {_agent.Errors}");
        Assert.Equal(0, _bench.Ampere);
        Assert.Equal(0, _bench.Relays);

        Assert.Equal(0, (await AgentProcess.CommandAsync("watchdog", "release", "--config", _bench.Config)).Code);
        await Eventually.Async(() => _bench.Relays == 4, Bound, "released by a person, the circuit closes");
        await Eventually.Async(() => _bench.Server.HasLine, Bound, "the line stands");
        await _bench.DischargeAsync("r2");
        await Eventually.Async(() => _bench.Reported(r => r.Channel is { } c && c.Detail.Contains("runs/r2 does not start: locked: incident", StringComparison.Ordinal)), Bound,
            $"the channel itself stays locked. {string.Join("; ", _bench.Server.Reports.Where(r => r.Channel is not null).Select(r => r.Channel))}");
    }

    [Fact]
    public async Task Without_the_watchdog_no_run_starts_and_one_that_comes_back_opens_no_circuit_in_between()
    {
        await _watchdog.KillAsync();
        await _watchdog.DisposeAsync();
        await _agent.DisposeAsync();
        _agent = await AgentProcess.StartAsync(_bench.Config);
        await Eventually.Async(() => _bench.Server.HasLine, Bound, "the line stands");
        await _bench.DischargeAsync("r1");
        await Eventually.Async(() => _bench.Reported(r => r.Channel is { } c && c.Detail.Contains("runs/r1 does not start: the watchdog does not run", StringComparison.Ordinal)), Bound, "the run is held back");
        Assert.Equal(4, _bench.Relays);
        _watchdog = await AgentProcess.StartAsync(_bench.Config, "watchdog");
        await Eventually.Async(() => _bench.Ampere < -1.9, Bound, $"with the watchdog it starts. {_agent.Errors} {_watchdog.Errors}");
        Assert.DoesNotContain("unarmed", _watchdog.Errors);
        Assert.Equal(0, await _agent.TerminateAsync());
        await Eventually.Async(() => _bench.Relays == 0, Bound, "a farewell opens the circuit");
        Assert.Null(new WatchdogFiles(_bench.Data).TripReason);
    }

    private async Task DischargingAsync(string run)
    {
        await _bench.DischargeAsync(run);
        await Eventually.Async(() => _bench.Ampere < -1.9, Bound,
            $"the cell is discharged. {_agent.Errors} {_watchdog.Errors} {string.Join("; ", _bench.Server.Reports.Where(r => r.Channel is not null).Select(r => r.Channel))}");
        await Eventually.Async(() => _bench.Reported(r => r.Channel is { State: ReportState.Energised }), Bound, "the agent says so");
    }
}
