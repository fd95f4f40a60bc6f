using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.Arbin;

/// <summary>The record table of Arbin's MITS programs as CSV. README.md states the header spellings, the time rules and the reset scope.</summary>
public sealed class ArbinImporter : FlatImporter
{
    private protected override FlatFormat Begin(ImportOptions options) => new Flat(options);

    private sealed class Flat(ImportOptions options) : FlatFormat(options)
    {
        private static readonly string[] Always = ["test time", "step index", "cycle index", "current", "voltage"];

        public override string Name => "arbin";

        // The programs write "Test_Time", "Test_Time(s)" and "Test Time (s)" for one thing.
        public override FlatHeader Header(string text)
        {
            var header = FlatHeader.Bracketed(text);
            return header with { Quantity = header.Quantity.Replace('_', ' ').ToLowerInvariant() };
        }

        public override bool IsHeader(IReadOnlyList<FlatHeader> headers)
        {
            var quantities = headers.Select(h => h.Quantity).ToHashSet();
            // Tools that process these files write their own tables with such names in small letters.
            return headers.Any(h => h.Text.StartsWith("Test", StringComparison.Ordinal)) && Always.All(quantities.Contains) && (quantities.Contains("charge capacity") || quantities.Contains("date time") || quantities.Contains("datetime"));
        }

        public override FieldRule? Rule(FlatHeader header) => header.Quantity switch
        {
            "data point" => new FieldRule("record_index"),
            "cycle index" => new FieldRule("cycle_count"),
            "step index" => new FieldRule("step_id"),
            "test time" => Quantity(header, "test_time_second", "s", "s", FieldKind.Duration),
            "step time" => Quantity(header, "step_time_second", "s", "s", FieldKind.Duration),
            "date time" or "datetime" => new FieldRule("unix_time_second", FieldKind.Date),
            "current" => Quantity(header, "current_ampere", "A", "A"),
            "voltage" => Quantity(header, "voltage_volt", "V", "V"),
            "power" => Quantity(header, "power_watt", "W", "W"),
            "charge capacity" => Quantity(header, "schedule_charging_capacity_ah", "Ah", "Ah"),
            "discharge capacity" => Quantity(header, "schedule_discharging_capacity_ah", "Ah", "Ah"),
            "charge energy" => Quantity(header, "schedule_charging_energy_wh", "Wh", "Wh"),
            "discharge energy" => Quantity(header, "schedule_discharging_energy_wh", "Wh", "Wh"),
            "internal resistance" => Quantity(header, "internal_resistance_ohm", "ohm", "Ohm"),
            "temperature" => Quantity(header, "temperature_t1_celsius", "degC", "degC"),
            _ when Aux(header.Quantity) is { } number => Quantity(header, $"temperature_t{number}_celsius", "degC", "degC"),
            _ => null,
        };

        private static char? Aux(string quantity) =>
            quantity.StartsWith("aux temperature ", StringComparison.Ordinal) && quantity.Length == 17 && quantity[^1] is >= '1' and <= '5' ? quantity[^1] : null;
    }
}
