using System.Globalization;
using System.Text;
using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Instruments.MethodScript;

/// <summary>
/// Writes the script of a step. The device carries it out by itself, so cut-off and time limit are in it and it always ends, or is aborted, through
/// <c>on_finished: cell_off</c>.
/// </summary>
public static class ScriptBuilder
{
    private const double Interval = 1;
    private const double MostPackets = 1e6;

    /// <summary>The whole text to send, from <c>e</c> to the empty line.</summary>
    /// <exception cref="ArgumentException">The step is none that <see cref="Fault"/> lets pass.</exception>
    public static string Of(Step step)
    {
        if (Fault(step) is { } fault)
            throw new ArgumentException(fault, nameof(step));
        var script = new StringBuilder("e\n");
        foreach (var name in (ReadOnlySpan<string>)["t", "f", "r", "j", "p", "i"])
            script.Append("var ").Append(name).Append('\n');
        script.Append("set_pgstat_chan 0\n");
        if (step.Kind == Kind.Eis)
            Eis(script, step.Eis);
        else if (step.Kind == Kind.Rest)
            OpenCircuit(script, step.MaxSeconds);
        else
            Polarise(script, step);
        return script.Append("on_finished:\n  cell_off\n\n").ToString();
    }

    /// <summary>Why no script can be written for a step; null when one can.</summary>
    public static string? Fault(Step step) => step.Kind switch
    {
        Kind.Rest => null,
        Kind.CcCharge or Kind.CcDischarge or Kind.Cv when !(step.Ampere > 0) || !double.IsFinite(step.Ampere) => "ampere must be above 0",
        Kind.CcCharge or Kind.CcDischarge or Kind.Cv when !(step.Volt > 0) || !double.IsFinite(step.Volt) => "volt must be above 0",
        Kind.CcCharge or Kind.CcDischarge or Kind.Cv when !(step.MaxSeconds >= Interval) || step.MaxSeconds / Interval > MostPackets => "max_seconds must be from 1 to 1 000 000: it is the device's own time limit",
        Kind.CcCharge or Kind.CcDischarge or Kind.Cv => null,
        Kind.Eis when step.Eis is null => "an EIS step needs its sweep",
        Kind.Eis when !(step.Eis.ToHertz > 0) || !(step.Eis.FromHertz > step.Eis.ToHertz) || !double.IsFinite(step.Eis.FromHertz) => "from_hertz must be above to_hertz, and that above 0",
        Kind.Eis when step.Eis.AmplitudeVolt > 0 == step.Eis.AmplitudeAmpere > 0 => "exactly one of amplitude_volt and amplitude_ampere must be above 0",
        Kind.Eis when Points(step.Eis) > 1000 => "the sweep has more than 1000 points; lower points_per_decade",
        Kind.Eis => null,
        _ => $"a potentiostat cannot do {step.Kind}",
    };

    /// <summary>Points of a sweep, both ends counted.</summary>
    public static int Points(EisSweep sweep) => (int)Math.Min(int.MaxValue, Math.Round(Math.Log10(sweep.FromHertz / sweep.ToHertz) * Math.Max(1, sweep.PointsPerDecade)) + 1);

    /// <summary>
    /// A number as the language wants it: no decimal point, an integer with an SI prefix (4.2 → <c>4200m</c>). Six digits of accuracy at least; the language's
    /// integers have 32 bits.
    /// </summary>
    public static string Literal(double value)
    {
        if (value == 0)
            return "0";
        foreach (var (factor, prefix) in (ReadOnlySpan<(double, string)>)[(1, ""), (1e3, "m"), (1e6, "u"), (1e9, "n"), (1e12, "p")])
        {
            var scaled = Math.Round(value * factor);
            if (Math.Abs(scaled) > int.MaxValue)
                break;
            if (Math.Abs((scaled / factor) - value) <= Math.Abs(value) * 1e-7 || Math.Abs(scaled) >= 1e6)
                return scaled.ToString("0", CultureInfo.InvariantCulture) + prefix;
        }
        return Math.Round(value * 1e12).ToString("0", CultureInfo.InvariantCulture) + "p";
    }

