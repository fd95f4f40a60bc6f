using System.Text;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.BatteryData;

public sealed class BdfFileTests : IDisposable
{
    private const string Header = "Test Time / s,Voltage / V,Current / A";
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Both_header_styles_mean_the_same_columns()
    {
        var labels = Read($"{Header},Cycle Count / 1\n0,3.5,1,1\n");
        var names = Read("test_time_second,voltage_volt,current_ampere,cycle_count\n0,3.5,1,1\n");

        Tables.AssertSame(labels, names);
        Assert.Equal(["test_time_second", "voltage_volt", "current_ampere", "cycle_count"], labels.Columns.Select(c => c.Name));
    }

    [Fact]
    public void Deprecated_names_are_converted_and_said()
    {
        var table = Read("Test Time / ms,Voltage / V,Current / A,step_capacity_ah\n1500,3.5,1,0.25\n");

        Assert.Equal([1.5], table.Numbers("test_time_second")!);
        Assert.Equal([0.25], table.Numbers("step_cumulative_capacity_ah")!);
        Assert.Equal(["test_time_millisecond", "step_capacity_ah"], table.Source.Notes.Select(n => n.Field));
        Assert.Equal(ResetScope.Step, table.Source.ResetScopes["step_cumulative_capacity_ah"]);
    }

    [Fact]
    public void A_deprecated_column_beside_its_successor_is_kept_and_not_used()
    {
        var table = Read("Test Time / s,Test Time / ms,Voltage / V,Current / A\n1,2000,3.5,1\n");

        Assert.Equal([1.0], table.Numbers("test_time_second")!);
        Assert.Equal([2000.0], table.Numbers("test_time_millisecond")!);
    }

    [Fact]
    public void Unknown_columns_are_kept_with_what_they_hold()
    {
        var table = Read($"{Header},Serial,Note,Weight,Count\n0,3.5,1,007,\"a, \"\"b\"\"\nc\",1.5,12\n1,3.5,1,008,,,13\n");

        Assert.Equal("007", table.Texts("Serial")![0]);
        Assert.Equal("a, \"b\"\nc", table.Texts("Note")![0]);
        Assert.Equal([1.5, double.NaN], table.Numbers("Weight")!);
        Assert.IsType<IntegerColumn>(table.Columns.Single(c => c.Name == "Count"));
    }

    [Theory]
    [InlineData(Header + "\n0,3.5,1\n1,3.5,x1\n", ImportFailureCode.BadField, 3, 3, "Current / A")]
    [InlineData(Header + "\n0,3.5,1\n1,3,5,1\n", ImportFailureCode.FieldCount, 3, 4, null)]
    [InlineData(Header + "\n0,3.5,1\n1,3.5", ImportFailureCode.Truncated, 3, 2, null)]
    [InlineData(Header + ",voltage_volt\n0,3.5,1,1\n", ImportFailureCode.DuplicateColumn, 1, 4, "voltage_volt")]
    [InlineData(Header + "\n", ImportFailureCode.Empty, null, null, null)]
    public void What_is_wrong_is_named(string text, ImportFailureCode code, int? line, int? column, string? field)
    {
        File.WriteAllText(_folder.File("a.csv"), text);
        var failure = BatteryFiles.TryRead(_folder.File("a.csv")).Failure!;

        Assert.Equal((code, line, column, field), (failure.Code, (int?)failure.Line, failure.Column, failure.Field));
        Assert.NotEmpty(failure.Remedy);
    }

    [Fact]
    public void A_failed_write_leaves_the_old_file_and_nothing_else()
    {
        var path = _folder.File("a.csv");
        File.WriteAllText(path, "old");

        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException();
        }));

        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(_folder.Root));
    }

    [Fact]
    public void Records_can_be_taken_in_batches()
    {
        var table = new RecordTable([new NumberColumn("test_time_second", Enumerable.Range(0, 70_000).Select(i => (double)i).ToArray())]);
        var batches = table.Batches().ToList();

        Assert.Equal([32_768, 32_768, 4_464], batches.Select(b => b.Count));
        Assert.Equal(table.Numbers("test_time_second"), batches.SelectMany(b => b.Numbers("test_time_second")!));
    }

    [Fact]
    public void Parquet_carries_what_is_known_of_the_source()
    {
        var table = BatteryFiles.Read(GoldenFiles.Path("neware", "minimal.csv"));
        BatteryFiles.Write(table, _folder.File("a.bdf.parquet"));
        var back = BatteryFiles.Read(_folder.File("a.bdf.parquet"));

        Assert.Equal("neware-hierarchical", back.Source.Format);
        Assert.Equal("UTC", back.Source.TimeZone);
        Assert.False(back.Source.TimeZoneDeclared);
        Assert.Equal("Current(A)", back.Source.VendorNames["current_ampere"]);
        Assert.Single(Directory.GetFiles(_folder.Root));
    }

    private static RecordTable Read(string text) => BdfCsv.Read(new MemoryStream(Encoding.UTF8.GetBytes(text)), "test.bdf.csv");
}
