using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.Pec;

/// <summary>The CSV reports of PEC testers, older and newer layout. README.md states columns, signs and reset scopes.</summary>
public sealed class PecImporter : FlatImporter
{
    private protected override FlatFormat Begin(ImportOptions options) => new Flat(options);

    private sealed class Flat(ImportOptions options) : FlatFormat(options)
    {
        private const string ClockUnit = "Hours in hh:mm:ss.xxx";

        public override string Name => "pec";

        public override ReadOnlySpan<byte> Separators => ","u8;

        public override int PreambleLines => 500;

        public override IReadOnlyList<string> OneObject { get; } = ["Test", "Cell"];

        public override bool IsHeader(IReadOnlyList<FlatHeader> headers) =>
            headers[0].Text == "Test" && headers.Any(h => h.Quantity == "Load On Time") && headers.Any(h => h.Quantity == "Voltage");

        public override FieldRule? Rule(FlatHeader header) => (header.Quantity, Kind(header.Unit)) switch
        {
            ("Step", _) => new FieldRule("step_id"),
            ("Cycle", _) => new FieldRule("cycle_count"),
            ("Instruction Name", _) => new FieldRule("step_type", FieldKind.StepType),
            ("Total Time", _) => Time(header, "test_time_second"),
            ("Step Time", _) => Time(header, "step_time_second"),
            ("Real Time", _) => new FieldRule("unix_time_second", FieldKind.Date),
            ("Voltage", _) => Quantity(header, "voltage_volt", "V"),
            ("Current", _) => Quantity(header, "current_ampere", "A"),
            // The older layout calls its energies capacities; the unit tells them apart.
            ("Charge Capacity" or "Charge Energy", "energy") => Quantity(header, "cycle_charging_energy_wh", "Wh"),
            ("Discharge Capacity" or "Discharge Energy", "energy") => Quantity(header, "cycle_discharging_energy_wh", "Wh"),
            ("Charge Capacity", _) => Quantity(header, "cycle_charging_capacity_ah", "Ah"),
            ("Discharge Capacity", _) => Quantity(header, "cycle_discharging_capacity_ah", "Ah"),
            ("Ambient temperature", _) => Quantity(header, "ambient_temperature_celsius", "degC"),
            ("Cell surface temperature", _) => Quantity(header, "surface_temperature_celsius", "degC"),
            ("Temp", _) => Quantity(header, "temperature_t1_celsius", "degC"),
            _ => null,
        };

        public override (string Type, int? Direction) StepType(string own) => own == "Idle" ? ("REST", 0) : (own, null);

        private static string Kind(string unit) => VendorUnits.TryScale(unit, "Wh", out _, out _) ? "energy" : "";

        private FieldRule Time(FlatHeader header, string name) =>
            Quantity(header.Unit == ClockUnit ? header with { Unit = "s" } : header, name, "s", kind: FieldKind.Duration);
    }
}
