namespace BattKomp.Lab.BatteryData.Bdf;

/// <summary>How strongly BDF asks for a column.</summary>
public enum BdfObligation
{
    /// <summary>A file without it is not BDF.</summary>
    Required,

    /// <summary>Should be there.</summary>
    Recommended,

    /// <summary>May be there.</summary>
    Optional,

    /// <summary>An older name: read with a warning and converted, never written.</summary>
    Deprecated,
}

/// <summary>What a column's values are.</summary>
public enum BdfType
{
    /// <summary>Double precision.</summary>
    Number,

    /// <summary>Whole number.</summary>
    Integer,

    /// <summary>Text.</summary>
    Text,
}

/// <summary>What a counter adds up.</summary>
public enum CounterKind
{
    /// <summary>Charging only.</summary>
    Charging,

    /// <summary>Discharging only, counted positive.</summary>
    Discharging,

    /// <summary>Charging minus discharging.</summary>
    Net,

    /// <summary>Charging plus discharging (throughput).</summary>
    Cumulative,
}

/// <summary>What a counter of charge or energy means; BDF says it by the name.</summary>
/// <param name="Scope">When it starts again from zero.</param>
/// <param name="Kind">What it adds up.</param>
/// <param name="IsEnergy">Wh when true, Ah when false.</param>
public sealed record BdfCounter(ResetScope Scope, CounterKind Kind, bool IsEnergy);

/// <summary>One column that BDF 1.3 defines.</summary>
/// <param name="Name">Machine name, e.g. <c>voltage_volt</c>.</param>
/// <param name="Label">Preferred label, e.g. <c>Voltage / V</c>.</param>
/// <param name="Unit">UCUM code; empty where the column has no unit.</param>
/// <param name="Obligation">How strongly BDF asks for it.</param>
/// <param name="Type">Type of its values.</param>
/// <param name="Description">Our own one-line description.</param>
public sealed record BdfTerm(string Name, string Label, string Unit, BdfObligation Obligation, BdfType Type, string Description)
{
    /// <summary>Machine name of the term that took this one's place, for deprecated terms.</summary>
    public string? ReplacedBy { get; init; }

    /// <summary>Values divided by this are values of <see cref="ReplacedBy"/> (1000 from milliseconds to seconds; a division, because it rounds only once).</summary>
    public double ReplacementDivisor { get; init; } = 1;

    /// <summary>Set for the counters of charge and energy.</summary>
    public BdfCounter? Counter { get; init; }

    /// <summary>The quantity part of the label, without its unit: <c>Voltage</c>.</summary>
    public string Quantity => Label.Split(" / ")[0];
}
