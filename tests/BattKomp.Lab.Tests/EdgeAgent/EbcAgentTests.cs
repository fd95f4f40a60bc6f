using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Serial;
using BattKomp.Lab.Simulators.Time;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using EventKind = BattKomp.Lab.V1.StreamEvent.Types.Kind;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;
using ReportState = BattKomp.Lab.V1.ChannelReport.Types.State;

namespace BattKomp.Lab.Tests.EdgeAgent;

/// <summary>The agent process against the EBC simulator on a real pseudo-terminal.</summary>
public sealed class EbcAgentTests : IAsyncLifetime
{
    private const string Channel = "rigs/ebc/channels/1";
    private const double Speed = 500;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private readonly TempFolder _folder = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly DateTimeOffset _origin = TimeProvider.System.GetUtcNow();
    private FakeLabServer _server = null!;
    private LineSimulator _device = null!;
    private AgentProcess _agent = null!;
    private Task _running = Task.CompletedTask;
    private string _config = "";

    public async ValueTask InitializeAsync()
    {
        _server = await FakeLabServer.StartAsync();
        _device = SimulatorHost.OneLine(new InstrumentConfig { Type = "ebc-a20", Id = "SIM-EBC-1", Link = _folder.File("ebc"), Cell = new CellParameters { InitialSoc = 0.6 }, Faults = HangUps() },
            new SimulatedLabTime(_origin, _origin, Speed, TimeProvider.System), TimeProvider.System);
        _running = _device.RunAsync(_stop.Token);
        var limits = new { max_volt = 4.25, min_volt = 2.5, max_charge_ampere = 5, max_discharge_ampere = 10 };
        _config = AgentProcess.Config(_folder, _server.Address,
            [new { channel = Channel, protocol = "ebc-a20", device = _folder.File("ebc"), simulated = true, limits }], null, Speed, _origin);
        _agent = await AgentProcess.StartAsync(_config);
        await Eventually.Async(() => _server.HasLine, Bound, "the control line stands");
    }

