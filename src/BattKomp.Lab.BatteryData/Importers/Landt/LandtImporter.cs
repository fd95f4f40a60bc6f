using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.Landt;

/// <summary>The CSV export of LANDT testers. README.md states columns, signs and reset scopes.</summary>
public sealed class LandtImporter : FlatImporter
{
    private protected override FlatFormat Begin(ImportOptions options) => new Flat(options);

    private sealed class Flat(ImportOptions options) : FlatFormat(options)
    {
        private static readonly string[] Units = ["s", "A", "V", "Ah", "Wh", "C", "Psi"];

        public override string Name => "landt";

        public override ReadOnlySpan<byte> Separators => ",\t;"u8;

        public override int PreambleLines => 40;

        // The unit is the header's last word: "discharge_capacity_Ah".
        public override FlatHeader Header(string text)
        {
            text = text.Trim();
            var last = text.LastIndexOf('_');
            return last > 0 && Units.Contains(text[(last + 1)..]) ? new FlatHeader(text, text[..last], text[(last + 1)..]) : new FlatHeader(text, text, "");
        }

        public override bool IsHeader(IReadOnlyList<FlatHeader> headers) =>
            headers.Any(h => h.Text == "test_time_s") && headers.Any(h => h.Text == "current_A") && headers.Any(h => h.Text == "date_time_iso_string");

        public override FieldRule? Rule(FlatHeader header) => header.Quantity switch
        {
            "cycle_index" => new FieldRule("cycle_count"),
            "step_index" => new FieldRule("step_id"),
            "step_name" => new FieldRule("step_type", FieldKind.StepType),
            "date_time_iso_string" => new FieldRule("unix_time_second", FieldKind.Date),
            "test_time" => Quantity(header, "test_time_second", "s"),
            "step_time" => Quantity(header, "step_time_second", "s"),
            "current" => Quantity(header, "current_ampere", "A"),
            "voltage" => Quantity(header, "voltage_volt", "V"),
            "charge_capacity" => Quantity(header, "step_charging_capacity_ah", "Ah"),
            "discharge_capacity" => Quantity(header, "step_discharging_capacity_ah", "Ah"),
            "charge_energy" => Quantity(header, "step_charging_energy_wh", "Wh"),
            "discharge_energy" => Quantity(header, "step_discharging_energy_wh", "Wh"),
            "temperature_1" or "temperature_2" or "temperature_3" => Quantity(header, $"temperature_t{header.Quantity[^1]}_celsius", "degC"),
            _ => null,
        };

        public override (string Type, int? Direction) StepType(string own) => own == "rest" ? ("REST", 0) : (own, null);
    }
}
