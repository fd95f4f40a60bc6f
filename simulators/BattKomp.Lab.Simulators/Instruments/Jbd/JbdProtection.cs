using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Hosting;

namespace BattKomp.Lab.Simulators.Instruments.Jbd;

/// <summary>Settings of type <c>jbd-uart</c>.</summary>
public sealed record JbdOptions
{
    /// <summary>A cell above this (V) ends charging…</summary>
    public double CellOverVolt { get; init; } = 4.25;

    /// <summary>…until all are below this (V).</summary>
    public double CellOverReleaseVolt { get; init; } = 4.15;

    /// <summary>A cell below this (V) ends discharging…</summary>
    public double CellUnderVolt { get; init; } = 2.8;

    /// <summary>…until all are above this (V).</summary>
    public double CellUnderReleaseVolt { get; init; } = 3.0;

    /// <summary>Charge current (A) above which charging ends for half a minute.</summary>
    public double ChargeOverAmpere { get; init; } = 10;

    /// <summary>Discharge current (A) above which discharging ends for half a minute.</summary>
    public double DischargeOverAmpere { get; init; } = 20;

    /// <summary>Above this (°C) both end, until 5 K below.</summary>
    public double OverCelsius { get; init; } = 65;

    /// <summary>Cycles that the pack has behind it at switch-on.</summary>
    public int Cycles { get; init; }

    /// <summary>Temperature sensors, 1 to 4.</summary>
    public int Sensors { get; init; } = 2;

    /// <summary>Throws when the settings cannot be.</summary>
    /// <exception cref="ConfigException">Names the field and the remedy.</exception>
    public JbdOptions Checked() =>
        !(CellOverReleaseVolt < CellOverVolt) ? throw new ConfigException("settings.cell_over_release_volt must be below cell_over_volt")
        : !(CellUnderReleaseVolt > CellUnderVolt) ? throw new ConfigException("settings.cell_under_release_volt must be above cell_under_volt")
        : !(ChargeOverAmpere > 0) || !(DischargeOverAmpere > 0) ? throw new ConfigException("settings: over-current limits must be above 0 A")
        : Sensors is < 1 or > 4 ? throw new ConfigException("settings.sensors must be from 1 to 4")
        : Cycles is < 0 or > 65_535 ? throw new ConfigException("settings.cycles must be from 0 to 65535")
        : this;
}

/// <summary>The two switches of a BMS, what opens them, and its coulomb counter.</summary>
public sealed class JbdProtection(JbdOptions options, SharedCell pack, DeviceFaults faults) : ICellGate
{
    private const double OverCurrentSeconds = 30;
    private const int CellOver = 1 << 0;
    private const int CellUnder = 1 << 1;
    private const int ChargeHot = 1 << 4;
    private const int DischargeHot = 1 << 6;
    private const int ChargeOver = 1 << 8;
    private const int DischargeOver = 1 << 9;

    private double _chargeOverAt = double.NegativeInfinity;
    private double _dischargeOverAt = double.NegativeInfinity;

    /// <summary>Protections in force, one bit each: 0 cell over, 1 cell under, 4 and 6 hot, 8 charge and 9 discharge over-current.</summary>
    public int Bits { get; private set; }

    /// <summary>The host's order to the charge switch.</summary>
    public bool ChargeOrdered { get; set; } = true;

    /// <summary>The host's order to the discharge switch.</summary>
    public bool DischargeOrdered { get; set; } = true;

    /// <summary>Remaining charge (Ah), counted.</summary>
    public double RemainingAh { get; private set; } = pack.Soc * pack.Cells[0].Parameters.CapacityAh;

    /// <summary>Charge taken out (Ah), for the cycle count.</summary>
    public double DischargedAh { get; private set; }

    /// <summary>What the BMS believes of its charge switch.</summary>
    public bool ChargeOn => ChargeOrdered && (Bits & (CellOver | ChargeHot | ChargeOver)) == 0;

    /// <summary>What the BMS believes of its discharge switch.</summary>
    public bool DischargeOn => DischargeOrdered && (Bits & (CellUnder | DischargeHot | DischargeOver)) == 0;

    /// <inheritdoc/>
    public bool ChargeAllowed => ChargeOn || faults.StuckRelay(pack.Seconds);

    /// <inheritdoc/>
    public bool DischargeAllowed => DischargeOn || faults.StuckRelay(pack.Seconds);

    /// <inheritdoc/>
    public void Carried(double ampere, double seconds)
    {
        var capacity = pack.Cells[0].Parameters.CapacityAh;
        RemainingAh = Math.Clamp(RemainingAh + ampere * seconds / 3600, 0, capacity);
        if (ampere < 0) DischargedAh -= ampere * seconds / 3600;
        if (ampere > options.ChargeOverAmpere) _chargeOverAt = pack.Seconds;
        if (-ampere > options.DischargeOverAmpere) _dischargeOverAt = pack.Seconds;
        Judge();
    }

    /// <summary>As at switch-on: both switches ordered on; what is kept in memory stays.</summary>
    public void Reset()
    {
        (ChargeOrdered, DischargeOrdered, Bits) = (true, true, 0);
        (_chargeOverAt, _dischargeOverAt) = (double.NegativeInfinity, double.NegativeInfinity);
        Judge();
    }

    private void Judge()
    {
        var (least, most) = (pack.Cells.Min(c => c.Volt), pack.Cells.Max(c => c.Volt));
        var hot = pack.Celsius > options.OverCelsius - (Has(ChargeHot) ? 5 : 0);
        Set(CellOver, most > (Has(CellOver) ? options.CellOverReleaseVolt : options.CellOverVolt));
        Set(CellUnder, least < (Has(CellUnder) ? options.CellUnderReleaseVolt : options.CellUnderVolt));
        Set(ChargeHot, hot);
        Set(DischargeHot, hot);
        Set(ChargeOver, pack.Seconds - _chargeOverAt < OverCurrentSeconds);
        Set(DischargeOver, pack.Seconds - _dischargeOverAt < OverCurrentSeconds);
    }

    private bool Has(int bit) => (Bits & bit) != 0;

    private void Set(int bit, bool on) => Bits = on ? Bits | bit : Bits & ~bit;
}
