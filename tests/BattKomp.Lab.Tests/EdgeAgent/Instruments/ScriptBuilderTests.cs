using BattKomp.Lab.EdgeAgent.Instruments.MethodScript;
using BattKomp.Lab.V1;
using CsCheck;
using Xunit;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

public class ScriptBuilderTests
{
    private static readonly Gen<Step> Steps = Gen.Select(Gen.Int[0, 4], Gen.Double[1e-6, 0.2], Gen.Double[0.1, 5], Gen.Double[1, 1e5], (kind, ampere, volt, seconds) => kind switch
    {
        0 => new Step { Kind = Kind.CcCharge, Ampere = ampere, Volt = volt, MaxSeconds = seconds },
        1 => new Step { Kind = Kind.CcDischarge, Ampere = ampere, Volt = volt, MaxSeconds = seconds },
        2 => new Step { Kind = Kind.Cv, Ampere = ampere, Volt = volt, CutoffAmpere = ampere / 10, MaxSeconds = seconds },
        3 => new Step { Kind = Kind.Rest, MaxSeconds = seconds },
        _ => new Step { Kind = Kind.Eis, MaxSeconds = seconds, Eis = new EisSweep { FromHertz = 1e4, ToHertz = 0.1, PointsPerDecade = 7, AmplitudeAmpere = ampere } },
    });

    [Fact]
    public void Every_script_switches_the_cell_off_at_its_end_and_closes_what_it_opens() => Steps.Sample(step =>
    {
        var script = ScriptBuilder.Of(step);
        var lines = script.Split('\n').Select(l => l.Trim()).ToList();
        int Count(string word) => lines.Count(l => l.Split(' ')[0] == word);
        Assert.StartsWith("e\n", script, StringComparison.Ordinal);
        Assert.EndsWith("on_finished:\n  cell_off\n\n", script, StringComparison.Ordinal);
        Assert.DoesNotContain("\n\n", script[..^2], StringComparison.Ordinal);
        Assert.Equal(Count("if"), Count("endif"));
        Assert.Equal(lines.Count(l => l.StartsWith("meas_loop", StringComparison.Ordinal)), Count("endloop"));
        Assert.Equal(Count("pck_start"), Count("pck_end"));
        Assert.DoesNotContain('.', script);
    }, iter: 500);

    [Fact]
    public void A_cut_off_is_judged_in_the_device()
    {
        var charge = ScriptBuilder.Of(new Step { Kind = Kind.CcCharge, Ampere = 0.001, Volt = 4.2, MaxSeconds = 60 });
        Assert.Contains("meas_loop_cp p i 1m 1 60\n", charge, StringComparison.Ordinal);
        Assert.Contains("if p >= 4200m\n    breakloop\n", charge, StringComparison.Ordinal);
        var discharge = ScriptBuilder.Of(new Step { Kind = Kind.CcDischarge, Ampere = 0.001, Volt = 3, MaxSeconds = 60 });
        Assert.Contains("meas_loop_cp p i -1m 1 60\n", discharge, StringComparison.Ordinal);
        Assert.Contains("if p <= 3\n", discharge, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sweep_at_open_circuit_measures_it_first_and_counts_its_points()
    {
        var sweep = new EisSweep { FromHertz = 1000, ToHertz = 1, PointsPerDecade = 5, AmplitudeVolt = 0.01, AtOpenCircuit = true };
        var script = ScriptBuilder.Of(new Step { Kind = Kind.Eis, Eis = sweep, MaxSeconds = 60 });
        Assert.Contains("meas_loop_ocp p 100m 200m\nendloop\nset_e p\ncell_on\n", script, StringComparison.Ordinal);
        Assert.Contains("meas_loop_eis f r j 10m 1000 1 16 p\n", script, StringComparison.Ordinal);
        var galvanic = new EisSweep { FromHertz = 1000, ToHertz = 1, PointsPerDecade = 5, AmplitudeAmpere = 0.002 };
        Assert.Contains("meas_loop_geis f r j 2m 1000 1 16 0\n", ScriptBuilder.Of(new Step { Kind = Kind.Eis, Eis = galvanic, MaxSeconds = 60 }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4.2, "4200m")]
    [InlineData(0, "0")]
    [InlineData(-0.0000015, "-1500n")]
    [InlineData(200000, "200000")]
    [InlineData(0.1, "100m")]
    public void Numbers_are_integers_with_a_prefix(double value, string literal) => Assert.Equal(literal, ScriptBuilder.Literal(value));

    [Fact]
    public void Every_literal_is_the_number_within_a_millionth() => Gen.Double[1e-6, 1e6].Sample(value =>
    {
        var literal = ScriptBuilder.Literal(value);
        var factor = literal[^1] switch { 'm' => 1e-3, 'u' => 1e-6, 'n' => 1e-9, 'p' => 1e-12, _ => 1 };
        var number = int.Parse(literal.TrimEnd('m', 'u', 'n', 'p'), System.Globalization.CultureInfo.InvariantCulture) * factor;
        return Math.Abs(number - value) <= value * 1e-6;
    });

    [Theory]
    [InlineData(Kind.CpDischarge)]
    [InlineData(Kind.Temperature)]
    [InlineData(Kind.Eis)]
    public void What_a_potentiostat_cannot_do_is_refused(Kind kind) => Assert.NotNull(ScriptBuilder.Fault(new Step { Kind = kind, MaxSeconds = 1 }));
}
