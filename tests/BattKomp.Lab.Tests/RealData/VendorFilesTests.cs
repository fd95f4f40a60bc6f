using System.Globalization;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.BatteryData.Importers;
using BattKomp.Lab.BatteryData.Importers.Rows;
using BattKomp.Lab.Tests.BatteryData;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.RealData;

/// <summary>Arbin, Maccor, BioLogic and flat Neware exports of real testers against the shared reference results.</summary>
public sealed class VendorFilesTests
{
    private static readonly ImportOptions Running = new() { AllowIncomplete = true };

    [Theory]
    [InlineData("arbin/arbin_res_20160805_test001_45_cc_01.csv", 10261, "instrument_counter_last_in_cycle", 72)]
    [InlineData("maccor/PredictionDiagnostics_000109_tztest.010", 2165, "instrument_step_counter_sum_of_step_maxima", 16)]
    [InlineData("biologic/test_loopsnewoutput_MB_CE1_short10k.csv", 9999, "instrument_counter_max_per_cycle(sign-flipped Energy discharge)", 3)]
    public void The_counters_give_the_reference_results(string file, int rows, string method, int results)
    {
        var table = BatteryFiles.Read(Shared(file));
        var cycles = CycleTable.Compute(table).ToDictionary(c => c.CycleCount);
        var reference = File.ReadLines(SharedFiles.Path("data", "reference_results.csv")).Select(l => l.Split(',')).Where(f => f[0] == file && f[5] == method).ToList();

        Assert.Equal(rows, table.Count);
        Assert.True(reference.Count >= results, $"{reference.Count} reference results of {method}");
        foreach (var line in reference)
        {
            if (Value(cycles[long.Parse(line[1], CultureInfo.InvariantCulture)], line[2]) is not { } value) continue;
            var expected = double.Parse(line[3], CultureInfo.InvariantCulture);
            Assert.True(Math.Abs(value - expected) <= 1e-8 + (1e-6 * Math.Abs(expected)), $"{string.Join(',', line)}: {value}");
        }

        static double? Value(CycleRow row, string quantity) => quantity switch
        {
            "charge_capacity" => row.ChargingCapacityAh,
            "discharge_capacity" => row.DischargingCapacityAh,
            "charge_energy" => row.ChargingEnergyWh,
            "discharge_energy" => row.DischargingEnergyWh,
            _ => null,
        };
    }

    [Fact]
    public void The_first_biologic_cycle_is_that_of_the_reference()
    {
        var cycle = CycleTable.Compute(BatteryFiles.Read(Shared("biologic/test_loopsnewoutput_MB_CE1_short10k.csv")))[0];

        Assert.Equal(1.461875, cycle.ChargingCapacityAh, 6);
        Assert.Equal(2.324598, cycle.DischargingCapacityAh, 6);
        Assert.Equal(5.90132039, cycle.ChargingEnergyWh!.Value, 8);
    }

    [Fact]
    public void No_stamp_goes_back_where_the_clocks_do()
    {
        var table = BatteryFiles.Read(Shared("maccor/PredictionDiagnostics_000109_tztest.010"), new ImportOptions { TimeZone = "America/Los_Angeles" });
        var unix = table.Numbers("unix_time_second")!;
        var test = table.Numbers("test_time_second")!;

        for (var i = 1; i < unix.Length; i++)
            Assert.True(unix[i] >= unix[i - 1] && Math.Abs(unix[i] - unix[i - 1] - (test[i] - test[i - 1])) < 2, $"record {i + 1}");
    }

    [Fact]
    public void Millivolts_called_volts_are_refused_until_declared()
    {
        var path = Shared("maccor/maccor_three.txt");
        var failure = BatteryFiles.TryRead(path).Failure!;
        Assert.Equal((ImportFailureCode.Contradiction, 6L, 9), (failure.Code, failure.Line, failure.Column));

        var table = BatteryFiles.Read(path, new ImportOptions { Units = new Dictionary<string, string> { ["Volts"] = "mV" } });
        Assert.Equal(4009, table.Count);
        Assert.Equal(1.8538186, table.Numbers("voltage_volt")![0], 9);
        Assert.Equal(326843.42, table.Numbers("test_time_second")![^1], 9);
    }

