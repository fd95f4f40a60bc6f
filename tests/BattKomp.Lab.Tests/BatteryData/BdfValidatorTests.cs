using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using Xunit;

namespace BattKomp.Lab.Tests.BatteryData;

public sealed class BdfValidatorTests
{
    private static RecordTable Good()
    {
        var n = 20;
        var ramp = Enumerable.Range(0, n).Select(i => (double)i).ToArray();
        return new RecordTable(
        [
            new NumberColumn("test_time_second", ramp),
            new NumberColumn("voltage_volt", ramp.Select(i => 3 + (i / 100)).ToArray()),
            new NumberColumn("current_ampere", ramp.Select(_ => 1.0).ToArray()),
            new NumberColumn("unix_time_second", ramp.Select(i => 1_800_000_000 + i).ToArray()),
            new NumberColumn("cycle_count", ramp.Select(i => i < 10 ? 1.0 : 2.0).ToArray()),
            new NumberColumn("step_record_index", ramp.Select(i => (i % 10) + 1).ToArray()),
            new NumberColumn("charging_capacity_ah", ramp.Select(i => i / 3600).ToArray()),
            new NumberColumn("discharging_capacity_ah", ramp.Select(_ => 0.0).ToArray()),
            new NumberColumn("net_capacity_ah", ramp.Select(i => i / 3600).ToArray()),
            new NumberColumn("ambient_temperature_celsius", ramp.Select(_ => 25.0).ToArray()),
            new TextColumn("step_type", ramp.Select(_ => "CC_CHG")),
        ]);
    }

    [Fact]
    public void A_sound_table_passes_without_findings()
    {
        var report = BdfValidator.Validate(Good());

        Assert.True(report.Passes);
        Assert.Empty(report.Findings);
    }

    [Theory]
    [InlineData("cycle_count", 6.283185307179586, "cycle_not_whole", true)]
    [InlineData("cycle_count", -1, "cycle_negative", true)]
    [InlineData("cycle_count", 7, "cycle_decreases", true)]
    [InlineData("charging_capacity_ah", 9, "not_monotone", true)]
    [InlineData("net_capacity_ah", 0.5, "identity", true)]
    [InlineData("step_record_index", 17, "step_record_index", false)]
    [InlineData("test_time_second", 12, "test_time_drops", false)]
    [InlineData("voltage_volt", double.NaN, "missing_value", false)]
    [InlineData("voltage_volt", double.PositiveInfinity, "not_finite", true)]
    [InlineData("ambient_temperature_celsius", -9999, "temperature_range", true)]
    public void One_wrong_value_is_found(string column, double value, string code, bool isError)
    {
        var values = Good().Numbers(column)!;
        values[5] = value;
        var report = BdfValidator.Validate(Good().With(new NumberColumn(column, values)));

        Assert.Contains(report.Findings, f => f.Code == code && f.Column == column && f.Record is >= 6 and <= 7 && f.Remedy.Length > 0);
        Assert.Equal(!isError, report.Passes);
    }

    [Theory]
    [InlineData(1000, "milliseconds")]
    [InlineData(1.0 / 60, "minutes")]
    [InlineData(1.0 / 3600, "hours")]
    public void Elapsed_time_in_another_unit_is_found_by_the_wall_clock(double factor, string unit)
    {
        var time = Good().Numbers("test_time_second")!.Select(t => t * factor).ToArray();
        var report = BdfValidator.Validate(Good().With(new NumberColumn("test_time_second", time)));

        var finding = Assert.Single(report.Findings, f => f.Code == "time_scale");
        Assert.Contains(unit, finding.Message, StringComparison.Ordinal);
        Assert.False(report.Passes);
    }

    [Fact]
    public void A_current_against_its_step_type_is_found()
    {
        var current = Good().Numbers("current_ampere")!.Select(i => -i).ToArray();

        Assert.Contains(BdfValidator.Validate(Good().With(new NumberColumn("current_ampere", current))).Findings, f => f.Code == "current_sign");
    }

    [Fact]
    public void A_missing_required_column_is_found()
    {
        var report = BdfValidator.Validate(Good().Select("test_time_second", "voltage_volt"));

        Assert.Contains(report.Findings, f => f is { Code: "missing_required", Column: "current_ampere" });
        Assert.False(report.Passes);
    }
}
