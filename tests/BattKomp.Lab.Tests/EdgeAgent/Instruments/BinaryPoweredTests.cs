using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.AtorchDl24;
using BattKomp.Lab.EdgeAgent.Instruments.BinderMk;
using BattKomp.Lab.EdgeAgent.Instruments.Modbus;
using BattKomp.Lab.EdgeAgent.Instruments.Riden;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

public class BinaryPoweredTests
{
    private static readonly Step Charge = new() { Kind = Kind.CccvCharge, Ampere = 1.5, Volt = 4.2, CutoffAmpere = 0.1, MaxSeconds = 60 };
    private static readonly Step Discharge = new() { Kind = Kind.CcDischarge, Ampere = 1.5, Volt = 3.0, MaxSeconds = 90.5 };
    private static readonly Step Warm = new() { Kind = Kind.Temperature, Celsius = 45, MaxSeconds = 60 };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_chamber_gets_both_set_points_before_its_mode_and_nothing_else()
    {
        var bank = Binder();
        await using var session = await ConnectAsync("binder-mk", bank);
        Assert.Null(await session.BeginAsync(Warm, Cancel));
        Assert.True(session.Holds(Warm));
        // 45 °C is 0x42340000, low word first: vector binder-mk53-06.
        Assert.Equal([(0x1581, 0x0000), (0x1582, 0x4234), (0x156F, 0x0000), (0x1570, 0x4234), (0x1A22, 0x0800)], bank.Written.Select(w => (w.Register, (int)w.Word)));
        Assert.True(await session.OffAsync(Cancel));
        Assert.Equal((BinderRegisters.Mode, BinderRegisters.Idle), bank.Written[^1]);
    }

    [Fact]
    public async Task A_chamber_that_keeps_another_set_point_is_refused_before_it_is_active()
    {
        var bank = Binder();
        bank.OnWrite = (register, word) => register == BinderRegisters.BasicSetPoint + 1 ? null : word;
        await using var session = await ConnectAsync("binder-mk", bank);
        Assert.StartsWith("set_refused", await session.BeginAsync(Warm, Cancel), StringComparison.Ordinal);
        Assert.DoesNotContain(bank.Written, w => w.Register == BinderRegisters.Mode);
    }

    [Fact]
    public async Task A_chambers_door_and_alarm_text_are_its_alarm()
    {
        var bank = Binder();
        bank[BinderRegisters.Door] = 1;
        await using var session = await ConnectAsync("binder-mk", bank);
        Assert.Equal("door open", session.Last!.DeviceAlarm);
        bank[BinderRegisters.Alarm] = 1;
        for (var k = 0; k < 17; k++)
            bank[BinderRegisters.Text + k] = "TEMPERATURE LIMIT"[k];
        await Eventually.Async(() => session.Last!.DeviceAlarm == "alarm: TEMPERATURE LIMIT", TimeSpan.FromSeconds(5), "the alarm is shown");
        Assert.Equal(28.206, session.Last!.Celsius);
    }

    [Fact]
    public async Task A_supply_gets_its_protections_first_and_never_a_word_of_calibration()
    {
        var bank = Riden(60062);
        await using var session = await ConnectAsync("riden-rd60xx", bank);
        Assert.Null(await session.BeginAsync(Charge, Cancel));
        Assert.True(session.Holds(Charge));
        Assert.Equal([18, 82, 83, 8, 9, 18], bank.Written.Select(w => w.Register));
        Assert.Equal((420, 1500), (bank[8], bank[9]));
        Assert.True(bank[82] is > 420 and < 500 && bank[83] is > 1500 and < 2000, $"{bank[82]}, {bank[83]}");
        Assert.DoesNotContain(bank.Written, w => w.Register is >= RidenRegisters.CalibrationFirst and <= RidenRegisters.CalibrationLast);
        Assert.True(await session.OffAsync(Cancel));
        Assert.Equal(0, bank[18]);
        Assert.Equal("Riden RD6006 (60062) serial 00004660 firmware 1.28", session.Identity);
    }

