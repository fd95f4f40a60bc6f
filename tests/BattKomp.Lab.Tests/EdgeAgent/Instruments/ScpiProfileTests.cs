using System.Buffers;
using BattKomp.Lab.EdgeAgent.Instruments.Scpi;
using BattKomp.Lab.V1;
using CsCheck;
using Xunit;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

public class ScpiProfileTests
{
    [Fact]
    public void The_profiles_that_come_with_the_agent_read_without_a_mistake() =>
        Assert.Equal(["aimtti-ld400p", "ea-psb", "kepco-bop", "sim", "tdk-genesys"], ScpiProfiles.BuiltIn.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void A_profile_tells_all_its_mistakes_with_path_and_remedy()
    {
        Assert.Null(ScpiProfiles.Parse("""{"name":"x","volt":{"set":"VOLT","ask":"VOLT?"},"on":"*TST?","ending":"nul","colour":"red"}""", out var mistakes));
        Assert.Contains(mistakes, m => m.Contains("line 1: $.volt.set", StringComparison.Ordinal) && m.Contains("{0}", StringComparison.Ordinal));
        Assert.Contains(mistakes, m => m.Contains("line 1: $.on", StringComparison.Ordinal) && m.Contains("self-test", StringComparison.Ordinal));
        Assert.Contains(mistakes, m => m.Contains("line 1: $.ending", StringComparison.Ordinal) && m.Contains("crlf", StringComparison.Ordinal));
        Assert.Contains(mistakes, m => m.Contains("line 1: $.ampere", StringComparison.Ordinal));
        Assert.Contains(mistakes, m => m.Contains("line 1: $.colour", StringComparison.Ordinal));
        Assert.Contains(mistakes, m => m.Contains("line 1: $.identities", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("*TST?")]
    [InlineData("DIAG:TST?")]
    [InlineData("DIAGnostic:TEST")]
    [InlineData("VOLT 1;*tst?")]
    [InlineData(":CALibration:VOLT 1")]
    public void Self_tests_and_calibrations_cannot_be_sent(string command) => Assert.True(AsciiLine.IsForbidden(command));

    [Theory]
    [InlineData("VOLT 4.2")]
    [InlineData("OUTP:PROT:WDOG ON")]
    [InlineData("MEAS:CURR?")]
    public void Ordinary_commands_can_be_sent(string command) => Assert.False(AsciiLine.IsForbidden(command));

    [Fact]
    public void Each_profile_refuses_what_its_device_cannot_do()
    {
        var charge = new Step { Kind = Kind.CccvCharge, Ampere = 1, Volt = 4.2, MaxSeconds = 60 };
        var discharge = new Step { Kind = Kind.CcDischarge, Ampere = 1, Volt = 3, MaxSeconds = 60 };
        var power = new Step { Kind = Kind.CpDischarge, Watt = 5, Volt = 3, MaxSeconds = 60 };
        Assert.Contains("only sinks", ScpiProfiles.BuiltIn["aimtti-ld400p"].Fault(charge), StringComparison.Ordinal);
        Assert.Contains("only sources", ScpiProfiles.BuiltIn["tdk-genesys"].Fault(discharge), StringComparison.Ordinal);
        Assert.Contains("no constant power", ScpiProfiles.BuiltIn["kepco-bop"].Fault(power), StringComparison.Ordinal);
        Assert.Null(ScpiProfiles.BuiltIn["aimtti-ld400p"].Fault(power));
        Assert.NotNull(ScpiProfiles.BuiltIn["kepco-bop"].Fault(new Step { Kind = Kind.Eis }));
    }

    [Fact]
    public void A_sunk_current_is_negative_where_one_command_serves_both_directions_and_a_magnitude_elsewhere()
    {
        var discharge = new Step { Kind = Kind.CcDischarge, Ampere = 1.5, Volt = 3, MaxSeconds = 60 };
        Assert.Equal(-1.5, ScpiPlan.Of(discharge, ScpiProfiles.BuiltIn["kepco-bop"], null).Level);
        Assert.Equal(1.5, ScpiPlan.Of(discharge, ScpiProfiles.BuiltIn["aimtti-ld400p"], null).Level);
        var ea = ScpiPlan.Of(discharge, ScpiProfiles.BuiltIn["ea-psb"], null);
        Assert.Equal(("SINK:CURR {0}", 1.5), (ea.Value.Set, ea.Level));
    }

    [Fact]
    public void Kepcos_readback_of_a_tenth_of_an_ampere_counts_as_the_same() =>
        Assert.True(ScpiProfiles.BuiltIn["kepco-bop"].Same(0.1, 0.09989));

    [Fact]
    public void Any_bytes_give_lines_in_bounded_steps_and_the_next_line_is_read() => Gen.Byte.Array[0, 64 * 1024].Sample(noise =>
    {
        var input = new ReadOnlySequence<byte>([.. noise, (byte)'\n', .. "3.14V\r\n"u8]);
        var last = "";
        while (AsciiLine.TryLine(ref input, out var line))
            last = line;
        return last == "3.14V" && ScpiText.Number(last) == 3.14;
    }, iter: 100);

    [Theory]
    [InlineData("MEASure:VOLTage:DC?", "MEAS:VOLT?")]
    [InlineData(":SOURce:CURRent:LEVel:IMMediate:AMPLitude", "CURR")]
    [InlineData("outp:stat?", "OUTP?")]
    [InlineData("SYSTem:ERRor:NEXT?", "SYST:ERR?")]
    public void Every_spelling_of_a_header_is_one(string written, string meant) => Assert.Equal(meant, ScpiText.Header(written));
}
