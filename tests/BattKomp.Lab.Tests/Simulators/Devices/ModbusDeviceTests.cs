using System.Buffers.Binary;
using BattKomp.Lab.Simulators.Instruments.Modbus;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators.Devices;

/// <summary>The devices that speak Modbus RTU: Binder chamber, Riden supply, Daly BMS.</summary>
public sealed class ModbusDeviceTests
{
    private const string Chamber = """
        {"cells":{"A":{}},"instruments":[{"type":"binder-mk","id":"SIM-CHAMBER-1","settings":{"cells":["A"],"door_open":[[10000,10600]],"limit_celsius":50}},
          {"type":"ebc-a20","id":"SIM-EBC-1","cell_ref":"A"}]}
        """;

    [Theory]
    [InlineData("01 03 00 00 00 02 c4 0b")]
    [InlineData("01 03 04 00 00 03 e8 fa 8d")]
    [InlineData("01 10 01 0a 00 04 e0 34")]
    [InlineData("d2 03 00 3e 00 09 f7 a3")]
    [InlineData("01 90 02 cd c1")]
    public void The_crc_is_that_of_the_manuals(string hex)
    {
        var frame = Hex(hex);
        Assert.Equal(frame, ModbusWire.Seal(frame[..^2]));
    }

    [Fact]
    public void Words_of_a_captured_oven_are_low_word_first()
    {
        // 0x1581 = 0000, 0x1582 = 4234 is 45 degrees.
        var rig = new DeviceRig(Chamber);
        rig.Send(Write(1, 0x1581, 0x0000, 0x4234));
        Assert.Equal(45, Float(rig.Send(Read(1, 0x1581, 2))));
        Assert.Equal("0103040000" + "4234", Convert.ToHexStringLower(rig.Send(Read(1, 0x1581, 2)))[..14]);
    }

    [Fact]
    public void A_chamber_heats_no_faster_than_it_can_and_warms_the_cell_inside()
    {
        var rig = new DeviceRig(Chamber);
        rig.Send(Write(1, 0x1581, 0x0000, 0x4234));
        rig.Send(ModbusWire.Seal(1, 6, 0x1A, 0x22, 0x08, 0x00));
        rig.Advance(60);
        Assert.InRange(Float(rig.Send(Read(1, 0x11A9, 2))), 24, 26.01);
        rig.Advance(3600);
        Assert.Equal(45, Float(rig.Send(Read(1, 0x11A9, 2))), 0.01);
        Assert.Equal(45, Float(rig.Send(Read(1, 0x1077, 2))));
        Assert.Equal(45, rig.Bench.Cells["A"].Celsius, 0.5);
    }

    [Fact]
    public void An_open_door_and_a_limit_are_told_in_words()
    {
        var rig = new DeviceRig(Chamber);
        rig.Advance(10_100);
        Assert.Equal("DOOR OPEN", Text(rig.Send(Read(1, 0x1228, 20))));
        Assert.Equal(1, rig.Send(Read(1, 0x1007, 1))[4]);
        rig.Send(Write(1, 0x1581, 0x0000, 0x4270)); // 60, above the limit of 50
        rig.Send(ModbusWire.Seal(1, 6, 0x1A, 0x22, 0x08, 0x00));
        rig.Advance(3600);
        Assert.Equal("TEMPERATURE LIMIT", Text(rig.Send(Read(1, 0x1228, 20))));
        Assert.Equal((1, 0.0), (rig.Send(Read(1, 0x123D, 1))[4], rig.First.Read().Values["door_open"]));
        Assert.InRange(Float(rig.Send(Read(1, 0x11A9, 2))), 23, 50.5);
    }

    [Fact]
    public void Exceptions_tell_register_and_value()
    {
        var rig = new DeviceRig(Chamber);
        Assert.Equal(ModbusWire.Seal(1, 0x83, 2), rig.Send(Read(1, 0x2000, 1)));
        Assert.Equal(ModbusWire.Seal(1, 0x90, 2), rig.Send(Write(1, 0x1077, 0, 0)));
        Assert.Equal(ModbusWire.Seal(1, 0x90, 3), rig.Send(Write(1, 0x1581, 0, 0x4500)));
        Assert.Equal(ModbusWire.Seal(1, 0x83, 3), rig.Send(Read(1, 0, 126)));
        Assert.Equal(ModbusWire.Seal(1, 0xAB, 1), rig.Send(ModbusWire.Seal(1, 0x2B, 0, 0, 0, 0)));
        Assert.Empty(rig.Send(Read(2, 0x11A9, 2)));
        Assert.Equal(Hex("01 08 00 00 12 34 ed 7c"), rig.Send(Hex("01 08 00 00 12 34 ed 7c")));
    }

