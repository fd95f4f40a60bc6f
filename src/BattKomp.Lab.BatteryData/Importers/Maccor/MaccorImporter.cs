using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.Maccor;

/// <summary>The text and CSV exports of Maccor testers. README.md states the header spellings, the sign, time and unit rules and the reset scope.</summary>
public sealed class MaccorImporter : FlatImporter
{
    private protected override FlatFormat Begin(ImportOptions options) => new Flat(options);

    private sealed class Flat(ImportOptions options) : FlatFormat(options)
    {
        private const double HighestCellTester = 100;
        private bool _minutes;

        public override string Name => "maccor";

        public override ReadOnlySpan<byte> Separators => "\t,;"u8;

        public override int PreambleLines => 40;

        public override double HighestVolt => HighestCellTester;

        public override bool SignFromStepType => true;

        public override IEnumerable<SourceNote> Notes => _minutes
            ? [new SourceNote("time_unit_assumed", "test_time_second", "TestTime without a unit is in minutes in these exports; it is checked against the dates.")]
            : [];

        public override bool IsHeader(IReadOnlyList<FlatHeader> headers) =>
            headers[0].Quantity is "Rec" or "Rec#" && headers.Any(h => h.Quantity == "Step") && headers.Any(h => h.Quantity is "Volts" or "Voltage");

        public override FieldRule? Rule(FlatHeader header) => header.Quantity switch
        {
            "Rec" or "Rec#" => new FieldRule("record_index"),
            "Cyc#" or "Cycle C" => new FieldRule("cycle_count"),
            "Step" => new FieldRule("step_id"),
            "Test" or "Test Time" => Quantity(header, "test_time_second", "s", kind: FieldKind.Duration),
            "Step Time" => Quantity(header, "step_time_second", "s", kind: FieldKind.Duration),
            "TestTime" => Minutes(header, "test_time_second"),
            "StepTime" => Minutes(header, "step_time_second"),
            "Amps" or "mAmps" or "Current" => Quantity(header, "current_ampere", "A", Own(header)),
            "Volts" or "Voltage" => Quantity(header, "voltage_volt", "V", "V"),
            "Amp-hr" or "mAmp-hr" or "Cap." or "Capacity" => Quantity(header, "step_cumulative_capacity_ah", "Ah", Own(header)),
            "Watt-hr" or "mWatt-hr" or "Ener." or "Energy" => Quantity(header, "step_cumulative_energy_wh", "Wh", Own(header)),
            "State" or "Md" => new FieldRule("step_type", FieldKind.StepType),
            "DPT Time" or "DPt Time" => new FieldRule("unix_time_second", FieldKind.Date),
            "Temp 1" => Quantity(header, "temperature_t1_celsius", "degC", "degC"),
            _ => null,
        };

        public override (string Type, int? Direction) StepType(string own) => own switch
        {
            "C" => ("CHG", 1),
            "D" => ("DCH", -1),
            "R" => ("REST", 0),
            _ => (own, null),
        };

        // The step's number and its time are "Step" and "Step (Sec)".
        public override FlatHeader Header(string text)
        {
            var header = FlatHeader.Bracketed(text);
            return header.Quantity == "Step" && header.Unit.Length > 0 ? header with { Quantity = "Step Time" } : header;
        }

        private FieldRule Minutes(FlatHeader header, string name)
        {
            _minutes = header.Unit.Length == 0 && !Options.Units.ContainsKey(header.Text);
            return Quantity(header, name, "s", "min", FieldKind.Duration);
        }

        // A header such as "mAmp-hr" is its own unit.
        private static string? Own(FlatHeader header) => VendorUnits.TryScale(header.Quantity, "A", out _, out _) || header.Quantity.EndsWith("-hr", StringComparison.Ordinal) ? header.Quantity : null;
    }
}
