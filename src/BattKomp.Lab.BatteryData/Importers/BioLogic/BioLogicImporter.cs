using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.BioLogic;

/// <summary>Text exports of EC-Lab and BT-Lab: .mpt and ASCII with or without header block, CSV. README.md states columns, signs and reset scopes.</summary>
public sealed class BioLogicImporter : FlatImporter
{
    private protected override FlatFormat Begin(ImportOptions options) => new Flat(options);

    private sealed class Flat(ImportOptions options) : FlatFormat(options)
    {
        private const string Started = "Acquisition started on :";
        private double? _origin;

        public override string Name => "biologic";

        public override ReadOnlySpan<byte> Separators => "\t;,"u8;

        public override int PreambleLines => 2000;

        public override double? Origin => _origin;

        public override FlatHeader Header(string text) => FlatHeader.Slashed(text);

        public override bool IsHeader(IReadOnlyList<FlatHeader> headers) =>
            headers.Any(h => h.Text == "time/s") && headers.Any(h => h.Quantity is "Ecell" or "Ewe") && headers.Any(h => h.Quantity is "I" or "<I>" or "control");

        public override void Preamble(string line, VendorDate dates)
        {
            var at = line.IndexOf(Started, StringComparison.Ordinal);
            // The program writes American dates whatever the machine's language is.
            if (at >= 0 && new VendorDate(Options.DayFirst ?? false).TryParse(System.Text.Encoding.UTF8.GetBytes(line[(at + Started.Length)..].Trim()), false, out var local))
                _origin = local;
        }

        public override FieldRule? Rule(FlatHeader header) => header.Quantity switch
        {
            "time" => new FieldRule("test_time_second", FieldKind.ElapsedOrDate),
            "step time" => Quantity(header, "step_time_second", "s"),
            "Ns" => new FieldRule("step_id"),
            "cycle number" => new FieldRule("cycle_count"),
            "Ecell" or "Ewe" => Quantity(header, "voltage_volt", "V"),
            "I" or "<I>" => Quantity(header, "current_ampere", "A"),
            "(Q-Qo)" => header.Unit == "C" ? null : Quantity(header, "net_capacity_ah", "Ah"),
            "Energy charge" => Quantity(header, "cycle_charging_energy_wh", "Wh"),
            "Energy discharge" => Quantity(header, "cycle_discharging_energy_wh", "Wh", sign: -1),
            "P" => Quantity(header, "power_watt", "W"),
            "freq" => Quantity(header, "frequency_hertz", "Hz"),
            "Re(Z)" => Quantity(header, "real_impedance_ohm", "ohm"),
            "-Im(Z)" => Quantity(header, "imaginary_impedance_ohm", "ohm", sign: -1),
            "|Z|" => Quantity(header, "absolute_impedance_ohm", "ohm"),
            "Phase(Z)" => Quantity(header, "phase_degree", "deg"),
            "Temperature" or "T" => Quantity(header, "temperature_t1_celsius", "degC"),
            _ => null,
        };
    }
}