    private static void OpenCircuit(StringBuilder script, double seconds) =>
        Loop(script, $"meas_loop_ocp p {Literal(Interval)} {Literal(Math.Max(Interval, seconds))}", ["t", "p"], "");

    private static void Polarise(StringBuilder script, Step step)
    {
        var galvanic = step.Kind != Kind.Cv;
        var ampere = step.Kind == Kind.CcDischarge ? -step.Ampere : step.Ampere;
        script.Append(CultureInfo.InvariantCulture, $"set_pgstat_mode {(galvanic ? 6 : 3)}\n").Append("set_max_bandwidth 10\n");
        script.Append(CultureInfo.InvariantCulture, $"set_range ba {Literal(step.Ampere)}\n").Append(CultureInfo.InvariantCulture, $"set_range ab {Literal(step.Volt)}\n");
        script.Append(galvanic ? $"set_i {Literal(ampere)}\n" : $"set_e {Literal(step.Volt)}\n").Append("cell_on\n");
        var command = galvanic ? $"meas_loop_cp p i {Literal(ampere)}" : $"meas_loop_ca p i {Literal(step.Volt)}";
        // The cut-off is judged in the device, on every measurement.
        var cut = step.Kind switch
        {
            Kind.CcCharge => Break($"p >= {Literal(step.Volt)}"),
            Kind.CcDischarge => Break($"p <= {Literal(step.Volt)}"),
            _ => Break($"i > {Literal(step.Ampere * 1.05)}") + Break($"i < {Literal(-step.Ampere * 1.05)}")
                + (step.CutoffAmpere > 0 ? $"  if i <= {Literal(step.CutoffAmpere)}\n  {Break($"i >= {Literal(-step.CutoffAmpere)}").Replace("\n", "\n  ", StringComparison.Ordinal).TrimEnd(' ')}  endif\n" : ""),
        };
        Loop(script, $"{command} {Literal(Interval)} {Literal(step.MaxSeconds)}", ["t", "p", "i"], cut);
    }

    private static void Eis(StringBuilder script, EisSweep sweep)
    {
        var galvanic = sweep.AmplitudeAmpere > 0;
        script.Append(CultureInfo.InvariantCulture, $"set_pgstat_mode {(galvanic ? 6 : 3)}\n").Append(CultureInfo.InvariantCulture, $"set_max_bandwidth {Literal(sweep.FromHertz)}\n");
        if (!galvanic && sweep.AtOpenCircuit)
            script.Append("meas_loop_ocp p 100m 200m\nendloop\nset_e p\n");
        else if (!galvanic)
            script.Append(CultureInfo.InvariantCulture, $"set_e {Literal(sweep.BiasVolt)}\n");
        else
            script.Append("set_i 0\n");
        script.Append("cell_on\n");
        var bias = galvanic ? "0" : sweep.AtOpenCircuit ? "p" : Literal(sweep.BiasVolt);
        Loop(script, $"{(galvanic ? "meas_loop_geis" : "meas_loop_eis")} f r j {Literal(galvanic ? sweep.AmplitudeAmpere : sweep.AmplitudeVolt)} {Literal(sweep.FromHertz)} {Literal(sweep.ToHertz)} {Points(sweep)} {bias}",
            ["f", "r", "j"], "");
    }

    private static void Loop(StringBuilder script, string command, string[] variables, string after)
    {
        if (variables[0] == "t")
            script.Append("timer_start\n");
        script.Append(command).Append('\n');
        if (variables[0] == "t")
            script.Append("  timer_get t\n");
        script.Append("  pck_start\n");
        foreach (var variable in variables)
            script.Append("    pck_add ").Append(variable).Append('\n');
        script.Append("  pck_end\n").Append(after).Append("endloop\n");
    }

    private static string Break(string condition) => $"  if {condition}\n    breakloop\n  endif\n";
}
