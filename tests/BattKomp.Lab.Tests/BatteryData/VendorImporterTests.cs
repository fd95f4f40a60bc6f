using System.Text;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.BatteryData.Importers;
using BattKomp.Lab.BatteryData.Importers.Rows;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.BatteryData;

public sealed class VendorImporterTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("neware-flat", "minimal.csv", "neware-flat", "time_zone_assumed")]
    [InlineData("arbin", "minimal.csv", "arbin", "time_zone_assumed")]
    [InlineData("maccor", "decimal_comma.txt", "maccor", "time_unit_assumed encoding_latin1 time_zone_assumed decimal_comma sign_given")]
    [InlineData("biologic", "header.mpt", "biologic", "encoding_latin1 time_zone_assumed")]
    [InlineData("biologic", "dates.csv", "biologic", "time_zone_assumed")]
    public void The_golden_export_becomes_the_golden_bdf_and_says_what_was_assumed(string folder, string file, string format, string notes)
    {
        var table = BatteryFiles.Read(GoldenFiles.Path(folder, file));
        BdfCsv.Write(table, _folder.File("out.bdf.csv"));

        Assert.Equal(File.ReadAllText(GoldenFiles.Path(folder, Path.ChangeExtension(file, ".expected.bdf.csv"))), File.ReadAllText(_folder.File("out.bdf.csv")));
        Assert.Equal(format, table.Source.Format);
        Assert.Equal(notes.Split(' ').Order(), table.Source.Notes.Select(n => n.Code).Order());
        Assert.True(BdfValidator.Validate(table).Passes);
    }

    [Theory]
    [InlineData("neware-flat/minimal.csv", "3.6100", "3.61o0", ImportFailureCode.BadField, 4, 8, "Voltage(V)")]
    [InlineData("neware-flat/minimal.csv", "-1000.0", "1000.0", ImportFailureCode.Contradiction, 5, null, null)]
    [InlineData("neware-flat/minimal.csv", "Current(mA)", "Current(kA)", ImportFailureCode.BadField, 1, 7, "Current(kA)")]
    [InlineData("neware-flat/minimal.csv", "Current(mA)", "Strom(mA)", ImportFailureCode.MissingColumn, 1, null, "current_ampere")]
    [InlineData("neware-flat/minimal.csv", "Capacity(Ah)", "Voltage(V)", ImportFailureCode.DuplicateColumn, 1, 9, "Voltage(V)")]
    [InlineData("arbin/minimal.csv", ",90.0,60.0,", ",90.0,", ImportFailureCode.FieldCount, 4, 14, null)]
    [InlineData("arbin/minimal.csv", "09/20/2024 08:33:34.500", "20/09/2024 08:33:34.500", ImportFailureCode.BadField, 4, 2, "Date Time")]
    [InlineData("maccor/decimal_comma.txt", "3,6100", "3.6100", ImportFailureCode.BadField, 9, 10, "Voltage [V]")]
    [InlineData("maccor/decimal_comma.txt", "\tC\t1\t26/05/2021 00:03", "\tO\t1\t26/05/2021 00:03", ImportFailureCode.Contradiction, 9, 11, "Md")]
    [InlineData("maccor/decimal_comma.txt", "\tMd\t", "\tXx\t", ImportFailureCode.MissingColumn, 5, null, "step_type")]
    [InlineData("biologic/header.mpt", "I/mA", "I/nA", ImportFailureCode.BadField, 7, 4, "I/nA")]
    [InlineData("biologic/header.mpt", "3.4000000E+000", "3.4000000E+0x0", ImportFailureCode.BadField, 10, 3, "Ecell/V")]
    public void What_is_wrong_is_named_with_line_column_and_remedy(string file, string from, string to, ImportFailureCode code, int line, int? column, string? field)
    {
        var text = Golden(file);
        Assert.Contains(from, text, StringComparison.Ordinal);
        var failure = Read(text.Replace(from, to, StringComparison.Ordinal)).Failure!;

        Assert.Equal((code, line, column, field), (failure.Code, (int)failure.Line!, failure.Column, failure.Field));
        Assert.NotEmpty(failure.Remedy);
    }

    [Fact]
    public void Every_cut_of_every_golden_file_is_refused_unless_the_test_is_declared_running()
    {
        foreach (var file in RowCases.Golden)
        {
            var bytes = File.ReadAllBytes(GoldenFiles.Path(file.Split('/')));
            for (var length = 0; length < bytes.Length; length++)
            {
                if (length > 0 && bytes[length - 1] == '\n') continue;
                File.WriteAllBytes(_folder.File("cut"), bytes[..length]);
                Assert.True(BatteryFiles.TryRead(_folder.File("cut")).Failure is not null, $"{file} cut at {length} was accepted");
            }

            var running = BatteryFiles.Read(_folder.File("cut"), new ImportOptions { AllowIncomplete = true, });
            Assert.Contains(running.Source.Notes, n => n.Code == "last_line_dropped");
        }
    }

    [Fact]
    public void A_declared_zone_order_mark_and_unit_are_used_and_leave_no_assumption()
    {
        var options = new ImportOptions
        {
            TimeZone = "Europe/Oslo",
            DayFirst = true,
            DecimalMark = ',',
            Units = new Dictionary<string, string> { ["TestTime"] = "min", ["StepTime"] = "min" },
        };
        var table = BatteryFiles.Read(GoldenFiles.Path("maccor", "decimal_comma.txt"), options);

        Assert.Equal(1621987140 - 7200, table.Numbers("unix_time_second")![0]);
        Assert.Equal(["encoding_latin1", "sign_given"], table.Source.Notes.Select(n => n.Code));
        Assert.Equal(("Europe/Oslo", true, CurrentSign.UnsignedByStepType), (table.Source.TimeZone, table.Source.TimeZoneDeclared, table.Source.CurrentSign));
    }

    [Fact]
    public void A_test_time_in_other_units_than_its_dates_is_found_out()
    {
        var options = new ImportOptions { Units = new Dictionary<string, string> { ["TestTime"] = "s", ["StepTime"] = "s" } };
        var failure = Read(Golden("maccor/decimal_comma.txt"), options).Failure!;

        Assert.Equal((ImportFailureCode.Contradiction, 8L), (failure.Code, failure.Line));
        Assert.Contains("0.016667", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reset_scopes_are_declared_per_vendor()
    {
        Assert.Equal(ResetScope.Schedule, Scope("arbin/minimal.csv", "schedule_charging_capacity_ah"));
        Assert.Equal(ResetScope.Step, Scope("neware-flat/minimal.csv", "step_discharging_capacity_ah"));
        Assert.Equal(ResetScope.Step, Scope("maccor/decimal_comma.txt", "step_cumulative_capacity_ah"));
        Assert.Equal(ResetScope.Test, Scope("biologic/header.mpt", "net_capacity_ah"));
        Assert.Equal(ResetScope.Cycle, Scope("biologic/header.mpt", "cycle_discharging_energy_wh"));

        static ResetScope Scope(string file, string column) => BatteryFiles.Read(GoldenFiles.Path(file.Split('/'))).Source.ResetScopes[column];
    }

    [Fact]
    public void Detection_is_by_content_whatever_the_file_is_called()
    {
        foreach (var file in RowCases.Golden)
        {
            var head = File.ReadAllBytes(GoldenFiles.Path(file.Split('/')));
            Assert.Single(RowImporters.All, i => i.Recognises(head));
            File.WriteAllBytes(_folder.File("export.xyz"), head);
            Assert.Equal(RowImporters.Recognise(head)!.Format, BatteryFiles.Read(_folder.File("export.xyz")).Source.Format);
        }
    }

    private static string Golden(string file) => Encoding.Latin1.GetString(File.ReadAllBytes(GoldenFiles.Path(file.Split('/'))));

    private ImportResult Read(string latin1, ImportOptions? options = null)
    {
        File.WriteAllBytes(_folder.File("test.csv"), Encoding.Latin1.GetBytes(latin1));
        return BatteryFiles.TryRead(_folder.File("test.csv"), options);
    }
}

/// <summary>Files that every format's reader is tried on.</summary>
internal static class RowCases
{
    public static readonly string[] Golden =
        ["neware/minimal.csv", "neware-flat/minimal.csv", "arbin/minimal.csv", "maccor/decimal_comma.txt", "biologic/header.mpt", "biologic/dates.csv",
         "novonix/minimal.csv", "basytec/minimal.txt", "pec/older.csv", "pec/newer.csv", "landt/minimal.csv", "battery-archive/timeseries.csv"];
}
