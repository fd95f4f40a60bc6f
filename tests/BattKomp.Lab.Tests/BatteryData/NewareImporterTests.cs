using System.Text;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.BatteryData.Importers;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.BatteryData;

public sealed class NewareImporterTests : IDisposable
{
    private static readonly string Minimal = File.ReadAllText(GoldenFiles.Path("neware", "minimal.csv"));
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_golden_export_becomes_the_golden_bdf_and_cycles()
    {
        var table = BatteryFiles.Read(GoldenFiles.Path("neware", "minimal.csv"));
        BdfCsv.Write(table, _folder.File("out.bdf.csv"));
        CycleTableCsv.Write(CycleTable.Compute(table), _folder.File("cycles.csv"));

        Assert.Equal(File.ReadAllText(GoldenFiles.Path("neware", "minimal.expected.bdf.csv")), File.ReadAllText(_folder.File("out.bdf.csv")));
        Assert.Equal(File.ReadAllText(GoldenFiles.Path("neware", "minimal.expected.cycles.csv")), File.ReadAllText(_folder.File("cycles.csv")));
        Assert.Equal(2, Directory.GetFiles(_folder.Root).Length);
    }

    [Fact]
    public void Every_cut_of_the_file_is_refused()
    {
        for (var length = 0; length < Minimal.Length; length++)
        {
            var failure = Read(Minimal[..length]).Failure;
            Assert.True(failure is not null, $"cut at {length} was accepted");
            Assert.NotEmpty(failure.Remedy);
        }
    }

    [Fact]
    public void A_running_test_can_be_read_up_to_its_last_whole_line()
    {
        var result = Read(Minimal[..^10], new ImportOptions { AllowIncomplete = true });

        Assert.Equal(6, result.Table!.Count);
        Assert.Contains(result.Table.Source.Notes, n => n.Code == "last_line_dropped");
        Assert.Contains(result.Table.Source.Notes, n => n.Code == "step_time_mismatch");
    }

    [Theory]
    [InlineData("1.00000,3.6000,0.050000000", "1.00000,3.6o00,0.050000000", ImportFailureCode.BadField, 6, 7, "Voltage(V)")]
    [InlineData("00:03:00,00:03:00", "00:03:00,03 min", ImportFailureCode.BadField, 6, 5, "Total Time")]
    [InlineData("2026-01-15 08:03:00", "15/01/2026 08:03", ImportFailureCode.BadField, 6, 10, "Date")]
    [InlineData("2026-01-15 08:03:00", "2026-02-30 08:03:00", ImportFailureCode.BadField, 6, 10, "Date")]
    [InlineData(",,2,00:03:00,", ",,2,00:03:00,extra,", ImportFailureCode.FieldCount, 6, 12, null)]
    [InlineData(",2,2,Rest,", ",2,two,Rest,", ImportFailureCode.BadField, 8, 3, "Step Number")]
    [InlineData("Current(A)", "Current(uA)", ImportFailureCode.BadField, 3, 6, "Current(uA)")]
    [InlineData("Current(A),", "Strom(A),", ImportFailureCode.MissingColumn, 3, null, "Current")]
    [InlineData("Energy(Wh),Date", "Current(mA),Date", ImportFailureCode.DuplicateColumn, 3, 9, "Current(mA)")]
    [InlineData(",-1.00000,3.5000", ",1.00000,3.5000", ImportFailureCode.Contradiction, 11, null, "Current")]
    public void What_is_wrong_is_named_with_line_column_and_remedy(string from, string to, ImportFailureCode code, int line, int? column, string? field)
    {
        Assert.Contains(from, Minimal, StringComparison.Ordinal);
        var failure = Read(Minimal.Replace(from, to, StringComparison.Ordinal)).Failure!;

        Assert.Equal((code, line, column, field), (failure.Code, (int)failure.Line!, failure.Column, failure.Field));
        Assert.Equal("test.csv", failure.File);
        Assert.NotEmpty(failure.Remedy);
    }

    [Fact]
    public void Empty_binary_foreign_and_missing_files_are_told_apart()
    {
        File.WriteAllBytes(_folder.File("empty"), []);
        File.WriteAllBytes(_folder.File("binary"), [0x50, 0x4B, 3, 4, 0, 0, 1, 2]);
        File.WriteAllText(_folder.File("foreign.csv"), "name,value\na,1\n");
        File.WriteAllBytes(_folder.File("nul"), Encoding.UTF8.GetBytes(Minimal.Replace("3.5400", "3.5\0\0", StringComparison.Ordinal)));
        File.WriteAllBytes(_folder.File("cut.parquet"), [.. "PAR1"u8, 1, 2, 3]);

        Assert.Equal(ImportFailureCode.Empty, BatteryFiles.TryRead(_folder.File("empty")).Failure!.Code);
        Assert.Equal(ImportFailureCode.Binary, BatteryFiles.TryRead(_folder.File("binary")).Failure!.Code);
        Assert.Equal(ImportFailureCode.UnknownFormat, BatteryFiles.TryRead(_folder.File("foreign.csv")).Failure!.Code);
        Assert.Equal(ImportFailureCode.Binary, BatteryFiles.TryRead(_folder.File("nul")).Failure!.Code);
        Assert.Equal(ImportFailureCode.Truncated, BatteryFiles.TryRead(_folder.File("cut.parquet")).Failure!.Code);
        Assert.Equal(ImportFailureCode.NotFound, BatteryFiles.TryRead(_folder.File("absent")).Failure!.Code);
        Assert.Equal(ImportFailureCode.Unreadable, BatteryFiles.TryRead(_folder.Root).Failure!.Code);
    }

