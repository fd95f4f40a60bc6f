using System.Text;
using BattKomp.Lab.Simulators.Instruments.MethodScript;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators.Devices;

public sealed class MethodScriptDeviceTests
{
    private const string Instrument = """{"type":"methodscript","id":"SIM-EIS-1","cell":{"r0_ohm":0.02}}""";

    [Theory]
    [InlineData(-0.499905, "7F85F3Fu")]
    [InlineData(99.999732, "DF5DFF4u")]
    [InlineData(9885.956, "896D904m")]
    [InlineData(2.9946, "82DB1A8u")]
    [InlineData(0.00513737, "84E63DAn")]
    [InlineData(0, "8000000 ")]
    [InlineData(double.NaN, "     nan")]
    public void Numbers_take_the_finest_prefix_as_in_the_captures(double value, string expected) => Assert.Equal(expected, ScriptNumbers.Package(value));

    [Fact]
    public void Every_number_survives_the_package_to_its_resolution() =>
        Gen.Double[-1e9, 1e9].Sample(value =>
        {
            var said = ScriptNumbers.Package(value);
            var back = (Convert.ToInt32(said[..7], 16) - (1 << 27)) * Math.Pow(10, 3 * ("afpnum kMGT".IndexOf(said[7]) - 6));
            Assert.Equal(value, back, Math.Abs(value) * 1e-4 + 1e-12);
        });

    [Theory]
    [InlineData("10m", 0.01)]
    [InlineData("200k", 200_000)]
    [InlineData("17i", 17)]
    [InlineData("-500m", -0.5)]
    [InlineData("1", 1)]
    public void Script_numbers_have_prefixes(string text, double value) => Assert.Equal(value, ScriptNumbers.Parse(text)!.Value, 1e-12);

    [Fact]
    public void It_says_that_it_is_a_simulator()
    {
        var rig = new DeviceRig(Instrument);
        var version = Text(rig.Send("t\n"u8.ToArray()));
        Assert.StartsWith("tSIM", version);
        Assert.EndsWith("*\n", version);
        Assert.Equal(2, version.Count(c => c == '\n'));
        Assert.Equal("iSIM-EIS-1\n", Text(rig.Send("i\n"u8.ToArray())));
    }

    [Fact]
    public void A_chronopotentiometry_gives_a_package_a_second_and_ends_with_the_cell_off()
    {
        var rig = new DeviceRig(Instrument);
        var said = Run(rig, 20, "var p", "var c", "cell_on", "meas_loop_cp p c 100m 1 10", "pck_start", "pck_add p", "pck_add c", "pck_end", "endloop", "on_finished:", "cell_off");
        Assert.Equal(["e", "M000A"], said[..2]);
        Assert.Equal(["*", ""], said[^2..]);
        var packages = said[2..^2];
        Assert.Equal(10, packages.Count);
        Assert.All(packages, p => Assert.Matches("^Pab[0-9A-F]{7}[afpnum kMGT];ba[0-9A-F]{7}[afpnum kMGT],10,288$", p));
        Assert.All(packages, p => Assert.Equal(0.1, Decode(p.Split("ba")[1][..8]), 1e-6));
        Assert.Equal(0.1 * 10 / 3600, rig.Cell.ChargeAh, 1e-6);
        Assert.Equal(("finished", 0.0), (rig.First.Read().State, rig.First.Read().Ampere));
    }

    [Fact]
    public void An_impedance_spectrum_is_that_of_the_circuit()
    {
        var rig = new DeviceRig("""{"type":"methodscript","id":"SIM-EIS-1","settings":{"randles_rs_ohm":100,"randles_rct_ohm":10000,"randles_cdl_farad":1e-6}}""");
        var said = Run(rig, 3600, "var f", "var r", "var j", "cell_on", "meas_loop_eis f r j 10m 100k 100m 13 0", "pck_start", "pck_add f", "pck_add r", "pck_add j", "pck_end", "endloop", "on_finished:", "cell_off");
        Assert.Equal("M000D", said[1]);
        var points = said[2..^2].Select(p => p[1..].Split(';').Select(v => Decode(v[2..10])).ToArray()).ToList();
        Assert.Equal(13, points.Count);
        Assert.Equal((100_000, 0.1), (points[0][0], points[^1][0]));
        Assert.Equal(100, points[0][1], 0.5);
        Assert.Equal(10_100, points[^1][1], 10.0);
        Assert.All(points, z => Assert.True(z[2] <= 0, "a capacitor's imaginary part is negative"));
    }

