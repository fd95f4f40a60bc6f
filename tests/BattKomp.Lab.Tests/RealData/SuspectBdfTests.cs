using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.RealData;

/// <summary>Files that call themselves BDF and are not.</summary>
public sealed class SuspectBdfTests
{
    [Fact]
    public void Hours_and_reversed_sign_do_not_pass()
    {
        var report = BdfValidator.Validate(BatteryFiles.Read(SharedFiles.Path("data", "bdf-suspect", "batmo_bdf.csv")));

        Assert.False(report.Passes);
        Assert.Contains(report.Findings, f => f is { Code: "missing_required", Column: "test_time_second", Severity: BdfSeverity.Error });
        Assert.Contains(report.Findings, f => f is { Code: "wrong_unit", Column: "Test Time / h", Severity: BdfSeverity.Error });
        Assert.Contains(report.Findings, f => f is { Code: "current_sign", Column: "current_ampere", Severity: BdfSeverity.Error });
    }

    [Fact]
    public void Step_counters_in_test_scope_columns_do_not_pass()
    {
        var report = BdfValidator.Validate(BatteryFiles.Read(SharedFiles.Path("data", "bdf-suspect", "SINTEF__LiGrR2032__2024-04-30__25degC__Landt.bdf.csv")));

        Assert.False(report.Passes);
        Assert.Contains(report.Findings, f => f is { Code: "not_monotone", Column: "charging_capacity_ah", Severity: BdfSeverity.Error });
        Assert.Contains(report.Findings, f => f is { Code: "temperature_zero", Column: "ambient_temperature_celsius" });
        Assert.Contains(report.Findings, f => f is { Code: "deprecated_name", Column: "step_index" });
        Assert.Contains(report.Findings, f => f.Code == "step_record_index");
    }

    [Fact]
    public void The_example_export_passes_and_warns_of_nothing()
    {
        var report = BdfValidator.Validate(BatteryFiles.Read(SharedFiles.NewareExample));

        Assert.True(report.Passes);
        Assert.All(report.Findings, f => Assert.Equal(BdfSeverity.Info, f.Severity));
    }
}
