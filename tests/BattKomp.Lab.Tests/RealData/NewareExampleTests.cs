using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.RealData;

/// <summary>The IFE export: 9295 records, 20 cycles, 81 steps.</summary>
public sealed class NewareExampleTests
{
    [Fact]
    public void All_records_steps_and_cycles_are_read()
    {
        var table = BatteryFiles.Read(SharedFiles.NewareExample);

        Assert.Equal("neware-hierarchical", table.Source.Format);
        Assert.Equal(9295, table.Count);
        Assert.Equal(20, table.InstrumentTable("cycles")!.Count);
        Assert.Equal(81, table.InstrumentTable("steps")!.Count);
        Assert.Equal(Enumerable.Range(1, 20).Select(c => (double)c), table.Numbers("cycle_count")!.Distinct());
        Assert.Equal(81, table.Numbers("step_count")!.Distinct().Count());
        Assert.Equal(["REST", "CC_CHG", "CC_DCH"], Enumerable.Range(0, table.Count).Select(r => table.Texts("step_type")![r]).Distinct());
    }

    [Fact]
    public void Canonical_columns_hold_what_the_lines_say()
    {
        var table = BatteryFiles.Read(SharedFiles.NewareExample);

        Assert.Equal(0.47417, table.Numbers("current_ampere")![12]);
        Assert.Equal(4.4530, table.Numbers("voltage_volt")![12]);
        Assert.Equal(50, table.Numbers("test_time_second")![12]);
        Assert.Equal(30, table.Numbers("step_time_second")![12]);
        Assert.Equal(0.003952875, table.Numbers("step_cumulative_capacity_ah")![12]);
        Assert.Equal(1772800695, table.Numbers("unix_time_second")![12]);
        Assert.Equal(100543, table.Numbers("test_time_second")![^1]);
        Assert.Equal(9295, table.Numbers("record_index")![^1]);
        Assert.True(table.Numbers("current_ampere")!.Min() < -0.4);
    }

    [Fact]
    public void Vendor_columns_stay_beside_the_canonical_ones()
    {
        var table = BatteryFiles.Read(SharedFiles.NewareExample);

        Assert.Equal("00:00:50", table.Texts("Total Time")![12]);
        Assert.Equal("2026-03-06 12:38:15", table.Texts("Date")![12]);
        Assert.Equal("CC Chg", table.Texts("Step Type (vendor)")![12]);
        Assert.Equal(25.17, table.Numbers("CPU(?)")![12]);
        Assert.Equal("Capacity(Ah)", table.Source.VendorNames["step_cumulative_capacity_ah"]);
        Assert.Equal(ResetScope.Step, table.Source.ResetScopes["step_cumulative_energy_wh"]);
    }

    [Fact]
    public void What_had_to_be_assumed_is_said()
    {
        var notes = BatteryFiles.Read(SharedFiles.NewareExample).Source.Notes.Select(n => n.Code).ToList();

        Assert.Contains("time_zone_assumed", notes);
        Assert.Contains("unit_assumed", notes);
        Assert.Contains("time_resolution", notes);
        Assert.DoesNotContain("step_time_mismatch", notes);
    }

    [Theory]
    [InlineData(BdfHeaderStyle.PreferredLabel)]
    [InlineData(BdfHeaderStyle.MachineName)]
    public void The_whole_table_survives_csv_and_parquet(BdfHeaderStyle style)
    {
        var table = BatteryFiles.Read(SharedFiles.NewareExample);
        using var csv = new MemoryStream();
        using var parquet = new MemoryStream();

        BdfCsv.Write(table, csv, style);
        BdfParquet.Write(table, parquet, style);
        csv.Position = parquet.Position = 0;

        Tables.AssertSame(table, BdfCsv.Read(csv, "a.bdf.csv"));
        Tables.AssertSame(table, BdfParquet.Read(parquet, "a.bdf.parquet"));
    }
}
