using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.Ebc;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Leases;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using Xunit;
using EventKind = BattKomp.Lab.V1.StreamEvent.Types.Kind;
using TimeWindow = BattKomp.Lab.V1.TimeWindow;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

/// <summary>
/// The session's reader and the channel's own task meet at the streams: whatever the moment, a run's stream stays the run's. Else its step events go astray,
/// and an agent killed later takes the run up at a step that the device left long ago.
/// </summary>
public sealed class LineRecordsTests : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromMilliseconds(300);
    private static readonly Reading Flowing = new([3.7, -2, 0.1], []) { Output = OutputState.On, Volt = 3.7, Ampere = -2 };
    private static readonly Reading Resting = new([3.7, 0, 0.1], []) { Output = OutputState.Off, Volt = 3.7, Ampere = 0 };
    private readonly DriverBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task A_run_that_begins_while_an_idle_stream_is_being_opened_keeps_its_own()
    {
        LineRecords records = null!;
        var opening = Task.CompletedTask;
        records = Records(() =>
        {
            // Asked in the middle of the decision. It must not end before the decision does: the bound is what proves that it waits.
            opening = Task.Run(() => OpenRun(records));
            Assert.False(opening.Wait(Long), "the run's stream was opened in the middle of the decision on an idle one");
            return false;
        }, () => { });
        records.LineIsBack("SIM");
        records.Take(Flowing);
        await opening;
        await AssertTheRunIsToldAsync(records);
    }

    [Fact]
    public async Task A_run_that_begins_while_an_idle_stream_is_being_closed_keeps_its_own()
    {
        LineRecords records = null!;
        var told = false;
        records = Records(() => told, () =>
        {
            if (told)
                OpenRun(records);
        });
        records.LineIsBack("SIM");
        records.Take(Flowing);
        told = true;
        records.Take(Resting);
        await AssertTheRunIsToldAsync(records);
    }

    private LineRecords Records(Func<bool> runs, Action alarms)
    {
        var config = new ChannelConfig { Channel = "rigs/r/channels/c", Protocol = EbcDriver.Name, Device = "none", Simulated = true };
        return new LineRecords(new EbcDriver(), config, _bench.Context, runs, new ChannelWatch(_bench.Clock, TimeProvider.System), _ => alarms());
    }

    private static void OpenRun(LineRecords records) => records.OpenRun(Lease, null, "SIM");

    private static ChannelLease Lease
    {
        get
        {
            var part = new LeasedChannel { Channel = "rigs/r/channels/c", Run = "runs/r1", Control = ControlClass.Full };
            var now = TimeProvider.System.GetUtcNow().ToTimestamp();
            var lease = new Lease { Name = "leases/r1", Agent = "agents/a", ServerTime = now, Window = new TimeWindow { Start = now, End = now + Duration.FromTimeSpan(TimeSpan.FromHours(1)) }, Channels = { part } };
            return new ChannelLease(new HeldLease(lease, default(LeaseElapsed), TimeProvider.System), part);
        }
    }

    private async Task AssertTheRunIsToldAsync(LineRecords records)
    {
        Assert.True(records.Recorder.IsOpen);
        Assert.Equal("runs/r1", records.Recorder.Run);
        await records.Recorder.Event(EventKind.StepEnded, "device_finished", "", step: 1, stepCount: 81);
        Assert.Single(_bench.Events(EventKind.StepEnded));
        Assert.NotNull(_bench.Journal.Query(s => s.Run("runs/r1")));
        Assert.Equal("runs/r1", _bench.Entries().Last(e => e.Opened is not null).Opened.Run);
    }
}
