using BattKomp.Lab.Simulators.Hosting;

namespace BattKomp.Lab.Simulators.Instruments.Scpi;

/// <summary>Which maker's habits the supply has.</summary>
public enum ScpiProfile
{
    /// <summary>The common core alone.</summary>
    Generic,

    /// <summary>Exponents in replies; the current is read back a little off what was set.</summary>
    Kepco,

    /// <summary>Sets nothing before <c>SYST:LOCK 1</c>.</summary>
    Ea,

    /// <summary>Silent before <c>ADR 6</c>; short commands that answer OK beside the common core.</summary>
    Tdk,

    /// <summary>An electronic load: only sinks, echoes headers and units.</summary>
    Aimtti,
}

/// <summary>Settings of type <c>scpi</c>.</summary>
public sealed record ScpiOptions
{
    /// <summary>Whose habits.</summary>
    public ScpiProfile Profile { get; init; } = ScpiProfile.Generic;

    /// <summary>Greatest voltage (V).</summary>
    public double MaxVolt { get; init; } = 60;

    /// <summary>Greatest current (A) in either direction.</summary>
    public double MaxAmpere { get; init; } = 20;

    /// <summary>Baud rate, for the pace of the line.</summary>
    public int Baud { get; init; } = 115_200;

    /// <summary>TDK: the address that wakes it.</summary>
    public int Address { get; init; } = 6;

    /// <summary>Throws when the settings cannot be.</summary>
    /// <exception cref="ConfigException">Names the field and the remedy.</exception>
    public ScpiOptions Checked() =>
        MaxVolt is not (> 0 and <= 1500) ? throw new ConfigException("settings.max_volt must be above 0 and at most 1500 V")
        : MaxAmpere is not (> 0 and <= 1000) ? throw new ConfigException("settings.max_ampere must be above 0 and at most 1000 A")
        : Baud is < 1200 or > 4_000_000 ? throw new ConfigException("settings.baud must be from 1200 to 4000000")
        : Address is < 0 or > 31 ? throw new ConfigException("settings.address must be from 0 to 31")
        : this;
}