    [Fact]
    public void A_decimal_comma_file_is_read_up_to_the_row_that_was_cut()
    {
        var sink = new TranscriptSink();
        var reader = RowImporters.Named("maccor")!.Open("maccor_two.txt", Running);
        reader.Feed(File.ReadAllBytes(Shared("maccor/maccor_two.txt")), sink);
        reader.Complete(sink);

        Assert.Equal(213, sink.Rows);
        Assert.StartsWith("refused 214 maccor_two.txt, line 229, column 9", Assert.Single(sink.Lines, l => l.StartsWith("refused", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains(reader.Describe().Notes, n => n.Code == "decimal_comma");
    }

    [Fact]
    public void A_column_without_unit_or_sign_is_refused_until_declared()
    {
        var path = Shared("maccor/sample_data_maccor.csv");
        Assert.Equal("Capacity", BatteryFiles.TryRead(path, Running).Failure!.Field);
        var declared = Running with { Units = new Dictionary<string, string> { ["Current"] = "mA", ["Capacity"] = "mAh", ["Energy"] = "mWh" } };
        Assert.Equal("step_type", BatteryFiles.TryRead(path, declared).Failure!.Field);

        var table = BatteryFiles.Read(path, declared with { CurrentSign = CurrentSign.PositiveCharges });
        Assert.Equal(0.028797999999999997, table.Numbers("current_ampere")![^1]);
        Assert.Equal(1700754983, table.Numbers("unix_time_second")![^1]);
    }

    [Theory]
    [InlineData("arbin/arbin_example.csv", "arbin", 2142, 6308.4823, 1499012661.0)]
    [InlineData("arbin/sample_data_arbin.csv", "arbin", 12, 300.6979, 1726821425.256)]
    [InlineData("neware/neware_bts_flat_first_400_lines.csv", "neware-flat", 399, 23880, 1652915151.0)]
    [InlineData("biologic/Sample_data_biologic_no_header.mpt", "biologic", 12, 281782.3801289024, null)]
    [InlineData("biologic/btlab_ascii_first_130_lines.txt", "biologic", 27, 2.600000123493373, 1715599194.2020001)]
    [InlineData("maccor/maccor_minutes_first_6000_bytes.txt", "maccor", 27, 1560, 1620749184.0)]
    public void Every_other_export_is_recognised_and_read(string file, string format, int rows, double lastTest, double? lastUnix)
    {
        var table = BatteryFiles.Read(Shared(file), Running);

        Assert.Equal((format, rows), (table.Source.Format, table.Count));
        Assert.Equal(lastTest, table.Numbers("test_time_second")![^1]);
        Assert.Equal(lastUnix, table.Numbers("unix_time_second")?[^1]);
    }

    [Fact]
    public void A_table_that_another_tool_made_is_not_taken_for_a_testers() =>
        Assert.Equal(ImportFailureCode.UnknownFormat, BatteryFiles.TryRead(Shared("maccor/BEEPDatapath_maccor_parameterized_memloaded.csv")).Failure!.Code);

    [Fact]
    public void The_growing_reading_of_the_hierarchical_export_gives_the_rows_of_the_whole_one()
    {
        var bytes = File.ReadAllBytes(SharedFiles.NewareExample);
        var table = BatteryFiles.Read(SharedFiles.NewareExample, new ImportOptions { TimeZone = "Europe/Oslo" });
        var reader = RowImporters.Recognise(bytes)!.Open("export.csv", new ImportOptions { TimeZone = "Europe/Oslo" });
        var rows = new ValueSink();
        for (var at = 0; at < bytes.Length; at += 4099) reader.Feed(bytes.AsSpan(at, Math.Min(4099, bytes.Length - at)), rows);
        reader.Complete(rows);

        Assert.Equal(table.Count, rows.Values.Count);
        for (var k = 0; k < reader.Layout!.Numbers.Count; k++)
            Assert.Equal(table.Numbers(reader.Layout.Numbers[k])!, rows.Values.Select(v => v[k]));
        Assert.Equal(Enumerable.Range(0, table.Count).Select(i => table.Texts("step_type")![i]), rows.Types);
    }

    private static string Shared(string file) => SharedFiles.Path("data", file);

    private sealed class ValueSink : IRowSink
    {
        public List<double[]> Values { get; } = [];

        public List<string> Types { get; } = [];

        public void Row(in RowView row)
        {
            Values.Add(row.Numbers.ToArray());
            Types.Add(System.Text.Encoding.UTF8.GetString(row.StepType));
        }

        public void Refused(long number, ReadOnlySpan<byte> line, ImportFailure why) => Assert.Fail(why.ToString());

        public void Finding(ImportFailure finding) => Assert.Fail(finding.ToString());
    }
}
