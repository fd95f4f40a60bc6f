using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.BatteryArchive;

/// <summary>Time series as batteryarchive.org gives them out. README.md states columns, signs and reset scopes.</summary>
public sealed class BatteryArchiveImporter : FlatImporter
{
    private protected override FlatFormat Begin(ImportOptions options) => new Flat(options);

    private sealed class Flat(ImportOptions options) : FlatFormat(options)
    {
        private static readonly string[] Series = ["Date_Time", "Test_Time", "Cycle_Index", "Current", "Voltage", "Charge_Capacity"];
        private static readonly string[] Cycles = ["Cycle_Index", "Start_Time", "End_Time", "Min_Current", "Max_Current"];

        public override string Name => "battery-archive";

        public override ReadOnlySpan<byte> Separators => ","u8;

        public override bool IsHeader(IReadOnlyList<FlatHeader> headers)
        {
            var quantities = headers.Select(h => h.Quantity).ToHashSet();
            return Cycles.All(quantities.Contains) || (Series.All(quantities.Contains) && !quantities.Contains("Step_Index"));
        }

        public override FieldRule? Rule(FlatHeader header) => header.Quantity switch
        {
            "Min_Current" => new FieldRule("current_ampere", Problem: "this is Battery Archive's table of cycles, which holds no records.", Remedy: "Import the time series (…_timeseries.csv) of the same cell; its cycles are computed from it."),
            "Date_Time" => new FieldRule("unix_time_second", FieldKind.Date),
            "Test_Time" => Quantity(header, "test_time_second", "s"),
            "Cycle_Index" => new FieldRule("cycle_count"),
            "Current" => Quantity(header, "current_ampere", "A"),
            "Voltage" => Quantity(header, "voltage_volt", "V"),
            "Charge_Capacity" => Quantity(header, "cycle_charging_capacity_ah", "Ah"),
            "Discharge_Capacity" => Quantity(header, "cycle_discharging_capacity_ah", "Ah"),
            "Charge_Energy" => Quantity(header, "cycle_charging_energy_wh", "Wh"),
            "Discharge_Energy" => Quantity(header, "cycle_discharging_energy_wh", "Wh"),
            "Environment_Temperature" => Quantity(header, "ambient_temperature_celsius", "degC"),
            "Cell_Temperature" => Quantity(header, "surface_temperature_celsius", "degC"),
            _ => null,
        };
    }
}
