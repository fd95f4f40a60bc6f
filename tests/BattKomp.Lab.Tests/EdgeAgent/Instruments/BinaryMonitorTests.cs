using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.JbdUart;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Instruments.VellemanK8090;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

public class BinaryMonitorTests
{
    // jbd-uart-15, jbd-uart-16, jbd-uart-08, jbd-uart-12, daly-modbus-02, daly-modbus-04.
    private static readonly byte[] Basic = Bytes("dd 03 00 1d 06 18 fe e1 01 f2 01 f4 00 2a 2c 7c 00 00 00 00 00 00 80 64 03 04 03 0b 8b 0b 8a 0b 84 f8 84 77");
    private static readonly byte[] Cells = Bytes("dd 04 00 08 0d 66 0d 61 0d 68 0d 59 fe 3c 77");
    private static readonly byte[] Hardware = Bytes("dd 05 00 19 4a 42 44 2d 53 50 30 34 53 30 33 34 2d 4c 34 53 2d 32 30 30 41 2d 42 2d 55 fa 08 77");
    private static readonly byte[] MosDone = Bytes("dd e1 00 00 00 00 77");
    private static readonly byte[] DalyPack = Bytes("d2 03 7c 10 1f 10 29 10 33 10 3d 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 3c 00 3d 00 3e 00 3f 00 00 00 00 00 00 00 00 00 8c 75 4e 03 84 10 3d 10 1f 00 00 00 00 00 00 0d 80 00 04 00 04 00 39 00 01 00 00 00 01 10 2e 01 41 00 2a 00 00 00 00 00 00 00 00 a0 df");
    private static readonly byte[] DalyMos = Bytes("d2 03 12 00 00 00 00 75 30 00 00 00 4e ff ff ff ff ff ff ff ff 0b 4e");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_JBD_pack_is_read_by_name_charging_positive()
    {
        await using var session = await new ScriptedLine(Jbd(Basic)).ConnectAsync<JbdSession>("jbd-uart", cancel: Cancel);
        Assert.Equal("JBD-SP04S034-L4S-200A-B-U", session.Identity);
        var reading = await session.NextAsync(Cancel);
        Assert.Equal((15.6, -2.87, 22.4, ""), (reading.Volt, reading.Ampere, reading.Celsius, reading.DeviceAlarm));
        var values = Named("jbd-uart", reading);
        Assert.Equal((100.0, 4.98, 42.0, 3.43, 3.417), (values["state_of_charge_percent"], values["remaining_capacity_ah"], values["bms_cycle_count"], values["cell_1_voltage_volt"], values["cell_4_voltage_volt"]));
        Assert.True(double.IsNaN(values["cell_5_voltage_volt"]));
    }

    [Fact]
    public async Task A_JBD_protection_is_the_devices_alarm_in_words()
    {
        var over = (byte[])Basic.Clone();
        over[21] = 0x01;
        over[20] = 0x04;
        var sum = JbdCodec.Checksum(over.AsSpan(2, over.Length - 5));
        (over[^3], over[^2]) = ((byte)(sum >> 8), (byte)sum);
        await using var session = await new ScriptedLine(Jbd(over)).ConnectAsync<JbdSession>("jbd-uart", cancel: Cancel);
        Assert.Equal("cell over-voltage, short circuit", session.Last!.DeviceAlarm);
    }

    [Fact]
    public async Task A_JBDs_switches_are_set_only_on_explicit_demand_and_proved_by_the_packs_status()
    {
        var line = new ScriptedLine(Jbd(Basic));
        await using var session = await line.ConnectAsync<JbdSession>("jbd-uart", cancel: Cancel);
        Assert.DoesNotContain(line.Sent, s => s[1] == JbdCodec.WriteMark);
        // This pack acknowledges and keeps both switches closed.
        Assert.False(await session.SetSwitchesAsync(chargeOn: false, dischargeOn: true, Cancel));
        Assert.True(await session.SetSwitchesAsync(chargeOn: true, dischargeOn: true, Cancel));
        Assert.Contains(line.Sent, s => s.AsSpan().SequenceEqual(Bytes("dd 5a e1 02 00 01 ff 1c 77")));
    }

    [Fact]
    public async Task A_Daly_pack_is_read_by_name()
    {
        await using var session = await new ScriptedLine(r => r[3] == 0 ? DalyPack : DalyMos).ConnectAsync<IInstrumentSession>("daly-modbus", cancel: Cancel);
        var values = Named("daly-modbus", session.Last!);
        Assert.Equal((14.0, 3.0, 90.0, 57.0, 38.0), (values["voltage_volt"], values["current_ampere"], values["state_of_charge_percent"], values["bms_cycle_count"], values["switch_temperature_celsius"]));
        Assert.Equal((4.157, 20.0), (values["cell_4_voltage_volt"], values["temperature_1_celsius"]));
    }

