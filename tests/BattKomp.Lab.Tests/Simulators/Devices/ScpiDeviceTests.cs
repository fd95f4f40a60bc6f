using System.Globalization;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Scpi;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators.Devices;

public sealed class ScpiDeviceTests
{
    [Theory]
    [InlineData("generic")]
    [InlineData("kepco")]
    [InlineData("ea")]
    [InlineData("aimtti")]
    public void Every_profile_says_that_it_is_a_simulator(string profile) => Assert.StartsWith("SIM,", Supply(profile).Ask("*IDN?"));

    [Fact]
    public void It_charges_at_constant_current_then_holds_the_voltage()
    {
        var rig = Supply("generic");
        rig.Ask("VOLT 4.2;CURR 2.5;OUTP ON");
        rig.Advance(60);
        Assert.Equal(2.5, Number(rig, "MEAS:CURR?"), 1e-3);
        Assert.Equal("1", rig.Ask("OUTP?"));
        rig.Advance(3 * 3600);
        Assert.Equal(4.2, Number(rig, "MEASure:SCALar:VOLTage:DC?"), 2e-3);
        Assert.InRange(Number(rig, "MEAS:CURR?"), 0, 0.2);
        Assert.Equal("0,\"No error\"", rig.Ask("SYST:ERR?"));
    }

    [Fact]
    public void A_negative_current_sinks_down_to_the_voltage_and_no_further()
    {
        var rig = Supply("generic");
        rig.Ask("VOLT 3.2;CURR -1.25;OUTP 1");
        rig.Advance(60);
        Assert.Equal(-1.25, Number(rig, "MEAS:CURR?"), 1e-3);
        rig.Advance(4 * 3600);
        Assert.Equal(3.2, Number(rig, "MEAS:VOLT?"), 5e-3);
        Assert.InRange(Number(rig, "MEAS:CURR?"), -0.2, 0);
    }

    [Fact]
    public void The_watchdog_opens_the_output_when_nothing_is_said_and_stays_latched()
    {
        var rig = Supply("generic");
        rig.Ask("OUTP:PROT:WDOG:DEL 10;:OUTP:PROT:WDOG ON;VOLT 4.2;CURR 1;OUTP ON");
        for (var i = 0; i < 5; i++)
        {
            rig.Advance(9);
            Assert.Equal("1", rig.Ask("OUTP?"));
        }
        rig.Advance(30);
        Assert.Equal("0", rig.Ask("OUTP?"));
        Assert.Equal("WDOG", rig.Ask("OUTP:PROT:TRIP?"));
        Assert.Equal((45 + 10) / 3600.0, rig.Cell.ChargeAh, 1e-6);
        rig.Ask("OUTP ON");
        Assert.StartsWith("-222", rig.Ask("SYST:ERR?"));
        rig.Ask("OUTP:PROT:CLE;:OUTP ON");
        Assert.Equal("1", rig.Ask("OUTP?"));
    }

    [Fact]
    public void Over_voltage_switches_off()
    {
        var rig = Supply("generic");
        rig.Ask("VOLT:PROT 3.9;VOLT 4.2;CURR 5;OUTP ON");
        rig.Advance(4 * 3600);
        Assert.Equal(("0", "1"), (rig.Ask("OUTP?"), rig.Ask("VOLT:PROT:TRIP?")));
    }

    [Fact]
    public void Ea_sets_nothing_before_it_is_locked()
    {
        var rig = Supply("ea");
        rig.Ask("VOLT 4");
        Assert.StartsWith("-203", rig.Ask("SYST:ERR?"));
        rig.Ask("SYST:LOCK 1;VOLT 4");
        Assert.Equal(4, Number(rig, "VOLT?"));
        Assert.Equal("0,\"No error\"", rig.Ask("SYST:ERR?"));
    }

    [Fact]
    public void Tdk_is_silent_before_its_address_and_answers_sets_after()
    {
        var rig = Supply("tdk");
        Assert.Equal("", rig.Ask("IDN?", "\r"));
        Assert.Equal("", rig.Ask("ADR 5", "\r"));
        Assert.Equal("OK", rig.Ask("ADR 6", "\r"));
        Assert.StartsWith("SIM", rig.Ask("IDN?", "\r"));
        Assert.Equal("OK", rig.Ask("PV 4.1", "\r"));
        Assert.Equal("4.1", rig.Ask("PV?", "\r"));
        Assert.Equal("4.1", rig.Ask("VOLT?", "\r"));
    }

