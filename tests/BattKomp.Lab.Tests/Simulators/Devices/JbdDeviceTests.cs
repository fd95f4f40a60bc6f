using System.Buffers.Binary;
using System.Text;
using BattKomp.Lab.Simulators.Instruments.Jbd;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators.Devices;

public sealed class JbdDeviceTests
{
    private const string Pack = """
        {"cells":{"pack":{"series":4,"soc_spread":0.01,"capacity_ah":5}},"instruments":[
          {"type":"jbd-uart","id":"SIM-BMS-1","cell_ref":"pack","settings":{"sensors":3}},
          {"type":"scpi","id":"SIM-PSU-1","cell_ref":"pack"}]}
        """;

    [Fact]
    public void The_captured_requests_are_answered_in_the_captured_shape()
    {
        var rig = new DeviceRig(Pack);
        var basic = rig.Send(Hex("dd a5 03 00 ff fd 77"));
        Assert.Equal((0xDD, 0x03, 0, 0x1D, 36), (basic[0], basic[1], basic[2], basic[3], basic.Length));
        Assert.Equal((4, 3, 3), (basic[4 + 21], basic[4 + 22], basic[4 + 20]));
        Assert.Equal((250, 500), (Word(basic, 8), Word(basic, 10)));
        Assert.InRange(Word(basic, 4), 1480, 1500);
        Assert.Equal(25.0, Word(basic, 27) / 10.0 - 273.1, 0.11);

        var cells = rig.Send(Hex("dd a5 04 00 ff fc 77"));
        Assert.Equal(Word(basic, 4) * 10.0, Enumerable.Range(0, 4).Sum(i => Word(cells, 4 + 2 * i)), 10.0);
        Assert.True(Word(cells, 10) > Word(cells, 4));

        var model = rig.Send(JbdWire.Request(JbdWire.Reading, 0x05));
        Assert.StartsWith("SIM-JBD", Encoding.ASCII.GetString(model, 4, model[3]));
    }

    [Fact]
    public void The_acknowledgement_of_a_switch_is_the_captured_one_and_stops_the_current()
    {
        var rig = new DeviceRig(Pack);
        rig.Send("SIM-PSU-1", "VOLT 16.4;CURR 2;OUTP ON\n"u8.ToArray());
        rig.Advance(10);
        Assert.Equal(200, Word(rig.Send(Hex("dd a5 03 00 ff fd 77")), 6));

        Assert.Equal("dde10000000077", rig.Hex("dd 5a e1 02 00 01 ff 1c 77"));
        rig.Advance(10);
        var basic = rig.Send(Hex("dd a5 03 00 ff fd 77"));
        Assert.Equal((0, 2), (Word(basic, 6), basic[24]));
        Assert.Equal("dde10000000077", rig.Hex("dd 5a e1 02 00 00 ff 1d 77"));
        rig.Advance(10);
        Assert.Equal(200, Word(rig.Send(Hex("dd a5 03 00 ff fd 77")), 6));
    }

    [Fact]
    public void A_discharge_reads_negative_and_counts_down()
    {
        var rig = new DeviceRig(Pack);
        rig.Send("SIM-PSU-1", "VOLT 12;CURR -2.5;OUTP ON\n"u8.ToArray());
        rig.Advance(1800);
        var basic = rig.Send(Hex("dd a5 03 00 ff fd 77"));
        Assert.Equal(-250, (short)Word(basic, 6));
        Assert.InRange(Word(basic, 8), 124, 126);
        Assert.Equal(25, basic[4 + 19]);
    }

    [Fact]
    public void A_cell_too_high_ends_charging_until_it_is_released()
    {
        var rig = new DeviceRig(Pack);
        rig.Send("SIM-PSU-1", "VOLT 18;CURR 5;OUTP ON\n"u8.ToArray());
        rig.Advance(3 * 3600);
        var basic = rig.Send(Hex("dd a5 03 00 ff fd 77"));
        Assert.Equal((0, 1, 2), (Word(basic, 6), Word(basic, 20) & 1, basic[24]));
        Assert.Equal(0, rig["SIM-PSU-1"].Read().Ampere);
    }

    [Fact]
    public void An_unknown_register_is_an_error_answer_and_a_spoiled_request_none()
    {
        var rig = new DeviceRig(Pack);
        var answer = rig.Send(JbdWire.Request(JbdWire.Reading, 0x77));
        Assert.Equal((0x80, 0), (answer[2], answer[3]));
        Assert.Empty(rig.Send(Hex("dd a5 03 00 ff fe 77")));
        Assert.Equal(36, rig.Send(Hex("dd a5 03 00 ff fd 77")).Length);
    }

    [Fact]
    public void Requests_are_found_however_the_bytes_are_cut_and_between_rubbish() =>
        Gen.Select(Gen.Byte[0, 0xDC].Array[0, 20], Gen.Int[1, 9], Gen.Int[1, 5]).Sample((rubbish, cut, times) =>
        {
            byte[] stream = [.. Enumerable.Repeat((byte[])[.. rubbish, .. Hex("dd a5 04 00 ff fc 77")], times).SelectMany(b => b)];
            var reader = new JbdRequestReader();
            Assert.Equal(times, stream.Chunk(cut).Sum(chunk => reader.Take(chunk).Count));
            Assert.Equal(rubbish.Length * times, reader.Skipped);
        });

    private static int Word(byte[] frame, int at) => at == 6 && frame[1] == 0x03
        ? BinaryPrimitives.ReadInt16BigEndian(frame.AsSpan(at))
        : BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(at));

    private static byte[] Hex(string hex) => Convert.FromHexString(hex.Replace(" ", ""));
}