    [Fact]
    public async Task A_silent_instrument_is_an_error_that_names_the_question()
    {
        var line = new ScriptedLine(_ => null);
        var error = await Assert.ThrowsAnyAsync<IOException>(() => line.ConnectAsync<JbdSession>("jbd-uart", cancel: Cancel));
        Assert.Contains("05", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<IOException>(async () => await line.Input.ReadAsync(Cancel));
    }

    [Fact]
    public async Task The_relay_card_opens_relays_and_proves_it_by_its_own_status()
    {
        var card = new Card { Closed = 0b1010_0101 };
        await using var k8090 = new K8090Card(new ScriptedLine(card.Answer), TimeProvider.System);
        Assert.Equal(0b1010_0101, await k8090.StatusAsync(Cancel));
        Assert.True(await k8090.OpenAsync(0b0000_0101, Cancel));
        Assert.Equal(0b1010_0000, await k8090.StatusAsync(Cancel));
        Assert.True(await k8090.CloseAsync(0b0000_0001, Cancel));
        Assert.Equal(0b1010_0001, card.Closed);
        Assert.Equal("2010 week 1", await k8090.FirmwareAsync(Cancel));
    }

    [Fact]
    public async Task An_order_that_the_card_misses_is_sent_again_and_a_stuck_relay_is_told_within_the_bound()
    {
        var card = new Card { Closed = 1, Deaf = 1 };
        await using var k8090 = new K8090Card(new ScriptedLine(card.Answer), TimeProvider.System);
        Assert.True(await k8090.OpenAsync(1, Cancel));
        (card.Closed, card.Stuck) = (1, 1);
        var started = Stopwatch.GetTimestamp();
        Assert.False(await k8090.OpenAsync(1, Cancel));
        Assert.True(Stopwatch.GetElapsedTime(started) < K8090Card.Bound);
        card.Deaf = int.MaxValue;
        started = Stopwatch.GetTimestamp();
        Assert.False(await k8090.OpenAsync(1, Cancel));
        Assert.True(Stopwatch.GetElapsedTime(started) < K8090Card.Bound);
    }

    [Fact]
    public async Task The_relay_cards_states_are_recorded_and_a_button_in_between_is_no_answer()
    {
        var card = new Card { Closed = 0b10, Chatter = K8090Codec.Encode(K8090Code.ButtonStatus, 1, 1) };
        await using var session = await new ScriptedLine(card.Answer).ConnectAsync<IInstrumentSession>("velleman-k8090", cancel: Cancel);
        Assert.Equal([0, 1, 0, 0, 0, 0, 0, 0], session.Last!.Values);
        Assert.Equal("Velleman K8090 firmware 2010 week 1", session.Identity);
    }

    private static Func<byte[], byte[]?> Jbd(byte[] basic) => request => (request[1], request[2]) switch
    {
        (JbdCodec.ReadMark, 3) => [.. basic, 0, 0, 0, 0, 0, 0],
        (JbdCodec.ReadMark, 4) => Cells,
        (JbdCodec.ReadMark, 5) => Hardware,
        (JbdCodec.WriteMark, 0xE1) => MosDone,
        _ => null,
    };

    private static Dictionary<string, double> Named(string protocol, Reading reading)
    {
        var driver = InstrumentCatalogue.Drivers[protocol];
        Assert.Equal(driver.Signals.Count, reading.Values.Length);
        Assert.Equal(driver.Texts.Count, reading.Texts.Length);
        return driver.Signals.Zip(reading.Values).ToDictionary(p => p.First, p => p.Second);
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    private sealed class Card
    {
        public byte Closed { get; set; }

        public byte Stuck { get; set; }

        public int Deaf { get; set; }

        public byte[] Chatter { get; init; } = [];

        public byte[]? Answer(byte[] request)
        {
            var (code, mask) = ((K8090Code)request[1], request[2]);
            if (Deaf > 0 && Deaf-- > 0)
                return null;
            var before = Closed;
            if (code == K8090Code.SwitchOff)
                Closed &= (byte)(~mask | Stuck);
            if (code == K8090Code.SwitchOn)
                Closed |= mask;
            return code switch
            {
                K8090Code.QueryRelays => [.. Chatter, .. K8090Codec.Encode(K8090Code.RelayStatus, Closed, Closed)],
                K8090Code.Firmware => K8090Codec.Encode(K8090Code.Firmware, 0xFF, 10, 1),
                // The card tells of every change unasked.
                _ when before != Closed => K8090Codec.Encode(K8090Code.RelayStatus, before, Closed),
                _ => null,
            };
        }
    }
}
