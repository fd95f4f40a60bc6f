using System.Text.Json;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

public sealed class DataCommandTests : IDisposable
{
    private static readonly string[] CycleFields =
    [
        "cycle_count", "charging_capacity_ah", "discharging_capacity_ah", "charging_energy_wh", "discharging_energy_wh", "coulombic_efficiency", "source", "agreement",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("battlab-cli-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_program_prints_cycles_as_an_array_of_exactly_the_published_fields()
    {
        var ran = await Battlab.StartAsync("data", "cycles", SharedFiles.NewareExample, "--json");

        Assert.Equal(0, ran.Exit);
        Assert.Equal("", ran.Error);
        Assert.Equal(20, ran.Json.GetArrayLength());
        Assert.All(ran.Json.EnumerateArray(), row => Assert.Equal(CycleFields, row.EnumerateObject().Select(p => p.Name)));
        Assert.Equal(Enumerable.Range(1, 20), ran.Json.EnumerateArray().Select(r => r.GetProperty("cycle_count").GetInt32()));
    }

    [Fact]
    public async Task A_truncated_vendor_file_is_refused_with_its_line_and_a_remedy()
    {
        var cut = Path.Combine(_folder, "cut.csv");
        await File.WriteAllBytesAsync(cut, (await File.ReadAllBytesAsync(SharedFiles.NewareExample, TestContext.Current.CancellationToken))[..200_000], TestContext.Current.CancellationToken);

        var ran = await Battlab.StartAsync("data", "cycles", cut, "--json");

        Assert.Equal(1, ran.Exit);
        Assert.True(int.Parse(ran.Failure.GetProperty("metadata").GetProperty("line").GetString()!) > 1000);
        Assert.NotEqual("", ran.Failure.GetProperty("remedy").GetString());
        Assert.Contains("cut.csv, line ", (await Battlab.RunAsync(null, "data", "cycles", cut)).Text);
    }

    [Theory]
    [InlineData("missing.csv", null)]
    [InlineData("empty.csv", "")]
    [InlineData("letter.csv", "Dear lab,\nplease find enclosed the records.\n")]
    [InlineData("binary.csv", "PK\0\0\0\0")]
    public async Task What_is_not_a_cycler_file_is_unreadable(string name, string? content)
    {
        var path = Path.Combine(_folder, name);
        if (content is not null) await File.WriteAllTextAsync(path, content, TestContext.Current.CancellationToken);

        var ran = await Battlab.RunAsync(null, "data", "cycles", path);

        Assert.Equal(2, ran.Exit);
        Assert.Equal("", ran.Out);
        Assert.Contains(name, ran.Error);
        Assert.Contains("What would fix it:", ran.Error);
        Assert.DoesNotContain("   at ", ran.Error);
    }

    [Theory]
    [InlineData("out.bdf.csv")]
    [InlineData("out.bdf.parquet")]
    public async Task A_converted_file_holds_the_same_records_to_the_last_bit(string name)
    {
        var target = Path.Combine(_folder, name);

        var ran = await Battlab.RunAsync(null, "data", "convert", SharedFiles.NewareExample, "-o", target, "--json");

        Assert.Equal(0, ran.Exit);
        var before = BatteryFiles.Read(SharedFiles.NewareExample);
        var after = BatteryFiles.Read(target);
        Assert.Equal(before.Count, ran.Json.GetProperty("records").GetInt32());
        Assert.Equal(before.Numbers("voltage_volt"), after.Numbers("voltage_volt"));
        Assert.Equal(before.Numbers("current_ampere"), after.Numbers("current_ampere"));
        Assert.Equal([target], Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task A_target_that_names_no_format_is_refused_before_anything_is_read()
    {
        var ran = await Battlab.RunAsync(null, "data", "convert", "missing.csv", "-o", Path.Combine(_folder, "out.xlsx"));

        Assert.Equal(1, ran.Exit);
        Assert.Contains(".bdf.csv or .bdf.parquet", ran.Text);
    }

    [Fact]
    public async Task The_table_for_people_keeps_to_80_columns()
    {
        var ran = await Battlab.RunAsync(null, "data", "cycles", SharedFiles.NewareExample);

        Assert.Equal(0, ran.Exit);
        Assert.All(ran.Out.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }
}