    public async ValueTask DisposeAsync()
    {
        await _agent.DisposeAsync();
        await _stop.CancelAsync();
        await _running;
        _device.Dispose();
        await _server.DisposeAsync();
        _folder.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task A_killed_agent_adopts_the_step_that_the_device_is_in_and_finishes_the_program()
    {
        await LeaseAsync(TimeSpan.FromMinutes(5), Discharge(2, 1800), Rest(300), Charge(2, 3600), Rest(60));
        await Eventually.Async(() => Events(EventKind.StepStarted).Any(), Bound, $"the first step starts. {_agent.Errors}");
        await Eventually.Async(() => _server.Streams.Sum(s => s.Records.Count) > 20, Bound, "records flow");
        await _agent.KillAsync();
        await _agent.DisposeAsync();
        _agent = await AgentProcess.StartAsync(_config);
        await EndedAsync("completed");

        Assert.Equal([1, 2, 3, 4], Events(EventKind.StepStarted).Select(e => e.StepCount));
        Assert.Equal([1, 2, 3, 4], Events(EventKind.StepEnded).Select(e => e.StepCount));
        var outage = Assert.Single(Events(EventKind.Outage));
        Assert.Equal("agent_restart", outage.Cause);
        Assert.True(outage.UntilUtcNs > outage.UtcNs);
        var streams = _server.Streams.Where(s => s.Opened!.Run == "runs/r1").ToList();
        Assert.Equal(2, streams.Count);
        Assert.Contains(streams.SelectMany(s => s.Values("current_ampere")), i => i < -1.9);
        Assert.Contains(streams.SelectMany(s => s.Values("current_ampere")), i => i > 1.9);
        var later = streams.OrderBy(s => s.Stamps[0]).Last();
        Assert.True(later.Values("test_time_second")[0] > 10, "test time goes on across the restart");
        Assert.Equal("idle", _device.Stats.State);
    }

    [Fact]
    public async Task A_stop_order_takes_the_channel_to_safe_within_two_seconds_and_locks_it_also_for_the_next_start()
    {
        await LeaseAsync(TimeSpan.FromMinutes(5), Discharge(2, 3600));
        await Eventually.Async(() => Events(EventKind.StepStarted).Any(), Bound, $"the step starts. {_agent.Errors}");
        await _server.OrderAsync(new AgentOrder { OrderId = "o1", Stop = new StopChannel { Channel = Channel, Mode = StopMode.Immediate, Reason = "test", Lock = true } });
        await Eventually.Async(() => _server.Reports.Any(r => r.OrderDone is { OrderId: "o1" }), Bound, "the order is answered");
        var done = _server.Reports.First(r => r.OrderDone is { OrderId: "o1" }).OrderDone;
        Assert.True(done.Done, done.Detail);
        Assert.InRange(done.SecondsToSafe, 0.0001, 2);
        Assert.Equal("idle", _device.Stats.State);
        await EndedAsync("stopped");

        Assert.Equal(0, await _agent.TerminateAsync());
        await _agent.DisposeAsync();
        _agent = await AgentProcess.StartAsync(_config);
        await Eventually.Async(() => _server.HasLine, Bound, "the new start has its line");
        await LeaseAsync(TimeSpan.FromMinutes(5), "runs/r2", Discharge(2, 3600));
        await Eventually.Async(() => _server.Reports.Any(r => r.Channel is { State: ReportState.Fault } c && c.Detail.Contains("runs/r2 does not start: locked", StringComparison.Ordinal)),
            Bound, "the new run is held back by the lock");
        await _server.OrderAsync(new AgentOrder { OrderId = "o2", Release = new ReleaseChannel { Channel = Channel } });
        await Eventually.Async(() => _server.Reports.Any(r => r.Channel is { State: ReportState.Energised, Run: "runs/r2" }), Bound, "after the release it runs");
    }

    [Fact]
    public async Task A_step_that_cannot_be_shown_to_end_within_the_lease_is_not_started()
    {
        await LeaseAsync(TimeSpan.FromSeconds(8), Discharge(1, 600), Discharge(1, 30000));
        await EndedAsync("lease_end");
        Assert.Equal([1], Events(EventKind.StepStarted).Select(e => e.StepCount));
        Assert.Equal("idle", _device.Stats.State);
    }

    [Fact]
    public async Task A_program_beyond_the_channel_or_with_another_hash_or_a_forged_lease_is_refused_with_its_reasons()
    {
        await LeaseAsync(TimeSpan.FromMinutes(1), Discharge(15, 600));
        await RefusedAsync("15 A discharge; the channel's limit is 10 A");
        var part = Part("runs/r1", Discharge(1, 600));
        part.ProcedureSha256 = new string('0', 64);
        await _server.OrderAsync(_server.LeaseOrder("agents/a1", part, TimeSpan.Zero, TimeSpan.FromMinutes(1)));
        await RefusedAsync("procedure_sha256");
        var forged = _server.LeaseOrder("agents/a1", Part("runs/r1", Discharge(1, 600)), TimeSpan.Zero, TimeSpan.FromMinutes(1));
        forged.Lease.Signature = Google.Protobuf.ByteString.CopyFrom(new byte[64]);
        await _server.OrderAsync(forged);
        await RefusedAsync("bad signature");
        Assert.Equal(0, _device.Stats.ChargeMah + _device.Stats.DischargeMah, 3);
    }

    [Fact]
    public async Task A_line_that_hangs_up_in_a_step_is_an_outage_and_the_step_goes_on()
    {
        await LeaseAsync(TimeSpan.FromMinutes(5), Discharge(1, 5400), Rest(60));
        await EndedAsync("completed");
        var outage = Assert.Single(Events(EventKind.Outage));
        Assert.Equal("port_lost", outage.Cause);
        Assert.InRange((outage.UntilUtcNs - outage.UtcNs) / 1e9, 500, 3000);
        var stream = Assert.Single(_server.Streams, s => s.Opened!.Run == "runs/r1");
        Assert.DoesNotContain(stream.Stamps, t => t > outage.UtcNs && t < outage.UntilUtcNs);
        Assert.Contains(stream.Stamps, t => t > outage.UntilUtcNs);
        Assert.Equal([1, 2], Events(EventKind.StepStarted).Select(e => e.StepCount));
        Assert.DoesNotContain(_server.Reports, r => r.Channel is { State: ReportState.Fault, Run: "runs/r1" });
    }

    [Fact]
    public async Task A_lease_of_a_later_booking_waits_until_the_one_in_force_has_ended()
    {
        await LeaseAsync(TimeSpan.FromMinutes(5), Discharge(1, 2000));
        await _server.OrderAsync(_server.LeaseOrder("agents/a1", Part("runs/r2", Rest(100)), TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(6), "leases/r2"));
        await EndedAsync("completed");
        await Eventually.Async(() => _server.Reports.Any(r => r.Channel is { State: ReportState.Ended, Run: "runs/r2" }), Bound, "the second run ends too");
        var ends = _server.Reports.Where(r => r.Channel is { State: ReportState.Ended }).Select(r => r.Channel.Run).ToList();
        Assert.Equal(["runs/r1", "runs/r2"], ends);
    }

    [Fact]
    public async Task A_second_agent_on_the_same_folder_is_refused()
    {
        var (code, errors) = await AgentProcess.RefusedAsync(_config);
        Assert.Equal(2, code);
        Assert.Contains("Another agent uses this data_dir", errors);
    }

    // Only the test that is about it gets a line that hangs up: from lab second 4000 to 5000 after switch-on, 8 s of machine time for the agent to start in.
    private static IReadOnlyList<Fault> HangUps() =>
        TestContext.Current.TestMethod?.MethodName == nameof(A_line_that_hangs_up_in_a_step_is_an_outage_and_the_step_goes_on)
            ? [new Fault { Kind = FaultKind.HangUp, FromSeconds = 4000, ToSeconds = 5000 }]
            : [];

    private static Step Discharge(double ampere, double seconds) => new() { Kind = Kind.CcDischarge, Ampere = ampere, Volt = 2.8, MaxSeconds = seconds };

    private static Step Charge(double ampere, double seconds) => new() { Kind = Kind.CccvCharge, Ampere = ampere, Volt = 4.2, CutoffAmpere = 0.1, MaxSeconds = seconds };

    private static Step Rest(double seconds) => new() { Kind = Kind.Rest, MaxSeconds = seconds };

    private static LeasedChannel Part(string run, params Step[] steps) =>
        new() { Channel = Channel, Run = run, Control = ControlClass.Full, Simulated = true, Program = new BattKomp.Lab.V1.Program { Steps = { steps } } };

    private Task LeaseAsync(TimeSpan length, params Step[] steps) => LeaseAsync(length, "runs/r1", steps);

    private Task LeaseAsync(TimeSpan length, string run, params Step[] steps) =>
        _server.OrderAsync(_server.LeaseOrder("agents/a1", Part(run, steps), TimeSpan.Zero, length, $"leases/{run.Split('/')[1]}"));

    private IEnumerable<StreamEvent> Events(EventKind kind) =>
        _server.Streams.SelectMany(s =>
        {
            lock (s)
                return s.Events.Values.ToList();
        }).Where(e => e.Kind == kind).OrderBy(e => e.UtcNs);

    private async Task EndedAsync(string cause)
    {
        await Eventually.Async(() => _server.Reports.Any(r => r.Channel is { State: ReportState.Ended } c && c.EndReason == cause), Bound,
            $"the run ends with {cause}. {_agent.Errors} {string.Join("; ", _server.Reports.Where(r => r.Channel is not null).Select(r => r.Channel.ToString()))}");
        await Eventually.Async(() => Events(EventKind.Stopped).Any(e => e.Cause == cause), Bound, "the stop is stored");
        await Eventually.Async(() => _server.Streams.All(s => s.Complete), Bound, "every stream is complete");
    }

    private Task RefusedAsync(string why) =>
        Eventually.Async(() => _server.Reports.Any(r => r.LeaseTaken is { Accepted: false } t && t.Detail.Contains(why, StringComparison.Ordinal)), Bound,
            $"the lease is refused because: {why}");
}