    [Theory]
    [InlineData(60121, 150)]
    [InlineData(60181, 150)]
    [InlineData(60065, 0)]
    public async Task A_supplys_scale_comes_from_its_model_and_an_unknown_model_is_refused(int id, int digits)
    {
        var bank = Riden(id);
        await using var session = await ConnectAsync("riden-rd60xx", bank);
        var refused = await session.BeginAsync(Charge, Cancel);
        Assert.Equal(digits > 0, refused is null);
        Assert.Equal(digits, bank[9]);
        Assert.Equal(digits == 0 ? Quality.Suspect : Quality.Good, session.Last!.Quality);
        // A thousandth of an ampere is no step of the coarser scale.
        Assert.StartsWith("set_refused", await session.BeginAsync(new Step(Charge) { Ampere = 1.501 }, Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_supply_that_clamps_a_set_value_is_never_switched_on()
    {
        var bank = Riden(60062);
        bank.OnWrite = (register, word) => register == RidenRegisters.SetAmpere ? (ushort)1000 : word;
        await using var session = await ConnectAsync("riden-rd60xx", bank);
        Assert.StartsWith("set_refused", await session.BeginAsync(Charge, Cancel), StringComparison.Ordinal);
        Assert.DoesNotContain((RidenRegisters.Output, (ushort)1), bank.Written);
    }

    [Fact]
    public async Task A_tripped_protection_is_the_supplys_alarm()
    {
        var bank = Riden(60062);
        bank[RidenRegisters.Protection] = 2;
        await using var session = await ConnectAsync("riden-rd60xx", bank);
        Assert.Equal("over-current protection", session.Last!.DeviceAlarm);
    }

    [Theory]
    [InlineData("riden-rd60xx")]
    [InlineData("binder-mk")]
    public async Task Off_is_proved_within_the_declared_time_though_an_order_is_lost(string protocol)
    {
        var bank = protocol == "binder-mk" ? Binder() : Riden(60062);
        await using var session = await ConnectAsync(protocol, bank);
        Assert.Null(await session.BeginAsync(protocol == "binder-mk" ? Warm : Charge, Cancel));
        var lost = 1;
        bank.Answers = request => request.IsRead || Interlocked.Decrement(ref lost) < 0;
        var started = Stopwatch.GetTimestamp();
        Assert.True(await session.OffAsync(Cancel));
        Assert.True(Stopwatch.GetElapsedTime(started) < InstrumentCatalogue.Drivers[protocol].TimeToSafe);
    }

    [Fact]
    public async Task An_output_that_stays_on_is_told()
    {
        var bank = Riden(60062);
        await using var session = await ConnectAsync("riden-rd60xx", bank);
        Assert.Null(await session.BeginAsync(Charge, Cancel));
        bank.OnWrite = (register, word) => register == RidenRegisters.Output ? null : word;
        Assert.False(await session.OffAsync(Cancel));
    }

    [Theory]
    [InlineData(PxOrder.Standard)]
    [InlineData(PxOrder.Swapped)]
    public async Task A_load_is_set_read_back_and_switched_on(PxOrder order)
    {
        var load = new Load(order);
        await using var session = await LoadAsync(load, order);
        Assert.Null(await session.BeginAsync(Discharge, Cancel));
        Assert.Equal((150, 300, 91, true), (load.Centiampere, load.Centivolt, load.Seconds, load.On));
        Assert.True(session.Holds(Discharge));
        var reading = await session.NextAsync(Cancel);
        Assert.Equal((OutputState.On, 3.7, -1.5), (reading.Output, reading.Volt, reading.Ampere));
        var started = Stopwatch.GetTimestamp();
        Assert.True(await session.OffAsync(Cancel));
        Assert.True(Stopwatch.GetElapsedTime(started) < InstrumentCatalogue.Drivers["atorch-dl24"].TimeToSafe);
        Assert.False(load.On);
    }

    [Theory]
    [InlineData(PxOrder.Standard, PxOrder.Swapped)]
    [InlineData(PxOrder.Swapped, PxOrder.Standard)]
    public async Task A_load_whose_orders_are_swapped_is_never_switched_on(PxOrder configured, PxOrder real)
    {
        var load = new Load(real);
        await using var session = await LoadAsync(load, configured);
        var refused = await session.BeginAsync(Discharge, Cancel);
        Assert.Contains("px100_order", refused, StringComparison.Ordinal);
        Assert.False(load.WasOn);
    }

    [Fact]
    public async Task A_load_of_unknown_order_measures_and_is_never_set()
    {
        var load = new Load(PxOrder.Standard);
        await using var session = await LoadAsync(load, PxOrder.Unknown);
        Assert.Equal(3.7, session.Last!.Volt);
        Assert.StartsWith("set_refused", await session.BeginAsync(Discharge, Cancel), StringComparison.Ordinal);
        Assert.Equal((0, 0), (load.Centiampere, load.Centivolt));
        var fault = InstrumentCatalogue.Drivers["atorch-dl24"].Fault(Discharge, new ChannelConfig { Channel = "rigs/r/channels/1", Protocol = "atorch-dl24" });
        Assert.Contains("px100_order", fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_load_that_cuts_off_by_itself_has_finished_and_one_that_somebody_stopped_has_not()
    {
        var load = new Load(PxOrder.Standard);
        await using var session = await LoadAsync(load, PxOrder.Standard);
        Assert.Null(await session.BeginAsync(Discharge, Cancel));
        load.On = false;
        await Eventually.Async(() => session.Last!.Output == OutputState.Off, TimeSpan.FromSeconds(5), "off at 3.7 V was somebody's doing");
        Assert.Null(await session.BeginAsync(Discharge, Cancel));
        load.Millivolt = 3001;
        await Eventually.Async(() => session.Last is { Volt: 3.001 }, TimeSpan.FromSeconds(5), "the cut-off is near");
        load.On = false;
        await Eventually.Async(() => session.Last!.Output == OutputState.Finished, TimeSpan.FromSeconds(5), "the device's own cut-off");
    }

    [Fact]
    public async Task A_meter_that_only_streams_is_read_and_never_spoken_to()
    {
        var line = new ScriptedLine(_ => null);
        line.Say(Load.StreamFrame);
        await using var session = await line.ConnectAsync<IInstrumentSession>("atorch-dl24", new DlSettings(PxOrder.Standard, FromStream: true), Cancel);
        Assert.Equal([3.2, -20, 51.16, 170, 37], session.Last!.Values);
        Assert.IsNotType<IPoweredSession>(session, exactMatch: false);
        Assert.Empty(line.Sent);
        Assert.Contains("source", InstrumentCatalogue.Drivers["atorch-dl24"].Fault(Discharge,
            new ChannelConfig { Channel = "rigs/r/channels/1", Protocol = "atorch-dl24", Settings = new DlSettings(PxOrder.Standard, true) }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("binder-mk", Kind.CcCharge)]
    [InlineData("riden-rd60xx", Kind.CcDischarge)]
    [InlineData("jbd-uart", Kind.CcDischarge)]
    public void A_step_that_the_device_cannot_do_is_refused_by_name(string protocol, Kind kind) =>
        Assert.NotNull(InstrumentCatalogue.Drivers[protocol].Fault(new Step { Kind = kind, Ampere = 1, Volt = 3, MaxSeconds = 1 }, new ChannelConfig { Channel = "rigs/r/channels/1", Protocol = protocol }));

    private static Task<IPoweredSession> ConnectAsync(string protocol, RegisterBank bank) =>
        new ScriptedLine(bank.Answer).ConnectAsync<IPoweredSession>(protocol, new ModbusSettings(1, 150), Cancel);

    private static Task<IPoweredSession> LoadAsync(Load load, PxOrder order) =>
        new ScriptedLine(load.Answer).ConnectAsync<IPoweredSession>("atorch-dl24", new DlSettings(order, false), Cancel);

    private static RegisterBank Binder()
    {
        // PV of vector binder-mk53-01; the set point in force follows the one of manual mode.
        var bank = new RegisterBank(1) { [0x11A9] = 0xA5F1, [0x11AA] = 0x41E1 };
        bank.OnWrite = (register, word) =>
        {
            if (register is BinderRegisters.ManualSetPoint or BinderRegisters.ManualSetPoint + 1)
                bank[register - BinderRegisters.ManualSetPoint + BinderRegisters.SetPoint] = word;
            return word;
        };
        return bank;
    }

    private static RegisterBank Riden(int id) => new(1) { [0] = (ushort)id, [2] = 4660, [3] = 128, [5] = 25, [10] = 410, [17] = 1 };

    // A DL24 that streams between its answers, as the real one does.
    private sealed class Load(PxOrder order)
    {
        public static readonly byte[] StreamFrame =
            Convert.FromHexString("ff55010200002000" + "4e200013fc000000" + "1100000000000000" + "002500" + "02211d3c00000000" + "16");

        public int Centiampere { get; private set; }

        public int Centivolt { get; private set; }

        public int Seconds { get; private set; }

        public int Millivolt { get; set; } = 3700;

        public bool On { get; set; }

        public bool WasOn { get; private set; }

        public byte[] Answer(byte[] r)
        {
            var (number, decimals) = (r[2], (r[3] * 100) + r[4]);
            if (number >= 0x10)
                return [.. StreamFrame, .. Value(number)];
            if (number == 0x01)
                WasOn |= On = r[3] != 0;
            if (number == DlCodec.Number(PxCommand.CutOff, order))
                Centivolt = decimals;
            if (number == DlCodec.Number(PxCommand.Current, order))
                Centiampere = decimals;
            if (number == 0x04)
                Seconds = (r[3] << 8) | r[4];
            return [.. StreamFrame, 0x6F];
        }

        private byte[] Value(byte number)
        {
            var value = number switch { 0x10 => On ? 1 : 0, 0x11 => Millivolt, 0x12 => On ? Centiampere * 10 : 0, 0x17 => Centiampere, 0x18 => Centivolt, _ => 0 };
            return [0xCA, 0xCB, (byte)(value >> 16), (byte)(value >> 8), (byte)value, 0xCE, 0xCF];
        }
    }
}
