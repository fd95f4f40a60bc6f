using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using static BattKomp.Lab.BatteryData.Bdf.BdfObligation;
using static BattKomp.Lab.BatteryData.Bdf.BdfType;

namespace BattKomp.Lab.BatteryData.Bdf;

/// <summary>The 63 columns of the Battery Data Format, ontology 1.3.0. Units are fixed; positive current charges.</summary>
public static class BdfTerms
{
    /// <summary>The ontology version that this table states.</summary>
    public const string Version = "1.3.0";

    /// <summary>Every term: required, recommended, optional, deprecated.</summary>
    public static IReadOnlyList<BdfTerm> All { get; } = [.. Plain(), .. Counters(), .. Deprecations()];

    private static readonly FrozenDictionary<string, BdfTerm> ByName = All.ToFrozenDictionary(t => t.Name);
    private static readonly FrozenDictionary<string, BdfTerm> ByLabel = All.ToFrozenDictionary(t => t.Label);

    /// <summary>The term with that machine name, if BDF has it.</summary>
    public static bool TryGet(string name, [NotNullWhen(true)] out BdfTerm? term) => ByName.TryGetValue(name, out term);

    /// <summary>The term that a file's header means, in either legal style (preferred label or machine name).</summary>
    public static bool TryGetByHeader(string header, [NotNullWhen(true)] out BdfTerm? term) =>
        ByLabel.TryGetValue(header, out term) || ByName.TryGetValue(header, out term);

    private static IEnumerable<BdfTerm> Plain() =>
    [
        new("test_time_second", "Test Time / s", "s", Required, Number, "Time since the test began, as the instrument counts it; never runs backwards."),
        new("voltage_volt", "Voltage / V", "V", Required, Number, "Voltage between the test object's terminals."),
        new("current_ampere", "Current / A", "A", Required, Number, "Current into the test object: above zero charges, below zero discharges."),
        new("unix_time_second", "Unix Time / s", "s", Recommended, Number, "Instant of the record in UTC, counted from 1970 without leap seconds."),
        new("cycle_count", "Cycle Count / 1", "1", Recommended, Integer, "The tester's own cycle number; never decreases, never renumbered by us."),
        new("step_count", "Step Count / 1", "1", Recommended, Integer, "Number of the step execution; each execution has its own."),
        new("ambient_temperature_celsius", "Ambient Temperature / degC", "Cel", Recommended, Number, "Temperature of the air or bath around the test object."),
        new("step_id", "Step ID", "", Optional, Integer, "The step's number in the test program; comes back when the program loops."),
        new("step_type", "Step Type", "", Optional, Text, "What the step does, as a code such as CC_CHG, CV_CHG, CC_DCH, REST."),
        new("step_record_index", "Step Record Index / 1", "1", Optional, Integer, "Number of the record within its step execution, from 1."),
        new("record_index", "Record Index / 1", "1", Optional, Integer, "Number of the record within the test."),
        new("step_time_second", "Step Time / s", "s", Optional, Number, "Time since the step execution began."),
        new("power_watt", "Power / W", "W", Optional, Number, "Voltage times current, with the sign of the current."),
        new("internal_resistance_ohm", "Internal Resistance / ohm", "Ohm", Optional, Number, "Resistance reported by the instrument without saying how it was measured."),
        new("dc_internal_resistance_ohm", "DC Internal Resistance / ohm", "Ohm", Optional, Number, "Resistance from the voltage step that a current step causes."),
        new("ac_internal_resistance_ohm", "AC Internal Resistance / ohm", "Ohm", Optional, Number, "Magnitude of impedance at one frequency, by custom 1 kHz."),
        new("frequency_hertz", "Frequency / Hz", "Hz", Optional, Number, "Frequency of the impedance measurement."),
        new("real_impedance_ohm", "Real Impedance / ohm", "Ohm", Optional, Number, "Real part of the impedance."),
        new("imaginary_impedance_ohm", "Imaginary Impedance / ohm", "Ohm", Optional, Number, "Imaginary part of the impedance; below zero when capacitive."),
        new("absolute_impedance_ohm", "Absolute Impedance / ohm", "Ohm", Optional, Number, "Magnitude of the impedance."),
        new("phase_degree", "Phase / deg", "deg", Optional, Number, "Phase angle of the impedance."),
        .. Enumerable.Range(1, 5).Select(n => new BdfTerm(
            $"temperature_t{n}_celsius", $"Temperature T{n} / degC", "Cel", Optional, Number, $"Temperature at auxiliary sensor {n}.")),
        new("surface_temperature_celsius", "Surface Temperature / degC", "Cel", Optional, Number, "Temperature on the test object's surface."),
        new("ambient_pressure_pa", "Ambient Pressure / Pa", "Pa", Optional, Number, "Pressure of the surrounding gas."),
        new("applied_pressure_pa", "Applied Pressure / Pa", "Pa", Optional, Number, "Pressure that the fixture is set to apply."),
        new("surface_pressure_pa", "Surface Pressure / Pa", "Pa", Optional, Number, "Pressure measured on the test object's surface."),
    ];

    private static IEnumerable<BdfTerm> Counters() =>
        from scope in (ResetScope[])[ResetScope.Test, ResetScope.Cycle, ResetScope.Step, ResetScope.Schedule]
        from kind in Enum.GetValues<CounterKind>()
        where scope != ResetScope.Schedule || kind is CounterKind.Charging or CounterKind.Discharging
        from energy in (bool[])[false, true]
        select Counter(scope, kind, energy);

    private static BdfTerm Counter(ResetScope scope, CounterKind kind, bool energy)
    {
        var prefix = scope == ResetScope.Test ? "" : scope + " ";
        var quantity = $"{prefix}{kind} {(energy ? "Energy" : "Capacity")}";
        var name = quantity.ToLowerInvariant().Replace(' ', '_') + (energy ? "_wh" : "_ah");
        var since = scope switch
        {
            ResetScope.Test => "since the test began; never starts again",
            ResetScope.Cycle => "since the cycle began",
            ResetScope.Step => "since the step execution began",
            _ => "since the test program last assigned a value to the counter",
        };
        var what = (energy ? "Energy " : "Charge ") + kind switch
        {
            CounterKind.Charging => "put in",
            CounterKind.Discharging => "taken out",
            CounterKind.Net => "put in less taken out",
            _ => "put in plus taken out",
        };
        return new BdfTerm(name, $"{quantity} / {(energy ? "Wh" : "Ah")}", energy ? "W.h" : "A.h", Optional, Number, $"{what} {since}.")
        {
            Counter = new BdfCounter(scope, kind, energy),
        };
    }

    private static IEnumerable<BdfTerm> Deprecations() =>
    [
        new("step_index", "Step Index / 1", "1", Deprecated, Integer, "Older name of the record number within a step.") { ReplacedBy = "step_record_index" },
        new("test_time_millisecond", "Test Time / ms", "ms", Deprecated, Number, "Test time in milliseconds.") { ReplacedBy = "test_time_second", ReplacementDivisor = 1000 },
        new("unix_time_millisecond", "Unix Time / ms", "ms", Deprecated, Number, "Unix time in milliseconds.") { ReplacedBy = "unix_time_second", ReplacementDivisor = 1000 },
        new("step_capacity_ah", "Step Capacity / Ah", "A.h", Deprecated, Number, "Older name of the step throughput in charge.") { ReplacedBy = "step_cumulative_capacity_ah" },
        new("step_energy_wh", "Step Energy / Wh", "W.h", Deprecated, Number, "Older name of the step throughput in energy.") { ReplacedBy = "step_cumulative_energy_wh" },
    ];
}