    [Fact]
    public void A_request_is_found_however_it_is_cut_and_after_rubbish() =>
        Gen.Select(Gen.Byte.Array[0, 40], Gen.Int[1, 8]).Sample((rubbish, cut) =>
        {
            var rig = new DeviceRig(Chamber);
            rig.Send(rubbish);
            var answers = Read(1, 0x11A9, 2).Chunk(cut).Select(part => rig.Send(part)).ToList();
            Assert.Equal(9, answers[^1].Length);
        }, iter: 200);

    [Fact]
    public void A_riden_sources_at_its_setpoints_and_never_sinks()
    {
        var rig = new DeviceRig("""{"type":"riden","id":"SIM-PSU-2"}""");
        Assert.Equal(60062, Word(rig.Send(Read(1, 0, 1)), 0));
        Assert.Equal(Hex("01 06 00 08 04 b0 0b 7c"), rig.Send(Hex("01 06 00 08 04 b0 0b 7c")));
        rig.Send(ModbusWire.Seal(1, 6, 0, 8, 0x01, 0xA4)); // 4.20 V
        rig.Send(ModbusWire.Seal(1, 6, 0, 9, 0x03, 0xE8)); // 1.000 A
        rig.Send(Hex("01 06 00 12 00 01 e8 0f"));
        rig.Advance(3600);
        var reply = rig.Send(Hex("01 03 00 0a 00 04 64 0b"));
        Assert.InRange(Word(reply, 0), 370, 421);
        Assert.Equal(1000, Word(reply, 1));
        Assert.Equal(1000, Word(rig.Send(Read(1, 38, 2)), 1), 1.0);
        rig.Send(ModbusWire.Seal(1, 6, 0, 8, 0x01, 0x2C)); // 3.00 V, below the cell: no current
        rig.Advance(10);
        Assert.Equal(0, Word(rig.Send(Read(1, 11, 1)), 0));
        Assert.Equal(ModbusWire.Seal(1, 0x86, 2), rig.Send(ModbusWire.Seal(1, 6, 0, 54, 0, 1)));
    }

    [Fact]
    public void A_ridens_clock_steps_and_drifts_as_the_script_says()
    {
        var rig = new DeviceRig("""{"type":"riden","id":"SIM-PSU-2","faults":[{"kind":"clock_step","seconds":3600,"from_seconds":100,"to_seconds":200},{"kind":"back_jump","seconds":7200,"from_seconds":300}]}""");
        Assert.Equal(12, Word(rig.Send(Read(1, 51, 1)), 0));
        rig.Advance(150);
        Assert.Equal(13, Word(rig.Send(Read(1, 51, 1)), 0));
        rig.Advance(100);
        Assert.Equal(12, Word(rig.Send(Read(1, 51, 1)), 0));
        rig.Advance(100);
        Assert.Equal(10, Word(rig.Send(Read(1, 51, 1)), 0));
    }

    [Fact]
    public void A_daly_answers_the_captured_requests_in_the_captured_places()
    {
        var rig = new DeviceRig("""{"type":"daly","id":"SIM-BMS-2","cell":{"series":4,"capacity_ah":10}}""");
        var reply = rig.Send(Hex("d2 03 00 00 00 3e d7 b9"));
        Assert.Equal((0xD2, 0x03, 0x7C, 129), (reply[0], reply[1], reply[2], reply.Length));
        Assert.Equal(3724, Word(reply, 0));
        Assert.Equal((149, 30_000, 500, 50, 4), (Word(reply, 40), Word(reply, 41), Word(reply, 42), Word(reply, 48), Word(reply, 49)));
        Assert.Equal(65, Word(rig.Send(Hex("d2 03 00 3e 00 09 f7 a3")), 4));
    }

    private static byte[] Read(byte unit, int address, int count) => ModbusWire.Seal(unit, 3, (byte)(address >> 8), (byte)address, 0, (byte)count);

    private static byte[] Write(byte unit, int address, ushort low, ushort high) =>
        ModbusWire.Seal(unit, 0x10, (byte)(address >> 8), (byte)address, 0, 2, 4, (byte)(low >> 8), (byte)low, (byte)(high >> 8), (byte)high);

    private static int Word(byte[] reply, int index) => BinaryPrimitives.ReadUInt16BigEndian(reply.AsSpan(3 + 2 * index));

    private static float Float(byte[] reply) => BitConverter.Int32BitsToSingle(Word(reply, 1) << 16 | Word(reply, 0));

    private static string Text(byte[] reply) => string.Concat(Enumerable.Range(0, 20).Select(i => (char)Word(reply, i))).Trim();

    private static byte[] Hex(string hex) => Convert.FromHexString(hex.Replace(" ", ""));
}
