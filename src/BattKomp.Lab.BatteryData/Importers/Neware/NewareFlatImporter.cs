using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.Neware;

/// <summary>The flat text export of Neware's BTS programs: one header line, one line a record. README.md states the layout and the reset scopes.</summary>
public sealed class NewareFlatImporter : FlatImporter
{
    private protected override FlatFormat Begin(ImportOptions options) => new Flat(options);

    internal sealed class Flat(ImportOptions options) : FlatFormat(options)
    {
        public override string Name => "neware-flat";

        public override bool IsHeader(IReadOnlyList<FlatHeader> headers) =>
            headers[0].Quantity == "DataPoint" && headers.Any(h => h.Quantity == "Step Type") && headers.Any(h => h.Quantity == "Voltage");

        public override FieldRule? Rule(FlatHeader header) => header.Quantity switch
        {
            "DataPoint" => new FieldRule("record_index"),
            "Cycle Index" => new FieldRule("cycle_count"),
            "Step Index" => new FieldRule("step_id"),
            "Step Number" => new FieldRule("step_count"),
            "Step Type" => new FieldRule("step_type", FieldKind.StepType),
            "Time" => Quantity(header, "step_time_second", "s", "s", FieldKind.Duration),
            "Cumulative Time" or "Total Time" => Quantity(header, "test_time_second", "s", "s", FieldKind.Duration),
            "Current" => Quantity(header, "current_ampere", "A"),
            "Voltage" => Quantity(header, "voltage_volt", "V"),
            "Capacity" => Quantity(header, "step_cumulative_capacity_ah", "Ah"),
            "Energy" => Quantity(header, "step_cumulative_energy_wh", "Wh"),
            "Chg. Cap." => Quantity(header, "step_charging_capacity_ah", "Ah"),
            "DChg. Cap." => Quantity(header, "step_discharging_capacity_ah", "Ah"),
            "Chg. Energy" => Quantity(header, "step_charging_energy_wh", "Wh"),
            "DChg. Energy" => Quantity(header, "step_discharging_energy_wh", "Wh"),
            "Power" => Quantity(header, "power_watt", "W"),
            "Date" => new FieldRule("unix_time_second", FieldKind.Date),
            ['T', >= '1' and <= '5'] t => Quantity(header, $"temperature_t{t[1]}_celsius", "degC", "degC"),
            _ => null,
        };

        public override (string Type, int? Direction) StepType(string own) => (NewareStepType.ToBdf(own, out _), NewareStepType.Direction(own));
    }
}
