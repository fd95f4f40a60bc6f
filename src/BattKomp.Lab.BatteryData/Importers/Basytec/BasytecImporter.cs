using System.Text;
using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.Basytec;

/// <summary>The text export of Basytec test systems. README.md states columns, signs and reset scopes.</summary>
public sealed class BasytecImporter : FlatImporter
{
    private protected override FlatFormat Begin(ImportOptions options) => new Flat(options);

    private sealed class Flat(ImportOptions options) : FlatFormat(options)
    {
        private const string Started = "~Start of Test:";
        private double? _origin;

        public override string Name => "basytec";

        public override ReadOnlySpan<byte> Separators => "\t;"u8;

        public override int PreambleLines => 100;

        public override double? Origin => _origin;

        // Lines that are no data begin with a tilde, and so does the header line.
        public override FlatHeader Header(string text) => FlatHeader.Bracketed(text.TrimStart('~'));

        public override bool IsHeader(IReadOnlyList<FlatHeader> headers) =>
            headers[0].Quantity == "Time" && headers.Any(h => h.Quantity == "DataSet") && headers.Any(h => h.Quantity == "U") && headers.Any(h => h.Quantity == "I");

        public override void Preamble(string line, VendorDate dates)
        {
            // Dates are written with points, the day first, whatever the machine's language is.
            if (line.StartsWith(Started, StringComparison.Ordinal)
                && new VendorDate(Options.DayFirst ?? true).TryParse(Encoding.UTF8.GetBytes(line[Started.Length..].Trim()), true, out var local))
                _origin = local;
        }

        public override FieldRule? Rule(FlatHeader header) => header.Quantity switch
        {
            "Time" => Quantity(header, "test_time_second", "s", kind: FieldKind.ElapsedOrDate),
            "t-Step" => Quantity(header, "step_time_second", "s"),
            "DataSet" => new FieldRule("record_index"),
            "Line" => new FieldRule("step_id"),
            "Cyc-Count" => new FieldRule("cycle_count"),
            "Command" => new FieldRule("step_type", FieldKind.StepType),
            "U" => Quantity(header, "voltage_volt", "V"),
            "I" => Quantity(header, "current_ampere", "A"),
            "P" => Quantity(header, "power_watt", "W"),
            "Ah" => Quantity(header, "net_capacity_ah", "Ah"),
            "Wh" => Quantity(header, "net_energy_wh", "Wh"),
            ['T', >= '1' and <= '5'] t => Quantity(header, $"temperature_t{t[1]}_celsius", "degC", "degC"),
            _ => null,
        };

        public override (string Type, int? Direction) StepType(string own) => own switch
        {
            "Pause" => ("REST", 0),
            "Charge" => ("CHG", 1),
            "Discharge" => ("DCH", -1),
            _ => (own, null),
        };
    }
}
