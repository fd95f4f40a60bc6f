using System.Text;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.BatteryData.Importers;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.BatteryData;

/// <summary>Novonix, Basytec, PEC, LANDT, Battery Archive and Maccor's impedance sweeps, on files of our own.</summary>
public sealed class ImporterLayoutTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("novonix/minimal.csv", "novonix", "time_zone_assumed")]
    [InlineData("basytec/minimal.txt", "basytec", "encoding_latin1 time_zone_assumed")]
    [InlineData("pec/older.csv", "pec", "time_zone_assumed")]
    [InlineData("pec/newer.csv", "pec", "time_zone_assumed date_order_assumed")]
    [InlineData("landt/minimal.csv", "landt", "time_zone_assumed")]
    [InlineData("battery-archive/timeseries.csv", "battery-archive", "time_zone_assumed")]
    public void The_golden_export_becomes_the_golden_bdf_and_says_what_was_assumed(string file, string format, string notes)
    {
        var table = BatteryFiles.Read(Path(file));

        Same(file, table);
        Assert.Equal((format, CurrentSign.PositiveCharges), (table.Source.Format, table.Source.CurrentSign));
        Assert.Equal(notes.Split(' ').Order(), table.Source.Notes.Select(n => n.Code).Order());
        Assert.True(BdfValidator.Validate(table).Passes);
    }

    [Fact]
    public void An_impedance_sweep_keeps_the_sign_as_written_and_needs_no_current()
    {
        var table = BatteryFiles.Read(Path("maccor/impedance.041"), new ImportOptions { TimeZone = "Europe/Oslo" });

        Same("maccor/impedance.041", table);
        Assert.Equal("maccor-impedance", table.Source.Format);
        Assert.Equal([0, -0.04, -0.12], table.Numbers("imaginary_impedance_ohm")!);
        Assert.Equal(1768460700 + 1.5, table.Numbers("unix_time_second")![0]);
        Assert.Null(table.Numbers("current_ampere"));
        Assert.Equal(["time_resolution"], table.Source.Notes.Select(n => n.Code));
    }

    [Theory]
    [InlineData("novonix/minimal.csv", 0.05, 0.05, 0.18, 0.175)]
    [InlineData("basytec/minimal.txt", 0.05, 0.05, 0.18, 0.175)]
    [InlineData("pec/older.csv", 0.05, 0.05, 0.18, 0.175)]
    [InlineData("pec/newer.csv", 0.050125, 0, 0.1805, 0)]
    [InlineData("landt/minimal.csv", 0.00005, 0.00005, 0.00018, 0.000175)]
    [InlineData("battery-archive/timeseries.csv", 0.05, 0.05, 0.18, 0.175)]
    public void The_declared_reset_scope_gives_the_first_cycles_charge_and_energy(string file, double charge, double discharge, double chargeEnergy, double dischargeEnergy)
    {
        var cycle = CycleTable.Compute(BatteryFiles.Read(Path(file)))[0];

        Assert.Equal("counter", cycle.Source);
        Assert.Equal(charge, cycle.ChargingCapacityAh, 12);
        Assert.Equal(discharge, cycle.DischargingCapacityAh, 12);
        Assert.Equal(chargeEnergy, cycle.ChargingEnergyWh!.Value, 12);
        Assert.Equal(dischargeEnergy, cycle.DischargingEnergyWh!.Value, 12);
    }

    [Theory]
    [InlineData("novonix/minimal.csv", "0.0250000,0.0000000,1.0", "0.0250000,0.0000000,1,0", ImportFailureCode.FieldCount, 14, 14, null)]
    [InlineData("novonix/minimal.csv", "0.0500000000,25.2", "0.05e,25.2", ImportFailureCode.BadField, 15, 8, "Capacity (Ah)")]
    [InlineData("novonix/minimal.csv", "Run Time (h)", "Run Time (d)", ImportFailureCode.BadField, 12, 4, "Run Time (d)")]
    [InlineData("basytec/minimal.txt", "Discharge\t3.5\t-1\t0\t", "Discharge\t3.5\t3\t0\t", ImportFailureCode.Contradiction, 10, null, null)]
    [InlineData("basytec/minimal.txt", "I[A]", "I[kA]", ImportFailureCode.BadField, 6, 7, "I[kA]")]
    [InlineData("basytec/minimal.txt", "U[V]", "U[V]\tU[V]", ImportFailureCode.DuplicateColumn, 6, 7, "U[V]")]
    [InlineData("pec/older.csv", "7,1,SBT,2", "7,2,SBT,2", ImportFailureCode.Contradiction, 13, 2, "Cell")]
    [InlineData("pec/older.csv", "01/15/2026 08:05:00,", "15/01/2026 08:05:00,", ImportFailureCode.BadField, 13, 9, "Real Time")]
    [InlineData("pec/newer.csv", "00:04:00.500", "00:64:00.500", ImportFailureCode.BadField, 7, 8, "Total Time (Hours in hh:mm:ss.xxx)")]
    [InlineData("landt/minimal.csv", "current_A,", "current_B,", ImportFailureCode.UnknownFormat, 1, null, null)]
    [InlineData("landt/minimal.csv", "voltage_V,", "spannung_V,", ImportFailureCode.MissingColumn, 4, null, "voltage_volt")]
    [InlineData("battery-archive/timeseries.csv", ",1.0,1.0,3.6,0.05", ",1.0,1.0,3.6,x", ImportFailureCode.BadField, 4, 6, "Charge_Capacity (Ah)")]
    [InlineData("battery-archive/cycles.csv", "1.0,,", "2.0,,", ImportFailureCode.BadField, 1, 5, "Min_Current (A)")]
    [InlineData("maccor/impedance.041", "\t0.050000\t0.000000\t7.1", "\t0.060000\t0.000000\t7.1", ImportFailureCode.Contradiction, 9, null, null)]
    [InlineData("maccor/impedance.041", "-67.380135", "67.380135", ImportFailureCode.Contradiction, 10, null, null)]
    [InlineData("maccor/impedance.041", "\t7.1\t\t\t\t3.9", "\t7.1", ImportFailureCode.FieldCount, 8, 9, null)]
    public void What_is_wrong_is_named_with_line_column_and_remedy(string file, string from, string to, ImportFailureCode code, int line, int? column, string? field)
    {
        var text = Encoding.Latin1.GetString(File.ReadAllBytes(Path(file)));
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllBytes(_folder.File("bad"), Encoding.Latin1.GetBytes(text.Replace(from, to, StringComparison.Ordinal)));
        var failure = BatteryFiles.TryRead(_folder.File("bad")).Failure!;

        Assert.Equal((code, line, column, field), (failure.Code, (int)(failure.Line ?? 0), failure.Column, failure.Field));
        Assert.NotEmpty(failure.Remedy);
    }

    [Fact]
    public void Matlab_days_are_dates()
    {
        File.WriteAllText(_folder.File("m.csv"), "Data_Point,Test_Time(s),Date_Time,Step_Index,Cycle_Index,Current(A),Voltage(V)\n1,0,737792.25,1,1,0,3.5\n2,60,737792.251,1,1,0,3.5\n");

        Assert.Equal(1577944800, BatteryFiles.Read(_folder.File("m.csv")).Numbers("unix_time_second")![0]);
    }

    private static string Path(string file) => GoldenFiles.Path(file.Split('/'));

    private void Same(string file, RecordTable table)
    {
        BdfCsv.Write(table, _folder.File("out.bdf.csv"));
        Assert.Equal(File.ReadAllText(Path(System.IO.Path.ChangeExtension(file, ".expected.bdf.csv"))), File.ReadAllText(_folder.File("out.bdf.csv")));
    }
}
