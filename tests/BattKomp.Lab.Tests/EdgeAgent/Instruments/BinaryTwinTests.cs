using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.JbdUart;
using BattKomp.Lab.EdgeAgent.Instruments.Modbus;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Instruments.VellemanK8090;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Serial;
using BattKomp.Lab.Simulators.Time;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using LabProgram = BattKomp.Lab.V1.Program;
using EventKind = BattKomp.Lab.V1.StreamEvent.Types.Kind;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

/// <summary>The drivers against their simulator twins, over real pseudo-terminals and TCP.</summary>
public sealed class BinaryTwinTests : IAsyncDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<(LineSimulator Simulator, Task Running)> _twins = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var (simulator, running) in _twins)
        {
            await running;
            simulator.Dispose();
        }
        _stop.Dispose();
    }

    [Theory]
    [InlineData("jbd-uart", "jbd-uart", "SIM-JBD")]
    [InlineData("daly", "daly-modbus", "Daly BMS")]
    [InlineData("velleman-k8090", "velleman-k8090", "Velleman K8090")]
    [InlineData("binder-mk", "binder-mk", "Binder")]
    [InlineData("riden", "riden-rd60xx", "Riden RD6006")]
    public async Task Each_twin_is_identified_and_read_on_a_pseudo_terminal_and_over_TCP(string type, string protocol, string identity)
    {
        foreach (var listen in new[] { null, "127.0.0.1:0" })
        {
            await using var session = await ConnectAsync<IInstrumentSession>(Twin(type, listen), protocol);
            Assert.Contains(identity, session.Identity, StringComparison.Ordinal);
            var reading = await session.NextAsync(Cancel);
            Assert.Equal(Quality.Good, reading.Quality);
            Assert.Equal(InstrumentCatalogue.Drivers[protocol].Signals.Count, reading.Values.Length);
        }
    }

    [Fact]
    public async Task A_bms_opens_its_switches_on_demand_and_shows_it()
    {
        await using var session = await ConnectAsync<JbdSession>(Twin("jbd-uart"), "jbd-uart");
        Assert.InRange(session.Last!.Volt, 2.5, 4.3);
        Assert.True(await session.SetSwitchesAsync(chargeOn: false, dischargeOn: false, Cancel));
        await Eventually.Async(() => session.Last!.Output == OutputState.Off, Bound, "both switches are open");
        Assert.True(await session.SetSwitchesAsync(chargeOn: true, dischargeOn: true, Cancel));
    }

    [Fact]
    public async Task The_relay_card_is_switched_and_shows_it()
    {
        var twin = Twin("velleman-k8090");
        await using (var card = new K8090Card(Open(twin, "velleman-k8090"), TimeProvider.System))
        {
            Assert.True(await card.CloseAsync(0b11, Cancel));
            Assert.Equal(0b11, await card.StatusAsync(Cancel));
            Assert.True(await card.OpenAsync(0b01, Cancel));
            Assert.Equal(0b10, await card.StatusAsync(Cancel));
        }
    }

    [Fact]
    public async Task A_leased_charge_runs_on_the_supplys_twin_and_ends_with_the_output_off()
    {
        using var bench = new DriverBench();
        var twin = Twin("riden");
        var config = Config(twin, "riden-rd60xx") with { Limits = new ChannelLimits { MaxVolt = 4.25, MaxChargeAmpere = 5 } };
        var program = new LabProgram { Steps = { new Step { Kind = Kind.CccvCharge, Ampere = 1, Volt = 4.2, CutoffAmpere = 0.1, MaxSeconds = 3 }, new Step { Kind = Kind.Rest, MaxSeconds = 1 } } };
        await RunsAsync(bench, config, program);
        var current = bench.Entries().Where(e => e.Batch is not null).SelectMany(e => e.Batch.Columns).ToList();
        Assert.NotEmpty(current);
        Assert.Equal(["CCCV_CHG", "REST"], bench.Events(EventKind.StepStarted).Select(e => e.Detail));
        await Eventually.Async(() => twin.Stats is { State: "idle", ChargeMah: > 0 }, Bound, "the output is off and charge went in");
    }

    [Fact]
    public async Task A_leased_temperature_runs_on_the_chambers_twin_and_ends_idle()
    {
        using var bench = new DriverBench();
        var twin = Twin("binder-mk");
        var program = new LabProgram { Steps = { new Step { Kind = Kind.Temperature, Celsius = 30, MaxSeconds = 3 } } };
        await RunsAsync(bench, Config(twin, "binder-mk"), program);
        await Eventually.Async(() => twin.Stats.State == "idle", Bound, "the chamber is idle");
    }

    [Theory]
    [Trait("lane", "full")]
    [InlineData(FaultKind.LateReply)]
    [InlineData(FaultKind.WrongUnit)]
    [InlineData(FaultKind.WrongChecksum)]
    [InlineData(FaultKind.GluedReplies)]
    [InlineData(FaultKind.TornFrame)]
    public async Task A_faulty_line_may_cost_readings_and_never_shifts_an_answer(FaultKind kind)
    {
        // The chamber's air and set point are answers of one size: taken for each other they would show.
        var twin = Twin("binder-mk", null, 1, new Fault { Kind = kind, Probability = 0.15 });
        var readings = new List<Reading>();
        var lost = 0;
        while (readings.Count < 6 && lost < 40)
        {
            try
            {
                await using var session = await ConnectAsync<IInstrumentSession>(twin, "binder-mk");
                while (readings.Count < 6)
                    readings.Add(await session.NextAsync(Cancel));
            }
            catch (IOException)
            {
                lost++;
            }
        }
        Assert.Equal(6, readings.Count);
        Assert.All(readings, r =>
        {
            Assert.InRange(r.Values[0], 22, 24);
            Assert.Equal(20, r.Values[1]);
            Assert.Equal("idle", r.Texts[0]);
        });
    }

    private async Task RunsAsync(DriverBench bench, ChannelConfig config, LabProgram program)
    {
        var channel = new LineChannel((LineDriver)InstrumentCatalogue.Drivers[config.Protocol], config, () => InstrumentLines.Open(config), bench.Context);
        var running = channel.RunAsync(_stop.Token);
        Assert.Null(bench.Lease(channel, new LeasedChannel { Channel = config.Channel, Run = "runs/r1", Control = ControlClass.Full, Program = program, Limits = config.Limits }));
        await Eventually.Async(() => bench.Reports.Any(r => r.State == ChannelReport.Types.State.Ended), Bound, "the run ends");
        Assert.Equal("completed", bench.Reports.Last(r => r.State == ChannelReport.Types.State.Ended).EndReason);
        await _stop.CancelAsync();
        await running;
    }

    private LineSimulator Twin(string type, string? listen = null, double speed = 1, params Fault[] faults)
    {
        var simulator = SimulatorHost.OneLine(new InstrumentConfig { Type = type, Id = $"SIM-{_twins.Count}", Listen = listen, Faults = faults }, SimulatedLabTime.StartingNow(speed, TimeProvider.System), TimeProvider.System);
        _twins.Add((simulator, simulator.RunAsync(_stop.Token)));
        return simulator;
    }

    private static ChannelConfig Config(LineSimulator twin, string protocol) => new()
    {
        Channel = "rigs/r/channels/1",
        Protocol = protocol,
        Simulated = true,
        Settings = protocol is "binder-mk" ? new ModbusSettings(1, 120) : null,
        Device = twin.Listens ? $"tcp://{twin.Address}" : twin.DevicePath,
        Baud = InstrumentCatalogue.Drivers[protocol].Line!.Baud,
    };

    private static IInstrumentLine Open(LineSimulator twin, string protocol) => InstrumentLines.Open(Config(twin, protocol));

    private static async Task<T> ConnectAsync<T>(LineSimulator twin, string protocol) =>
        (T)await ((LineDriver)InstrumentCatalogue.Drivers[protocol]).ConnectAsync(new SessionSetup(Open(twin, protocol), Config(twin, protocol), _ => { }, TimeProvider.System, 20), Cancel);
}
