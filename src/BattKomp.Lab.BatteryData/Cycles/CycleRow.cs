using System.Text.Json.Serialization;

namespace BattKomp.Lab.BatteryData;

/// <summary>
/// One cycle under the tester's own number. The headline figures are the counter's where its reset scope is known, else
/// the integral's; both stand beside it. Coulombic efficiency is discharge over charge of the same cycle, as a fraction.
/// </summary>
public sealed record CycleRow
{
    /// <summary>The tester's cycle number, never renumbered; 1 when the records carry none.</summary>
    [JsonPropertyName("cycle_count")]
    public required long CycleCount { get; init; }

    /// <summary>Headline charge put in (Ah).</summary>
    [JsonPropertyName("charging_capacity_ah")]
    public double ChargingCapacityAh => Headline.Charging;

    /// <summary>Headline charge taken out (Ah).</summary>
    [JsonPropertyName("discharging_capacity_ah")]
    public double DischargingCapacityAh => Headline.Discharging;

    /// <summary>Headline energy put in (Wh); null without voltage and counter.</summary>
    [JsonPropertyName("charging_energy_wh")]
    public double? ChargingEnergyWh => Known(HeadlineEnergy.Charging);

    /// <summary>Headline energy taken out (Wh); null without voltage and counter.</summary>
    [JsonPropertyName("discharging_energy_wh")]
    public double? DischargingEnergyWh => Known(HeadlineEnergy.Discharging);

    /// <summary>Discharge over charge of this cycle, as a fraction; null when nothing was charged.</summary>
    [JsonPropertyName("coulombic_efficiency")]
    public double? CoulombicEfficiency => Headline.Charging > 0 ? Headline.Discharging / Headline.Charging : null;

    /// <summary>Where the headline charge comes from: <c>counter</c> or <c>integral</c>.</summary>
    [JsonPropertyName("source")]
    public string Source => CounterCapacity is null ? "integral" : "counter";

    /// <summary>Largest relative difference of counter and integral in Ah; null when only one exists.</summary>
    [JsonPropertyName("agreement")]
    public double? Agreement { get; init; }

    /// <summary>Own trapezoid within steps (Ah).</summary>
    [JsonIgnore]
    public TwoWay IntegralCapacity { get; init; } = TwoWay.Unknown;

    /// <summary>Own trapezoid within steps (Wh).</summary>
    [JsonIgnore]
    public TwoWay IntegralEnergy { get; init; } = TwoWay.Unknown;

    /// <summary>The instrument's counters (Ah), or null.</summary>
    [JsonIgnore]
    public TwoWay? CounterCapacity { get; init; }

    /// <summary>The instrument's counters (Wh), or null.</summary>
    [JsonIgnore]
    public TwoWay? CounterEnergy { get; init; }

    /// <summary>The verdict on <see cref="Agreement"/>: 0.1 %, or 1 % where a step holds the voltage.</summary>
    [JsonIgnore]
    public AgreementFlag Flag { get; init; }

    private TwoWay Headline => CounterCapacity ?? IntegralCapacity;

    private TwoWay HeadlineEnergy => CounterEnergy ?? IntegralEnergy;

    private static double? Known(double value) => double.IsFinite(value) ? value : null;
}
