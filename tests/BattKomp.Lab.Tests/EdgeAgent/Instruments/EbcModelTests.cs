using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.Ebc;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Time;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.V1;
using Xunit;
using EbcMode = BattKomp.Lab.EdgeAgent.Instruments.Ebc.EbcMode;
using EbcSettings = BattKomp.Lab.EdgeAgent.Instruments.Ebc.EbcSettings;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

public class EbcModelTests
{
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(5);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0x05, 6, 0, 0, false)]
    [InlineData(0x05, 5, 0, 0, true)]
    [InlineData(0x06, 11, 0, 0, false)]
    [InlineData(0x09, 11, 0, 0, true)]
    [InlineData(0x05, 0, 20, 0, false)]
    [InlineData(0x06, 0, 20, 0, true)]
    [InlineData(0x05, 0, 0, 2.5, false)]
    [InlineData(0x06, 0, 0, 2.5, true)]
    public void A_step_above_what_the_model_bears_is_a_fault(byte model, double discharge, double watt, double charge, bool fits)
    {
        var step = watt > 0 ? new Step { Kind = Kind.CpDischarge, Watt = watt, Volt = 3 }
            : charge > 0 ? new Step { Kind = Kind.CccvCharge, Ampere = charge, Volt = 4.2 }
            : new Step { Kind = Kind.CcDischarge, Ampere = discharge, Volt = 3 };
        Assert.Equal(fits, EbcModel.Of(model)!.Fault(step) is null);
    }

    [Fact]
    public async Task A_small_model_refuses_before_anything_is_sent()
    {
        using var device = new ScriptedEbc { Model = 0x05 };
        await using var session = await EbcSession.ConnectAsync(Open(device.Path), _ => { }, TimeProvider.System, Cancel);
        Assert.StartsWith("EBC-A05", session.Identity, StringComparison.Ordinal);
        var before = device.Commands.Count;
        Assert.StartsWith("set_refused", await session.BeginAsync(new Step { Kind = Kind.CcDischarge, Ampere = 6, Volt = 3, MaxSeconds = 60 }, Cancel), StringComparison.Ordinal);
        Assert.Equal(before, device.Commands.Count);
    }

    [Fact]
    public void A_charge_beyond_the_chargers_voltage_is_refused_by_name() =>
        Assert.Contains("18 V", EbcSteps.Fault(new Step { Kind = Kind.CccvCharge, Ampere = 1, Volt = 20, CutoffAmpere = 0.1, MaxSeconds = 60 }), StringComparison.Ordinal);

    [Theory]
    [InlineData(EbcMode.CcDischarge, 100, 300, 10)]
    [InlineData(EbcMode.CpDischarge, 5, 300, 10)]
    [InlineData(EbcMode.CvCharge, 100, 420, 10)]
    public async Task Every_mode_starts_is_adjusted_stops_and_resumes_on_the_simulators_device(EbcMode mode, int first, int second, int third)
    {
        using var stop = new CancellationTokenSource();
        using var device = SimulatorHost.OneLine(new InstrumentConfig { Type = "ebc-a20", Id = "SIM-EBC-1" }, SimulatedLabTime.StartingNow(1, TimeProvider.System), TimeProvider.System);
        var running = device.RunAsync(stop.Token);
        await using (var session = await EbcSession.ConnectAsync(Open(device.DevicePath), _ => { }, TimeProvider.System, Cancel))
        {
            Assert.True(await session.SetAsync(EbcCommand.Start, mode, new EbcSettings(first, second, third), Within, Cancel));
            var other = new EbcSettings(first * 2, second, third);
            Assert.True(await session.SetAsync(EbcCommand.Adjust, mode, other, Within, Cancel));
            Assert.True(await session.OffAsync(Cancel));
            Assert.True(await session.SetAsync(EbcCommand.Resume, mode, other, Within, Cancel));
            Assert.True(await session.OffAsync(Cancel));
        }
        await stop.CancelAsync();
        await running;
    }

    private static IInstrumentLine Open(string path) =>
        InstrumentLines.Open(new ChannelConfig { Channel = "rigs/r/channels/c", Protocol = EbcDriver.Name, Device = path, Parity = System.IO.Ports.Parity.Even });
}
