using System.Globalization;
using System.Text.Json;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.RealData;

/// <summary>The IFE export's cycle table against the file's own cycle rows and against the shared reference results.</summary>
public sealed class NewareCycleTests
{
    private static readonly Lazy<RecordTable> Table = new(() => BatteryFiles.Read(SharedFiles.NewareExample));
    private static readonly Lazy<IReadOnlyList<CycleRow>> Cycles = new(() => CycleTable.Compute(Table.Value));

    [Fact]
    public void Counters_agree_with_the_files_own_cycle_rows()
    {
        var own = Table.Value.InstrumentTable("cycles")!;
        Assert.Equal(20, Cycles.Value.Count);
        for (var i = 0; i < 20; i++)
        {
            var row = Cycles.Value[i];
            Assert.Equal(i + 1, row.CycleCount);
            Assert.Equal("counter", row.Source);
            Near(own.Numbers("Chg. Cap.(Ah)")![i], row.ChargingCapacityAh, 0.0002);
            Near(own.Numbers("DChg. Cap.(Ah)")![i], row.DischargingCapacityAh, 0.0002);
            Near(own.Numbers("Chg. Energy(Wh)")![i], row.ChargingEnergyWh!.Value, 0.0002);
            Near(own.Numbers("DChg. Energy(Wh)")![i], row.DischargingEnergyWh!.Value, 0.0002);
            // The file prints discharge over charge in percent, made from unrounded figures.
            Near(own.Numbers("Chg.-DChg. Eff(%)")![i] / 100, row.CoulombicEfficiency!.Value, 0.0002);
        }
    }

    [Fact]
    public void The_trapezoid_agrees_except_in_the_first_charge_and_the_agreement_column_shows_it()
    {
        var own = Table.Value.InstrumentTable("cycles")!;
        for (var i = 0; i < 20; i++)
        {
            var row = Cycles.Value[i];
            Near(own.Numbers("Chg. Cap.(Ah)")![i], row.IntegralCapacity.Charging, i == 0 ? 0.0035 : 0.001);
            Near(own.Numbers("DChg. Cap.(Ah)")![i], row.IntegralCapacity.Discharging, 0.001);
            Assert.Equal(i == 0, row.Agreement > 0.001);
            Assert.Equal(i == 0 ? AgreementFlag.Disagrees : AgreementFlag.Agrees, row.Flag);
        }

        Assert.InRange(Cycles.Value[0].Agreement!.Value, 0.0025, 0.0035);
    }

    [Theory]
    [InlineData("trapz_in_step")]
    [InlineData("instrument_step_counter_sum_of_step_maxima")]
    public void Every_reference_result_is_met(string method)
    {
        var compared = 0;
        foreach (var line in File.ReadLines(SharedFiles.Path("data", "reference_results.csv")))
        {
            var f = line.Split(',');
            if (!f[0].EndsWith("nw_regular_export_ife_example.csv", StringComparison.Ordinal) || f[5] != method) continue;
            var row = Cycles.Value.Single(c => c.CycleCount == int.Parse(f[1], CultureInfo.InvariantCulture));
            var (capacity, energy) = method == "trapz_in_step" ? (row.IntegralCapacity, row.IntegralEnergy) : (row.CounterCapacity!.Value, row.CounterEnergy!.Value);
            var pair = f[2].EndsWith("capacity", StringComparison.Ordinal) ? capacity : energy;
            Near(double.Parse(f[3], CultureInfo.InvariantCulture), f[2].StartsWith("charge", StringComparison.Ordinal) ? pair.Charging : pair.Discharging, 1e-8);
            compared++;
        }

        Assert.Equal(80, compared);
    }

    [Fact]
    public void A_table_that_went_through_BDF_gives_the_same_cycles()
    {
        using var csv = new MemoryStream();
        using var parquet = new MemoryStream();
        BdfCsv.Write(Table.Value, csv);
        BdfParquet.Write(Table.Value, parquet);
        csv.Position = parquet.Position = 0;

        Assert.Equal(Cycles.Value, CycleTable.Compute(BdfCsv.Read(csv, "x")));
        Assert.Equal(Cycles.Value, CycleTable.Compute(BdfParquet.Read(parquet, "x")));
    }

    [Fact]
    public void Voltage_current_and_time_alone_give_the_integral()
    {
        var bare = Table.Value.Select("test_time_second", "voltage_volt", "current_ampere", "cycle_count");
        var cycles = CycleTable.Compute(bare);

        Assert.All(cycles, c => Assert.Equal("integral", c.Source));
        Assert.All(cycles, c => Assert.Null(c.Agreement));
        for (var i = 0; i < 20; i++)
        {
            Near(Cycles.Value[i].IntegralCapacity.Charging, cycles[i].ChargingCapacityAh, 1e-9);
            Near(Cycles.Value[i].IntegralCapacity.Discharging, cycles[i].DischargingCapacityAh, 1e-9);
        }
    }

    [Fact]
    public void The_step_table_agrees_with_the_files_own_step_rows()
    {
        var own = Table.Value.InstrumentTable("steps")!;
        var steps = StepTable.Compute(Table.Value);

        Assert.Equal(81, steps.Count);
        for (var i = 0; i < steps.Count; i++)
        {
            Assert.Equal(own.Numbers("Step Number")![i], steps[i].StepCount);
            Assert.Equal(own.Numbers("Capacity(Ah)")![i], steps[i].CounterCapacity!.Value.Larger, 6e-6);
            Assert.Equal(own.Numbers("Energy(Wh)")![i], steps[i].CounterEnergy!.Value.Larger, 6e-6);
            Assert.Equal(own.Numbers("End Voltage(V)")![i], steps[i].EndVoltage, 1e-4);
        }
    }

    [Fact]
    public void The_json_rows_have_exactly_the_published_fields()
    {
        using var json = JsonDocument.Parse(CycleTable.ToJson(Cycles.Value));

        Assert.Equal(20, json.RootElement.GetArrayLength());
        Assert.Equal(
            ["cycle_count", "charging_capacity_ah", "discharging_capacity_ah", "charging_energy_wh", "discharging_energy_wh", "coulombic_efficiency", "source", "agreement"],
            json.RootElement[1].EnumerateObject().Select(p => p.Name));
    }

    private static void Near(double expected, double actual, double relative) =>
        Assert.True(Math.Abs(actual - expected) <= relative * Math.Abs(expected), $"{actual} is not within {relative:P3} of {expected}");
}