    [Fact]
    public void Other_units_line_ends_and_a_byte_order_mark_change_nothing()
    {
        var text = "\uFEFF" + Minimal.Replace("Current(A)", "Current(mA)", StringComparison.Ordinal).Replace(",1.00000,", ",1000,", StringComparison.Ordinal)
            .Replace(",-1.00000,", ",-1000,", StringComparison.Ordinal).Replace("\n", "\r\n", StringComparison.Ordinal);
        var table = Read(text).Table!;
        var plain = Read(Minimal).Table!;

        Assert.Equal(plain.Numbers("current_ampere"), table.Numbers("current_ampere"));
        Assert.Equal(1000, table.Numbers("Current(mA)")![0]);
        Assert.Equal(CycleTable.Compute(plain), CycleTable.Compute(table));
    }

    [Fact]
    public void Unsigned_current_is_signed_by_step_type_when_declared()
    {
        var text = Minimal.Replace(",-1.00000,", ",1.00000,", StringComparison.Ordinal);
        var table = Read(text, new ImportOptions { CurrentSign = CurrentSign.UnsignedByStepType }).Table!;

        Assert.Equal(Read(Minimal).Table!.Numbers("current_ampere"), table.Numbers("current_ampere"));
        Assert.Equal(1, table.Numbers("Current(A)")![^1]);
        Assert.Contains(table.Source.Notes, n => n.Code == "sign_given");
    }

    [Fact]
    public void A_declared_zone_is_used_and_the_hour_that_occurs_twice_is_told_apart()
    {
        // Norway's clocks go back at 03:00 on 25 October 2026: 02:01 is three minutes after 01:58, and this 02:04 is 66 minutes after it.
        var text = Minimal.Replace("2026-01-15 08:00:00", "2026-10-25 01:58:00", StringComparison.Ordinal)
            .Replace("2026-01-15 08:03:00", "2026-10-25 02:01:00", StringComparison.Ordinal)
            .Replace(",,3,00:06:00,00:06:00,", ",,3,00:06:00,01:06:00,", StringComparison.Ordinal)
            .Replace("0.36000,2026-01-15 08:06:00", "0.36000,2026-10-25 02:04:00", StringComparison.Ordinal);
        var table = Read(text, new ImportOptions { TimeZone = "Europe/Oslo" }).Table!;

        Assert.Equal([1792886280, 1792886280 + 180, 1792886280 + 3960], table.Numbers("unix_time_second")![..3]);
        Assert.Equal(("Europe/Oslo", true), (table.Source.TimeZone, table.Source.TimeZoneDeclared));
        Assert.DoesNotContain(table.Source.Notes, n => n.Code == "time_zone_assumed");
        Assert.Equal(ImportFailureCode.BadOption, Read(text, new ImportOptions { TimeZone = "Norway/Nowhere" }).Failure!.Code);
    }

    [Fact]
    public void Vendor_columns_of_one_name_are_both_kept()
    {
        var table = Read(Minimal.Replace("Date,Aux", "Date,Aux,Aux", StringComparison.Ordinal).Replace(",a\n", ",a,9\n", StringComparison.Ordinal)
            .Replace(",b\n", ",b,8\n", StringComparison.Ordinal).Replace(",c\n", ",c,7\n", StringComparison.Ordinal).Replace("08:06:00,\n", "08:06:00,,6\n", StringComparison.Ordinal)
            .Replace("08:07:00,\n", "08:07:00,,5\n", StringComparison.Ordinal).Replace(",d\n", ",d,4\n", StringComparison.Ordinal).Replace(",e\n", ",e,3\n", StringComparison.Ordinal)).Table!;

        Assert.Equal("a", table.Texts("Aux")![0]);
        Assert.Equal([9.0, 8, 7, 6, 5, 4, 3], table.Numbers("Aux #2")!);
    }

    [Fact]
    public void A_damaged_file_is_read_or_refused_and_nothing_else_happens()
    {
        var bytes = Encoding.UTF8.GetBytes(Minimal);
        byte[] poison = [.. ",\n\r\"-.:09aT"u8, 0, 0xFF];
        var random = new Random(20260306);
        for (var round = 0; round < 1000; round++)
        {
            var damaged = (byte[])bytes.Clone();
            for (var hit = 0; hit <= round % 4; hit++) damaged[random.Next(damaged.Length)] = poison[random.Next(poison.Length)];
            File.WriteAllBytes(_folder.File("damaged.csv"), damaged);
            var result = BatteryFiles.TryRead(_folder.File("damaged.csv"), new ImportOptions { AllowIncomplete = round % 2 == 0 });
            Assert.True(result.Table is null != result.Failure is null);
            if (result.Table is { } table) BdfValidator.Validate(table);
        }
    }

    private ImportResult Read(string text, ImportOptions? options = null)
    {
        File.WriteAllText(_folder.File("test.csv"), text);
        return BatteryFiles.TryRead(_folder.File("test.csv"), options);
    }
}
