using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.Novonix;

/// <summary>The CSV of Novonix high precision chargers: summary, protocol, data. README.md states columns, signs and reset scopes.</summary>
public sealed class NovonixImporter : FlatImporter
{
    private protected override FlatFormat Begin(ImportOptions options) => new Flat(options);

    private sealed class Flat(ImportOptions options) : FlatFormat(options)
    {
        public override string Name => "novonix";

        public override ReadOnlySpan<byte> Separators => ","u8;

        // The protocol stands before the data, a few lines for each of its steps.
        public override int PreambleLines => 2000;

        public override bool QuotesLines => true;

        public override bool IsHeader(IReadOnlyList<FlatHeader> headers) =>
            headers[0].Text == "Date and Time" && headers.Any(h => h.Quantity == "Run Time") && headers.Any(h => h.Quantity == "Potential");

        public override FieldRule? Rule(FlatHeader header) => header.Quantity switch
        {
            "Date and Time" => new FieldRule("unix_time_second", FieldKind.Date),
            "Cycle Number" => new FieldRule("cycle_count"),
            "Step Number" => new FieldRule("step_count"),
            "Step Type" => new FieldRule("step_type", FieldKind.StepType),
            "Run Time" => Quantity(header, "test_time_second", "s", kind: FieldKind.Duration),
            "Step Time" => Quantity(header, "step_time_second", "s", kind: FieldKind.Duration),
            "Current" => Quantity(header, "current_ampere", "A"),
            "Potential" => Quantity(header, "voltage_volt", "V"),
            "Capacity" => Quantity(header, "net_capacity_ah", "Ah"),
            "Energy" => Quantity(header, "net_energy_wh", "Wh"),
            "Temperature" => Quantity(header, "temperature_t1_celsius", "degC"),
            _ => null,
        };

        public override (string Type, int? Direction) StepType(string own) => own switch
        {
            "0" => ("REST", 0),
            "1" or "7" => ("CC_CHG", 1),
            "2" => ("CC_DCH", -1),
            "3" => ("CCCV_CHG", 1),
            "4" => ("CCCV_DCH", -1),
            "8" => ("CV_CHG", 1),
            _ => (own, null),
        };
    }
}
