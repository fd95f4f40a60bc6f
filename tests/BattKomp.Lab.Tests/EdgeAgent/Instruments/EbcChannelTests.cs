using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.Ebc;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using EventKind = BattKomp.Lab.V1.StreamEvent.Types.Kind;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

/// <summary>The driver against a peer on a pseudo-terminal that misbehaves.</summary>
public sealed class EbcChannelTests : IAsyncLifetime
{
    private const byte Stop = 0x02;
    private const byte StartDischarge = 0x01;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);
    private readonly DriverBench _bench = new(options: new JournalOptions { SegmentBytes = 1 << 16 });
    private readonly ScriptedEbc _device = new();
    private readonly CancellationTokenSource _stop = new();
    private LineChannel _channel = null!;
    private Task _running = Task.CompletedTask;

    public ValueTask InitializeAsync()
    {
        var limits = new ChannelLimits { MaxVolt = 4.25, MinVolt = 2.5, MaxChargeAmpere = 5, MaxDischargeAmpere = 10 };
        var config = new ChannelConfig { Channel = "rigs/r/channels/c", Protocol = EbcDriver.Name, Device = _device.Path, Limits = limits, Simulated = true };
        _channel = new LineChannel(new EbcDriver(), config, () => InstrumentLines.Open(config), _bench.Context);
        _running = _channel.RunAsync(_stop.Token);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _device.Dispose();
        _bench.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task A_device_that_clamps_a_set_value_is_switched_off_and_the_run_ends()
    {
        _device.Sets = s => s with { First = s.First / 2 };
        Lease();
        await EndsAsync("set_refused");
        Assert.Equal(Stop, _device.Commands[^1]);
        Assert.Empty(_bench.Events(EventKind.StepStarted));
    }

    [Fact]
    public async Task A_stop_at_the_device_itself_ends_the_run_and_nothing_is_started_again()
    {
        await StartedAsync();
        _device.Phase = EbcPhase.Idle;
        await EndsAsync("device_stopped");
        Assert.Single(_device.Commands, c => c == StartDischarge);
    }

    [Fact]
    public async Task A_voltage_beyond_the_channel_ends_the_run()
    {
        await StartedAsync();
        _device.Volt = 2.3;
        await EndsAsync("limit_volt");
        Assert.Equal(EbcPhase.Idle, _device.Phase);
    }

    [Fact]
    public async Task Wrong_checksums_over_plausible_data_are_kept_as_suspect()
    {
        await StartedAsync();
        _device.WrongSums = true;
        await Eventually.Async(() => _bench.Entries().Any(e => e.Batch is { } b && b.Quality.Contains(Quality.Suspect)), Bound, "suspect records are journalled");
        _device.WrongSums = false;
        await _channel.StopAsync(StopMode.Safe, "test");
        await EndsAsync("stopped");
    }

    [Fact]
    public async Task A_device_that_does_not_obey_a_stop_is_not_called_safe()
    {
        await StartedAsync();
        _device.ObeysStop = false;
        var done = await _channel.StopAsync(StopMode.Immediate, "test");
        Assert.False(done.Done);
        await Eventually.Async(() => _bench.Reports.Any(r => r.State == ChannelReport.Types.State.Fault && r.Run == "runs/r1"), Bound, "the run is reported as a fault");
        _device.ObeysStop = true;
    }

    [Fact]
    public async Task A_full_disk_stops_the_run_safely_and_everything_held_back_is_there_when_space_returns()
    {
        await StartedAsync();
        _bench.Disk.Capacity = 1;
        await Eventually.Async(() => _device.Phase == EbcPhase.Idle, Bound, "the output goes off");
        Assert.NotNull(_bench.Journal.Stall);
        _bench.Disk.Capacity = long.MaxValue;
        await EndsAsync("journal_full");
        long next = 0;
        foreach (var entry in _bench.Entries().Where(e => e.Key.Stream == "s1"))
        {
            Assert.Equal(next, entry.FirstSeq);
            next += entry.Batch?.UtcNs.Count ?? 1;
        }
    }

    [Fact]
    public async Task Current_that_flows_without_a_lease_is_recorded_all_the_same()
    {
        await Eventually.Async(() => _device.Commands.Count > 0, Bound, "the driver connects");
        _device.Phase = EbcPhase.Active;
        await Eventually.Async(() => _bench.Entries().Any(e => e.Batch is not null), Bound, "records without a lease");
        Assert.Equal("", _bench.Entries().First(e => e.Opened is not null).Opened.Lease);
        _device.Phase = EbcPhase.Idle;
        await Eventually.Async(() => _bench.Entries().Any(e => e.Closed is not null), Bound, "the stream is closed when the current ends");
        Assert.DoesNotContain(Stop, _device.Commands);
    }

    private void Lease() =>
        Assert.Null(_bench.Lease(_channel, new LeasedChannel
        {
            Channel = "rigs/r/channels/c",
            Run = "runs/r1",
            Control = ControlClass.Full,
            Program = new BattKomp.Lab.V1.Program { Steps = { new Step { Kind = Kind.CcDischarge, Ampere = 2, Volt = 2.8, MaxSeconds = 600 } } },
        }));

    private async Task StartedAsync()
    {
        Lease();
        await Eventually.Async(() => _bench.Events(EventKind.StepStarted).Any(), Bound, $"the step starts: {string.Join("; ", _bench.Log)}");
    }

    private async Task EndsAsync(string cause)
    {
        await Eventually.Async(() => _bench.Reports.Any(r => r.State == ChannelReport.Types.State.Ended), Bound, $"the run ends: {string.Join("; ", _bench.Reports)}");
        Assert.Equal(cause, _bench.Reports.First(r => r.State == ChannelReport.Types.State.Ended).EndReason);
        Assert.Equal(cause, Assert.Single(_bench.Events(EventKind.Stopped)).Cause);
    }
}
