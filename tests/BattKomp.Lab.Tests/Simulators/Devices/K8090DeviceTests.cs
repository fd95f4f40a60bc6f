using BattKomp.Lab.Simulators.Instruments.Ebc;
using BattKomp.Lab.Simulators.Instruments.K8090;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators.Devices;

public sealed class K8090DeviceTests
{
    [Fact]
    public void The_manuals_commands_switch_and_each_change_is_told()
    {
        var rig = new DeviceRig("""{"type":"velleman-k8090","id":"SIM-RELAY-1"}""");
        Assert.Equal(Convert.ToHexStringLower(K8090Device.Frame(0x51, 0, 5)), rig.Hex("04 11 05 00 00 e6 0f"));
        Assert.Equal("", rig.Hex("04 11 05 00 00 e6 0f"));
        Assert.Equal(Convert.ToHexStringLower(K8090Device.Frame(0x51, 5, 5)), rig.Hex("04 18 00 00 00 e4 0f"));
        Assert.Equal(Convert.ToHexStringLower(K8090Device.Frame(0x51, 5, 0)), rig.Hex("04 12 ff 00 00 eb 0f"));
        Assert.StartsWith("0471", rig.Hex("04 71 00 00 00 8b 0f"));
        Assert.Equal("", rig.Hex("04 71 ff 0a 01 82 0f"));
    }

    [Fact]
    public void A_timed_relay_falls_by_itself_and_says_so()
    {
        var rig = new DeviceRig("""{"type":"velleman-k8090","id":"SIM-RELAY-1"}""");
        rig.Send(K8090Device.Frame(0x41, 0x80, 0, 10));
        Assert.Equal(10, rig.First.NextReportSeconds);
        rig.Advance(10);
        Assert.Equal(K8090Device.Frame(0x51, 0x80), rig.First.TakeReport());
        Assert.Equal(double.PositiveInfinity, rig.First.NextReportSeconds);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_relay_interrupts_the_circuit_that_it_names(bool closedWhenOn)
    {
        var rig = Interlock(closedWhenOn, "");
        rig.Send("SIM-EBC-1", EbcWire.Command(0x01, 100, 300));
        if (closedWhenOn) rig.Send(K8090Device.Frame(0x11, 2));
        rig.Advance(100);
        Assert.Equal(100 / 3600.0 * 1000, rig["SIM-EBC-1"].Read().DischargeMah, 1e-6);
        rig.Send(K8090Device.Frame((byte)(closedWhenOn ? 0x12 : 0x11), 2));
        rig.Advance(100);
        Assert.Equal(100 / 3600.0 * 1000, rig["SIM-EBC-1"].Read().DischargeMah, 1e-6);
        Assert.Equal(0, rig["SIM-EBC-1"].Read().Ampere);
    }

    [Fact]
    public void A_welded_contact_is_told_as_open_and_carries_on()
    {
        var rig = Interlock(true, """,{"kind":"stuck_relay","from_seconds":50,"to_seconds":200}""");
        rig.Send("SIM-EBC-1", EbcWire.Command(0x01, 100, 300));
        rig.Send(K8090Device.Frame(0x11, 2));
        rig.Advance(100);
        Assert.Equal(K8090Device.Frame(0x51, 2, 0), rig.Send(K8090Device.Frame(0x12, 2)));
        rig.Advance(50);
        Assert.Equal(-1, rig["SIM-EBC-1"].Read().Ampere);
        Assert.Equal((0, 2), (rig.First.Read().Values["relays"], rig.First.Read().Values["contacts"]));
        rig.Advance(60);
        Assert.Equal(0, rig.First.Read().Values["contacts"]);
        rig.Advance(1);
        Assert.Equal(0, rig["SIM-EBC-1"].Read().Ampere);
    }

    private static DeviceRig Interlock(bool closedWhenOn, string fault) => new($$"""
        {"instruments":[
          {"type":"velleman-k8090","id":"SIM-RELAY-1","settings":{"opens":["SIM-EBC-1:2"],"closed_when_on":{{(closedWhenOn ? "true" : "false")}}},"faults":[{{fault.TrimStart(',')}}]},
          {"type":"ebc-a20","id":"SIM-EBC-1"}]}
        """);
}
