using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.Ebc;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.Tests.EdgeAgent.Journal;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using AlarmAction = BattKomp.Lab.V1.AlarmRule.Types.Action;
using AlarmKind = BattKomp.Lab.V1.AlarmRule.Types.Kind;
using EventKind = BattKomp.Lab.V1.StreamEvent.Types.Kind;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

/// <summary>Alarms, incidents and the two ways of stopping, on a device that a test plays.</summary>
public sealed class LineChannelSafetyTests : IAsyncLifetime
{
    private const string Channel = "rigs/r/channels/c";
    private const byte StartDischarge = 0x01;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);
    private readonly TempFolder _folder = new();
    private readonly DriverBench _bench = new();
    private readonly ScriptedEbc _device = new();
    private readonly FaultyDisk _disk = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ChannelConfig _config;
    private IncidentBook _incidents = null!;
    private LineChannel _channel = null!;
    private Task _running = Task.CompletedTask;

    public LineChannelSafetyTests() => _config = new ChannelConfig
    {
        Channel = Channel,
        Protocol = EbcDriver.Name,
        Device = _device.Path,
        Limits = new ChannelLimits { MaxVolt = 4.25, MinVolt = 2.5, MaxChargeAmpere = 5, MaxDischargeAmpere = 10 },
        Simulated = true,
        Alarms = [new AlarmRule { Id = "flat", Kind = AlarmKind.Below, Signal = "voltage_volt", Limit = 3, Action = AlarmAction.Record }],
    };

    public ValueTask InitializeAsync()
    {
        _incidents = new IncidentBook(_bench.Context.Locks, _disk, _folder.File("incidents"));
        _channel = new LineChannel(new EbcDriver(), _config, () => InstrumentLines.Open(_config), _bench.Context with { Incidents = _incidents });
        _running = _channel.RunAsync(_stop.Token);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _device.Dispose();
        _bench.Dispose();
        _folder.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task An_alarm_that_stops_by_incident_switches_off_locks_and_freezes_the_evidence()
    {
        await StartedAsync([new AlarmRule { Id = "hot", Kind = AlarmKind.Above, Signal = "voltage_volt", Limit = 4, Action = AlarmAction.StopIncident, Text = "too hot" }]);
        _device.Volt = 4.1;
        await EndsAsync("alarm");
        Assert.Equal(EbcPhase.Idle, _device.Phase);
        Assert.Equal("hot", Assert.Single(_bench.Events(EventKind.Alarm)).Cause);
        Assert.Equal("alarm", Assert.Single(_bench.Events(EventKind.Incident)).Cause);
        await Eventually.Async(() => _incidents.Open.Count == 1, Bound, "the incident is open");
        var incident = _incidents.Open[0];
        Assert.Equal(("runs/r1", "alarm"), (incident.Run, incident.Cause));
        Assert.Contains("too hot", _bench.Context.Locks.Reason(Channel));
        var folder = Path.Combine(_folder.File("incidents"), incident.Id);
        await Eventually.Async(() => File.Exists(Path.Combine(folder, "line.txt")), Bound, "evidence is frozen");
        Assert.Contains("voltage_volt", File.ReadAllText(Path.Combine(folder, "readings.csv")));

        Assert.Equal(incident, Assert.Single(new IncidentBook(_bench.Context.Locks, _disk).Open));
        _incidents.Release(Channel);
        Assert.Null(_bench.Context.Locks.Reason(Channel));
        Assert.Empty(new IncidentBook(_bench.Context.Locks, _disk).Open);
    }

    [Fact]
    public async Task A_broken_limit_is_an_incident_and_a_safe_alarm_is_not()
    {
        await StartedAsync([new AlarmRule { Id = "low", Kind = AlarmKind.Below, Signal = "voltage_volt", Limit = 3.2, Action = AlarmAction.StopSafe }]);
        _device.Volt = 3.1;
        await Eventually.Async(() => _device.Commands.Count(c => c == StartDischarge) == 2, Bound, "the safe step starts");
        _device.Phase = EbcPhase.Finished;
        await EndsAsync("alarm");
        Assert.Empty(_incidents.Open);
        _device.Volt = 3.7;
        Lease("runs/r2");
        await Eventually.Async(() => _bench.Events(EventKind.StepStarted).Count() == 2, Bound, "the next run starts");
        _device.Volt = 2.3;
        await Eventually.Async(() => _incidents.Open.Any(i => i is { Cause: "limit_volt", Run: "runs/r2" }), Bound, "the limit is an incident");
        Assert.Equal("limit_volt", Assert.Single(_bench.Events(EventKind.Incident)).Cause);
    }

    [Fact]
    public async Task An_alarm_on_an_idle_channel_is_recorded_with_its_readings_and_cleared_a_second_after_it_is_away()
    {
        await Eventually.Async(() => _channel.LastReading.Length > 0, Bound, "readings come");
        _device.Volt = 2.9;
        await Eventually.Async(() => _bench.Events(EventKind.Alarm).Any(e => e.Cause == "flat"), Bound, "the alarm is recorded");
        _device.Volt = 3.7;
        await Eventually.Async(() => _bench.Entries().Any(e => e.Closed is not null), Bound, "the stream ends with the alarm");
        Assert.Equal("flat", Assert.Single(_bench.Events(EventKind.AlarmCleared)).Cause);
        var cleared = _bench.Events(EventKind.AlarmCleared).Single().UtcNs - _bench.Events(EventKind.Alarm).Single().UtcNs;
        Assert.True(cleared >= 1_000_000_000, $"{cleared} ns");
        Assert.Equal("", _bench.Entries().First(e => e.Opened is not null).Opened.Run);
    }

    [Fact]
    public async Task A_safe_stop_goes_through_the_safe_step_and_then_off()
    {
        await StartedAsync([]);
        var done = await _channel.StopAsync(StopMode.Safe, "test");
        Assert.False(done.Done, "not safe yet");
        await Eventually.Async(() => _device.Commands.Count(c => c == StartDischarge) == 2, Bound, "the safe step starts");
        Assert.Equal(EbcPhase.Active, _device.Phase);
        _device.Phase = EbcPhase.Finished;
        await EndsAsync("stopped");
    }

    [Fact]
    public async Task An_immediate_stop_cuts_a_safe_step()
    {
        await StartedAsync([]);
        await _channel.StopAsync(StopMode.Safe, "test");
        await Eventually.Async(() => _device.Commands.Count(c => c == StartDischarge) == 2, Bound, "the safe step starts");
        var done = await _channel.StopAsync(StopMode.Immediate, "now");
        Assert.True(done.Done, done.Detail);
        Assert.InRange(done.SecondsToSafe, 0, new EbcDriver().TimeToSafe.TotalSeconds);
        await EndsAsync("stopped");
        Assert.Equal(EbcPhase.Idle, _device.Phase);
    }

    [Fact]
    public async Task A_stop_of_an_idle_channel_does_not_end_the_run_that_comes_later()
    {
        await Eventually.Async(() => _channel.LastReading.Length > 0, Bound, "readings come");
        Assert.True((await _channel.StopAsync(StopMode.Safe, "test")).Done);
        await StartedAsync([]);
        Assert.DoesNotContain(_bench.Reports, r => r.State == ChannelReport.Types.State.Ended);
    }

    private void Lease(string run, params AlarmRule[] alarms) =>
        Assert.Null(_bench.Lease(_channel, new LeasedChannel
        {
            Channel = Channel,
            Run = run,
            Control = ControlClass.Full,
            Alarms = { alarms },
            Program = new BattKomp.Lab.V1.Program
            {
                Steps = { new Step { Kind = Kind.CcDischarge, Ampere = 2, Volt = 2.8, MaxSeconds = 600 } },
                SafeStep = new Step { Kind = Kind.CcDischarge, Ampere = 1, Volt = 3.5, MaxSeconds = 600 },
            },
        }));

    private async Task StartedAsync(AlarmRule[] alarms)
    {
        Lease("runs/r1", alarms);
        await Eventually.Async(() => _bench.Events(EventKind.StepStarted).Any(), Bound, $"the step starts: {string.Join("; ", _bench.Log)}");
    }

    private async Task EndsAsync(string cause)
    {
        await Eventually.Async(() => _bench.Reports.Any(r => r.State == ChannelReport.Types.State.Ended), Bound, $"the run ends: {string.Join("; ", _bench.Reports)}");
        Assert.Equal(cause, _bench.Reports.First(r => r.State == ChannelReport.Types.State.Ended).EndReason);
    }
}
