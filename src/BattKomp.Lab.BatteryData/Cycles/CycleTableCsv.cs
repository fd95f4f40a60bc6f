using System.Text;

namespace BattKomp.Lab.BatteryData;

/// <summary>The cycle table as CSV: the headline, then counter and integral side by side. Efficiency is a fraction; unknown is empty.</summary>
public static class CycleTableCsv
{
    private static readonly string[] Header =
    [
        "cycle_count", "charging_capacity_ah", "discharging_capacity_ah", "charging_energy_wh", "discharging_energy_wh", "coulombic_efficiency", "source", "agreement", "agreement_flag",
        "counter_charging_capacity_ah", "counter_discharging_capacity_ah", "counter_charging_energy_wh", "counter_discharging_energy_wh",
        "integral_charging_capacity_ah", "integral_discharging_capacity_ah", "integral_charging_energy_wh", "integral_discharging_energy_wh",
    ];

    /// <summary>Writes the rows to a file, under a temporary name first.</summary>
    public static void Write(IReadOnlyList<CycleRow> rows, string path) => AtomicFile.Write(path, stream => Write(rows, stream));

    /// <summary>Writes the rows to a stream, which stays open.</summary>
    public static void Write(IReadOnlyList<CycleRow> rows, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var writer = new Utf8CsvWriter(stream);
        foreach (var name in Header) writer.Field(Encoding.ASCII.GetBytes(name));
        writer.EndRecord();
        foreach (var row in rows) WriteRow(row, writer);
        writer.Flush();
    }

    private static void WriteRow(CycleRow row, Utf8CsvWriter writer)
    {
        writer.Field(row.CycleCount);
        writer.Field(row.ChargingCapacityAh);
        writer.Field(row.DischargingCapacityAh);
        writer.Field(row.ChargingEnergyWh ?? double.NaN);
        writer.Field(row.DischargingEnergyWh ?? double.NaN);
        writer.Field(row.CoulombicEfficiency ?? double.NaN);
        writer.Field(Encoding.ASCII.GetBytes(row.Source));
        writer.Field(row.Agreement ?? double.NaN);
        writer.Field(Flag(row.Flag));
        foreach (var pair in (TwoWay[])[row.CounterCapacity ?? TwoWay.Unknown, row.CounterEnergy ?? TwoWay.Unknown, row.IntegralCapacity, row.IntegralEnergy])
        {
            writer.Field(pair.Charging);
            writer.Field(pair.Discharging);
        }

        writer.EndRecord();
    }

    private static ReadOnlySpan<byte> Flag(AgreementFlag flag) => flag switch
    {
        AgreementFlag.Agrees => "agrees"u8,
        AgreementFlag.Disagrees => "disagrees"u8,
        _ => "single_source"u8,
    };
}