    [Fact]
    public void Open_circuit_is_measured_without_current()
    {
        var rig = new DeviceRig(Instrument);
        var said = Run(rig, 10, "var p", "meas_loop_ocp p 500m 2", "pck_start", "pck_add p", "pck_end", "endloop");
        Assert.Equal(7 + 1, said.Count);
        Assert.Equal(3.724, Decode(said[2][3..11]), 1e-3);
        Assert.Equal(0, rig.Cell.ChargeAh + rig.Cell.DischargeAh);
    }

    [Fact]
    public void A_condition_breaks_the_loop_off_and_z_the_script()
    {
        var rig = new DeviceRig(Instrument);
        var said = Run(rig, 20, "var p", "var c", "cell_on", "meas_loop_cp p c 100m 1 1000", "pck_start", "pck_add p", "pck_end", "if p > 3", "breakloop", "endif", "endloop", "on_finished:", "cell_off");
        Assert.Equal(["e", "M000A"], said[..2]);
        Assert.Equal(5, said.Count);

        Run(rig, 5, "var p", "var c", "cell_on", "meas_loop_cp p c 100m 1 1000", "pck_start", "pck_add p", "pck_end", "endloop", "on_finished:", "cell_off");
        Assert.Equal("running", rig.First.Read().State);
        Assert.Equal("Z\n*\n\n", Text(rig.Send("Z\n"u8.ToArray())));
        rig.Advance(1);
        Assert.Equal(("idle", 0.0, 0.0), (rig.First.Read().State, rig.First.Read().Ampere, rig.First.Read().Values["cell_on"]));
    }

    [Theory]
    [InlineData("e!4001: Line 2, Col 1", "var p", "fly p")]
    [InlineData("e!4002: Line 1, Col 1", "store_var p")]
    [InlineData("e!4004: Line 1, Col 1", "meas_loop_ocp p 1 1")]
    public void A_script_that_cannot_run_names_its_line(string expected, params string[] script)
    {
        var rig = new DeviceRig(Instrument);
        Assert.Equal(expected, Assert.Single(Run(rig, 1, script)));
        Assert.Equal(1, rig.First.Read().Refused);
    }

    [Fact]
    public void Random_bytes_never_upset_it() =>
        Gen.Byte.Array[0, 2000].Sample(bytes =>
        {
            var rig = new DeviceRig(Instrument);
            rig.Send(bytes);
            rig.Send("\n\n\nZ\n"u8.ToArray());
            rig.Advance(10);
            while (!double.IsPositiveInfinity(rig.First.NextReportSeconds)) rig.First.TakeReport();
            Assert.Contains("tSIM", Text(rig.Send("t\n"u8.ToArray())));
        }, iter: 100);

    private static List<string> Run(DeviceRig rig, double seconds, params string[] script)
    {
        var said = new StringBuilder(Text(rig.Send(Encoding.ASCII.GetBytes("e\n" + string.Join('\n', script) + "\n\n"))));
        rig.Advance(seconds);
        while (!double.IsPositiveInfinity(rig.First.NextReportSeconds)) said.Append(Text(rig.First.TakeReport()));
        return [.. said.ToString().TrimEnd('\n').Split('\n'), .. said.ToString().EndsWith("\n\n", StringComparison.Ordinal) ? [""] : Array.Empty<string>()];
    }

    private static double Decode(string value) => (Convert.ToInt32(value[..7], 16) - (1 << 27)) * Math.Pow(10, 3 * ("afpnum kMGT".IndexOf(value[7]) - 6));

    private static string Text(byte[] bytes) => Encoding.ASCII.GetString(bytes);
}
