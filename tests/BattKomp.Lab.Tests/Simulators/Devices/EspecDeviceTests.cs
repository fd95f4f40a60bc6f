using Xunit;

namespace BattKomp.Lab.Tests.Simulators.Devices;

public sealed class EspecDeviceTests
{
    [Fact]
    public void Answers_have_the_form_of_the_vendors_tests()
    {
        var rig = new DeviceRig("""{"type":"espec","id":"SIM-CHAMBER-2","settings":{"room_celsius":26.4,"highest_celsius":140,"lowest_celsius":-50}}""");
        Assert.Equal("26.4,20.0,140.0,-50.0", rig.Ask("TEMP?", "\r\n"));
        Assert.Equal("OK:TEMP,S25", rig.Ask("TEMP,S25", "\r\n"));
        Assert.Equal("26.4,25.0,140.0,-50.0", rig.Ask("TEMP?", "\r\n"));
        Assert.Equal("NA:DATA OUT OF RANGE", rig.Ask("TEMP,S200", "\r\n"));
        Assert.Equal("NA:CMD ERR", rig.Ask("FLY", "\r\n"));
        Assert.StartsWith("SIM", rig.Ask("TYPE?", "\r\n"));
    }

    [Fact]
    public void It_regulates_while_constant_and_drifts_to_the_room_in_standby()
    {
        var rig = new DeviceRig("""{"type":"espec","id":"SIM-CHAMBER-2"}""");
        Assert.Equal("OK:MODE,CONSTANT", rig.Ask("MODE,CONSTANT"));
        rig.Ask("TEMP,S45");
        rig.Advance(3600);
        Assert.StartsWith("45.0,", rig.Ask("TEMP?"));
        Assert.Equal("CONSTANT", rig.Ask("MODE?"));
        rig.Ask("MODE,STANDBY");
        rig.Advance(20 * 3600);
        Assert.StartsWith("23.0,", rig.Ask("TEMP?"));
    }

    [Fact]
    public void With_an_address_only_requests_that_name_it_are_answered()
    {
        var rig = new DeviceRig("""{"type":"espec","id":"SIM-CHAMBER-2","settings":{"address":1}}""");
        Assert.Equal("", rig.Ask("TEMP?"));
        Assert.Equal("", rig.Ask("2,TEMP?"));
        Assert.StartsWith("23.0,", rig.Ask("1,TEMP?"));
    }

    [Fact]
    public void A_heater_that_is_stuck_goes_on_after_standby()
    {
        var rig = new DeviceRig("""{"type":"espec","id":"SIM-CHAMBER-2","faults":[{"kind":"stuck_relay","from_seconds":100}]}""");
        rig.Ask("TEMP,S45");
        rig.Ask("MODE,CONSTANT");
        rig.Advance(200);
        Assert.Equal("OK:MODE,STANDBY", rig.Ask("MODE,STANDBY"));
        rig.Advance(3600);
        Assert.StartsWith("45.0,", rig.Ask("TEMP?"));
    }
}
