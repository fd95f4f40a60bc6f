using System.Globalization;
using System.Text.RegularExpressions;
using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.Maccor;

/// <summary>The impedance sweep of a Maccor frequency response analyser. README.md states columns and the sign rule.</summary>
public sealed partial class MaccorImpedanceImporter : FlatImporter
{
    private protected override FlatFormat Begin(ImportOptions options) => new Flat(options);

    [GeneratedRegex(@"Start Date:\s*\w+,\s*(\w+ \d{1,2}, \d{4})\s+Start Time:\s*(\d{1,2}:\d{2})", RegexOptions.CultureInvariant)]
    private static partial Regex Start();

    private sealed class Flat(ImportOptions options) : FlatFormat(options)
    {
        private const double Tolerance = 0.01;
        private double? _origin;

        public override string Name => "maccor-impedance";

        public override ReadOnlySpan<byte> Separators => "\t"u8;

        public override int PreambleLines => 40;

        // A row ends with its last measured value; the columns after it are settings that these rows leave out.
        public override bool ShortRows => true;

        public override IReadOnlyList<string> Needed { get; } = ["frequency_hertz", "real_impedance_ohm", "imaginary_impedance_ohm"];

        public override double? Origin => _origin;

        public override IEnumerable<SourceNote> Notes => _origin is null
            ? []
            : [new SourceNote("time_resolution", "unix_time_second", "The start of the sweep is written to the minute.")];

        public override bool IsHeader(IReadOnlyList<FlatHeader> headers) =>
            headers[0].Text == "Freq(Hz)" && headers.Any(h => h.Text == "Z'(a)") && headers.Any(h => h.Text == "Z''(b)");

        public override void Preamble(string line, VendorDate dates)
        {
            if (Start().Match(line) is { Success: true } start
                && DateTime.TryParseExact($"{start.Groups[1].Value} {start.Groups[2].Value}", "MMMM d, yyyy H:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var local))
                _origin = (local - DateTime.UnixEpoch).TotalSeconds;
        }

        public override FieldRule? Rule(FlatHeader header) => header.Text switch
        {
            "Freq(Hz)" => new FieldRule("frequency_hertz"),
            "time(sec)" => new FieldRule("test_time_second", FieldKind.ElapsedOrDate),
            "Z'(a)" => new FieldRule("real_impedance_ohm"),
            "Z''(b)" => new FieldRule("imaginary_impedance_ohm"),
            "Phase_Angle" => new FieldRule("phase_degree"),
            "Z-Mag" => new FieldRule("absolute_impedance_ohm"),
            "V-DC" => new FieldRule("voltage_volt"),
            _ => null,
        };

        public override string? Doubt(Func<string, double> value)
        {
            var (real, imaginary) = (value("real_impedance_ohm"), value("imaginary_impedance_ohm"));
            var magnitude = double.Hypot(real, imaginary);
            if (Math.Abs(value("absolute_impedance_ohm") - magnitude) > Tolerance * magnitude)
                return $"|Z| is {value("absolute_impedance_ohm")} and Z' and Z'' give {magnitude:0.######}.";
            var angle = double.RadiansToDegrees(Math.Atan2(imaginary, real));
            var apart = Math.Abs(Math.IEEERemainder(value("phase_degree") - angle, 360));
            return apart > double.RadiansToDegrees(Tolerance) ? $"the phase is {value("phase_degree")} degrees and Z' and Z'' give {angle:0.###}." : null;
        }
    }
}
