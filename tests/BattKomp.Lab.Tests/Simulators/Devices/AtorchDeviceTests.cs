using BattKomp.Lab.Simulators.Instruments.Atorch;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators.Devices;

public sealed class AtorchDeviceTests
{
    [Fact]
    public void The_checksum_is_that_of_the_captures()
    {
        var captured = Hex("ff 55 01 02 00 00 20 00 4e 20 00 13 fa 00 00 00 11 00 00 00 00 00 00 00 00 25 00 02 21 1a 3c 00 00 00 00 09");
        Assert.Equal(captured, AtorchWire.Frame(AtorchWire.Report, captured.AsSpan(3, 32)));
        Assert.Equal(Hex("ff 55 02 01 01 00 00 40"), AtorchWire.Frame(AtorchWire.Reply, 1, 1, 0, 0));
    }

    [Fact]
    public void A_report_has_every_value_in_its_captured_place()
    {
        var rig = new DeviceRig("""{"type":"atorch-dl24","id":"SIM-DL24-1","cell":{"capacity_ah":20}}""");
        Set(rig, 0x03, 2, 50);
        Set(rig, 0x02, 2, 80);
        Set(rig, 0x01, 1, 0);
        rig.Advance(3661);
        var report = rig.First.TakeReport();
        Assert.Equal((36, 0x01, 0x02), (report.Length, report[2], report[3]));
        Assert.InRange(Number(report, 4, 3), 34, 38);
        Assert.Equal((2500, 254), (Number(report, 7, 3), Number(report, 10, 3)));
        Assert.Equal((1, 1, 1, 60), (Number(report, 26, 2), report[28], report[29], report[30]));
        Assert.Equal(3662, rig.First.NextReportSeconds, 1e-6);
    }

    [Fact]
    public void Cut_off_is_02_and_current_is_03_and_both_are_read_back()
    {
        var rig = new DeviceRig("""{"type":"atorch-dl24","id":"SIM-DL24-1"}""");
        Set(rig, 0x02, 3, 0);
        Set(rig, 0x03, 1, 25);
        Assert.Equal((125, 300), (Asked(rig, 0x17), Asked(rig, 0x18)));
        Assert.Equal(0, Asked(rig, 0x10));
    }

    [Fact]
    public void The_cut_off_and_the_time_limit_are_kept_by_the_device()
    {
        var rig = new DeviceRig("""{"type":"atorch-dl24","id":"SIM-DL24-1"}""");
        Set(rig, 0x03, 2, 0);
        Set(rig, 0x04, 0, 100);
        Set(rig, 0x01, 1, 0);
        rig.Advance(1000);
        Assert.Equal((0, 56), (Asked(rig, 0x10), Asked(rig, 0x14)));
        Assert.Equal("finished", rig.First.Read().State);

        Set(rig, 0x05, 0, 0);
        Set(rig, 0x04, 0, 0);
        Set(rig, 0x02, 3, 20);
        Set(rig, 0x01, 1, 0);
        rig.Advance(2 * 3600);
        Assert.Equal(0, Asked(rig, 0x10));
        Assert.InRange(rig.Cell.Soc, 0.0, 0.2);
    }

    [Fact]
    public void Framed_resets_are_answered_and_a_wrong_checksum_is_not()
    {
        var rig = new DeviceRig("""{"type":"atorch-dl24","id":"SIM-DL24-1"}""");
        Assert.Equal(Hex("ff 55 02 01 01 00 00 40"), rig.Send(Hex("ff 55 11 02 01 00 00 00 00 50")));
        Assert.Empty(rig.Send(Hex("ff 55 11 02 05 00 00 00 00 54")));
        Assert.Equal(Hex("ff 55 02 01 01 00 00 40"), rig.Send(Hex("ff 55 11 02 05 00 00 00 00 5c")));
    }

    private static void Set(DeviceRig rig, byte command, byte first, byte second) => Assert.Equal([0x6F], rig.Send(AtorchWire.Px100(command, first, second)));

    private static int Asked(DeviceRig rig, byte query)
    {
        var answer = rig.Send(AtorchWire.Px100(query));
        Assert.Equal((7, 0xCA, 0xCB, 0xCE, 0xCF), (answer.Length, answer[0], answer[1], answer[5], answer[6]));
        return Number(answer, 2, 3);
    }

    private static int Number(byte[] bytes, int at, int count) => bytes.AsSpan(at, count).ToArray().Aggregate(0, (sum, b) => sum << 8 | b);

    private static byte[] Hex(string hex) => Convert.FromHexString(hex.Replace(" ", ""));
}