    [Fact]
    public void Aimtti_echoes_headers_and_units_and_only_sinks()
    {
        var rig = Supply("aimtti");
        rig.Ask("MODE C;A 1.5;DROP 3;INP 1");
        rig.Advance(10);
        Assert.Equal(("INP 1", "MODE C", "A 1.5A", "1.5A"), (rig.Ask("INP?"), rig.Ask("MODE?"), rig.Ask("A?"), rig.Ask("I?")));
        Assert.Matches(@"^3\.\d+V$", rig.Ask("V?"));
        Assert.Equal(-1.5, rig.First.Read().Ampere, 1e-9);
        rig.Ask("MODE P;A 10.5");
        rig.Advance(1);
        Assert.Equal("A 10.5W", rig.Ask("A?"));
    }

    [Fact]
    public void Kepco_reads_back_a_little_off_and_in_exponents()
    {
        var rig = Supply("kepco");
        rig.Ask("CURR 0.1");
        Assert.Equal("9.989E-2", rig.Ask("CURRent?"));
    }

    [Fact]
    public void What_it_cannot_do_is_refused_and_queued()
    {
        var rig = Supply("generic");
        rig.Ask("VOLT 61");
        rig.Ask("FLY 1");
        Assert.StartsWith("-222", rig.Ask("SYST:ERR?"));
        Assert.StartsWith("-113", rig.Ask("SYST:ERR?"));
        Assert.Equal(2, rig.First.Read().Refused);
    }

    [Fact]
    public void A_stuck_stage_acknowledges_off_and_goes_on()
    {
        var rig = new DeviceRig("""{"type":"scpi","id":"SIM-1","faults":[{"kind":"stuck_relay","from_seconds":5}]}""");
        rig.Ask("VOLT 4.2;CURR 1;OUTP ON");
        rig.Advance(10);
        rig.Ask("OUTP OFF");
        rig.Advance(10);
        Assert.Equal("0", rig.Ask("OUTP?"));
        Assert.Equal(1, Number(rig, "MEAS:CURR?"), 1e-6);
        Assert.Equal(1, rig.Context.Counts.Snapshot()["stuck_relay"]);
    }

    [Fact]
    public void A_clamped_setpoint_is_taken_silently_and_seen_in_the_read_back()
    {
        var rig = new DeviceRig("""{"type":"scpi","id":"SIM-1","faults":[{"kind":"setpoint_clamped","quantity":"ampere","limit":1}]}""");
        rig.Ask("VOLT 4.2;CURR 2");
        Assert.Equal((4.2, 1.0), (Number(rig, "VOLT?"), Number(rig, "CURR?")));
        Assert.Equal("0,\"No error\"", rig.Ask("SYST:ERR?"));
    }

    [Fact]
    public void A_stuck_reading_stands_still_while_current_flows()
    {
        var rig = new DeviceRig("""{"type":"scpi","id":"SIM-1","faults":[{"kind":"stuck_value","quantity":"volt","from_seconds":10,"to_seconds":1000}]}""");
        rig.Ask("VOLT 4.2;CURR 2;OUTP ON");
        rig.Advance(20);
        var stuck = rig.Ask("MEAS:VOLT?");
        rig.Advance(500);
        Assert.Equal(stuck, rig.Ask("MEAS:VOLT?"));
        Assert.Equal(1, rig.Context.Counts.Snapshot()["stuck_value"]);
        rig.Advance(500);
        Assert.NotEqual(stuck, rig.Ask("MEAS:VOLT?"));
    }

    [Fact]
    public void Random_text_never_upsets_it() =>
        Gen.Byte.Array[0, 2000].Sample(bytes =>
        {
            var rig = Supply("generic");
            rig.Send(bytes);
            rig.Ask("");
            Assert.StartsWith("SIM,", rig.Ask("*IDN?"));
        }, iter: 100);

    [Theory]
    [InlineData("output:state", true)]
    [InlineData("OUTP", true)]
    [InlineData(":OUTPUT", true)]
    [InlineData("OUTPU", false)]
    [InlineData("OUTP:STAT:X", false)]
    public void Both_forms_of_a_header_are_understood_and_nothing_between(string said, bool means) =>
        Assert.Equal(means, new ScpiHeader("OUTPut[:STATe]").Matches(said));

    [Fact]
    public void Settings_that_cannot_be_are_named()
    {
        Assert.Contains("max_volt", Assert.Throws<ConfigException>(() => new DeviceRig("""{"type":"scpi","id":"SIM-1","settings":{"max_volt":-1}}""")).Message);
        Assert.Contains("colour", Assert.Throws<ConfigException>(() => new DeviceRig("""{"type":"scpi","id":"SIM-1","settings":{"colour":1}}""")).Message);
    }

    private static double Number(DeviceRig rig, string ask) => double.Parse(rig.Ask(ask), CultureInfo.InvariantCulture);

    private static DeviceRig Supply(string profile) => new($$"""{"type":"scpi","id":"SIM-PSU-1","settings":{"profile":"{{profile}}"} }""");
}
