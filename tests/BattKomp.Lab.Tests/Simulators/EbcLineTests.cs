using System.Diagnostics;
using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Ebc;
using BattKomp.Lab.Simulators.Instruments.Serial;
using BattKomp.Lab.Simulators.Time;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators;

/// <summary>The EBC-A20 simulator on a real pseudo-terminal, read through System.IO.Ports.</summary>
public sealed class EbcLineTests : IAsyncDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);
    private readonly CancellationTokenSource _stop = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("battlab-ebc-").FullName;
    private LineSimulator? _simulator;
    private Task _running = Task.CompletedTask;

    [Fact]
    public async Task Reports_come_unasked_and_name_the_model()
    {
        Start(1);
        using var host = new EbcHost(_simulator!.DevicePath);

        await Eventually.Async(() => host.Reports().Count >= 5, Soon, "five reports");

        Assert.All(host.Reports(), r => Assert.Equal(0x09, r[15]));
        Assert.All(host.Reports(), r => Assert.Equal(0x00, r[0]));
        Assert.InRange(EbcHost.Number(host.Latest!, 3), 3700, 3750);
    }

    [Fact]
    public async Task A_discharge_to_cut_off_ends_with_the_finished_status()
    {
        Start(5_000);
        using var host = new EbcHost(_simulator!.Address);

        host.Send(EbcWire.Command(0x05));
        await Eventually.Async(() => host.Reports().Any(r => r[0] == 0x64), Soon, "a firmware report");
        host.Send(EbcWire.Command(0x01, 200, 300));
        await Eventually.Async(() => host.Reports().Any(r => r[0] == 0x0A && EbcHost.Number(r, 1) == 200), Soon, "2 A flowing");
        await Eventually.Async(() => host.LatestType == 0x14, Soon, "the finished status");

        var last = host.Latest!;
        Assert.Equal(0, EbcHost.Number(last, 1));
        Assert.Equal(200, EbcHost.Number(last, 9));
        Assert.Equal(300, EbcHost.Number(last, 11));
        Assert.InRange(EbcHost.Number(last, 5), 1100, 1260);
        Assert.True(_simulator.Stats.Finished);
        Assert.Equal(_simulator.Stats.DischargeMah, EbcHost.Number(last, 5), 1.0);
    }

    [Fact]
    public async Task No_more_bytes_pass_than_9600_baud_carries_however_fast_lab_time_runs()
    {
        var from = Stopwatch.GetTimestamp();
        Start(100_000);
        using var host = new EbcHost(_simulator!.DevicePath);
        await Eventually.Async(() => host.ByteCount > 19 * 80, Soon, "eighty reports");
        var (bytes, reports) = (host.ByteCount, _simulator.Stats.SerialReportsSent);
        var seconds = Stopwatch.GetElapsedTime(from).TotalSeconds;

        Assert.InRange(bytes, 19 * 80, seconds * 9600 / 11 + 19);
        Assert.InRange(reports, 80, seconds * 9600 / 11 / 19 + 1);
    }

    [Fact]
    public async Task A_client_that_leaves_and_returns_finds_the_device_and_no_stale_report()
    {
        Start(1);
        using (var first = new EbcHost(_simulator!.Address))
        {
            first.Send(EbcWire.Command(0x01, 100, 300));
            await Eventually.Async(() => first.LatestType == 0x0A, Soon, "the discharge running");
        }
        var sent = _simulator.Stats.SerialReportsSent;
        var since = Stopwatch.GetTimestamp();
        await Eventually.Async(() => Stopwatch.GetElapsedTime(since) > TimeSpan.FromSeconds(1), Soon, "a second unread");
        Assert.InRange(_simulator.Stats.SerialReportsSent - sent, 0, 2);

        using var second = new EbcHost(_simulator.Address);
        await Eventually.Async(() => second.Reports().Count >= 3, Soon, "reports again");

        Assert.InRange(EbcHost.Number(second.Reports()[0], 5), 0, 20);
        Assert.Equal(0x0A, second.LatestType);
        Assert.Equal("running", _simulator.Stats.State);
    }

    [Fact]
    public async Task After_a_hang_up_the_link_leads_to_the_new_device()
    {
        var link = Path.Combine(_folder, "by-id", "SIM-EBC-1");
        Start(1, link, new Fault { Kind = FaultKind.HangUp, FromSeconds = 2.5, ToSeconds = 3.2 });
        using var first = new EbcHost(link);
        await Eventually.Async(() => first.Reports().Count >= 2, Soon, "reports before");
        await Eventually.Async(() => first.Ended, Soon, "the line dead under the reader");
        await Eventually.Async(() => File.Exists(link), Soon, "the link again");

        using var second = new EbcHost(link);
        await Eventually.Async(() => second.Reports().Count >= 2, Soon, "reports after");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _simulator?.Dispose();
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Start(double speed, string? link = null, params Fault[] faults)
    {
        var options = new InstrumentConfig { Type = "ebc-a20", Id = "SIM-EBC-1", Link = link, Faults = faults, Cell = new CellParameters() };
        _simulator = SimulatorHost.OneLine(options, SimulatedLabTime.StartingNow(speed, TimeProvider.System), TimeProvider.System);
        _running = _simulator.RunAsync(_stop.Token);
    }
}
