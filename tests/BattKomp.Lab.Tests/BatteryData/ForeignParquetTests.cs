using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.Tests.Support;
using DuckDB.NET.Data;
using Xunit;

namespace BattKomp.Lab.Tests.BatteryData;

/// <summary>Parquet that the record store writes by COPY: every column nullable, other integer widths, columns that BDF does not know.</summary>
public sealed class ForeignParquetTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_segment_copied_by_DuckDB_is_read_and_its_cycles_computed()
    {
        var path = Copy(
            """
            SELECT i AS seq, i::UINTEGER AS small, (i * 60)::DOUBLE AS test_time_second, 3.5::FLOAT AS voltage_volt,
                   CASE WHEN i < 31 THEN 1.0 ELSE -1.0 END::DOUBLE AS current_ampere, CASE WHEN i % 31 = 0 THEN (i // 31 + 1)::DOUBLE END AS step_count,
                   1::BIGINT AS cycle_count, CASE WHEN i < 31 THEN 'CC_CHG' ELSE NULL END AS step_type, i % 2 = 0 AS flag,
                   TIMESTAMP '2026-01-15 08:00:00' AS received
            FROM range(62) t(i) ORDER BY i
            """);

        var table = BatteryFiles.Read(path);
        var row = Assert.Single(CycleTable.Compute(table));

        Assert.Equal(62, table.Count);
        Assert.Equal(61, table.Numbers("small")![^1]);
        Assert.Equal(60, table.Numbers("step_count")!.Count(double.IsNaN));
        Assert.Equal(("CC_CHG", ""), (table.Texts("step_type")![0], table.Texts("step_type")![61]));
        Assert.Equal([1.0, 0.0], table.Numbers("flag")![..2]);
        Assert.Equal(0.5, row.ChargingCapacityAh, 1e-12);
        Assert.Equal(0.5, row.DischargingCapacityAh, 1e-12);
        Assert.Equal(1.75, row.ChargingEnergyWh!.Value, 1e-12);
    }

    [Fact]
    public void Many_row_groups_with_gaps_keep_every_row_in_its_place()
    {
        var path = Copy("SELECT CASE WHEN i % 7 = 0 THEN NULL ELSE i END::DOUBLE AS voltage_volt, CASE WHEN i % 5 = 0 THEN NULL ELSE i END::BIGINT AS other FROM range(300000) t(i) ORDER BY i");
        var table = BatteryFiles.Read(path);
        var (voltage, other) = (table.Numbers("voltage_volt")!, table.Numbers("other")!);

        for (var i = 0; i < 300_000; i++)
        {
            Assert.Equal(i % 7 == 0 ? double.NaN : i, voltage[i]);
            Assert.Equal(i % 5 == 0 ? double.NaN : i, other[i]);
        }
    }

    [Fact]
    public void A_nested_column_is_refused_by_name()
    {
        var failure = BatteryFiles.TryRead(Copy("SELECT 1.0::DOUBLE AS voltage_volt, [1, 2] AS list")).Failure!;

        Assert.Equal(ImportFailureCode.BadField, failure.Code);
        Assert.Equal(2, failure.Column);
    }

    [Fact]
    public void A_cut_parquet_file_is_refused()
    {
        var path = _folder.File("whole.parquet");
        BdfParquet.Write(BatteryFiles.Read(GoldenFiles.Path("neware", "minimal.csv")), path);
        var bytes = File.ReadAllBytes(path);
        for (var length = 4; length < bytes.Length; length += 97)
        {
            File.WriteAllBytes(_folder.File("cut.parquet"), bytes[..length]);
            Assert.Equal(ImportFailureCode.Truncated, BatteryFiles.TryRead(_folder.File("cut.parquet")).Failure!.Code);
        }
    }

    [Fact]
    public void A_table_without_records_is_written_whole_and_refused_on_reading()
    {
        BdfParquet.Write(new RecordTable([new NumberColumn("voltage_volt", Array.Empty<double>()), new TextColumn("step_type", [])]), _folder.File("empty.parquet"));

        Assert.Equal(ImportFailureCode.Empty, BatteryFiles.TryRead(_folder.File("empty.parquet")).Failure!.Code);
    }

    private string Copy(string query)
    {
        var path = _folder.File("foreign.parquet");
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 10000)";
        command.ExecuteNonQuery();
        return path;
    }
}
