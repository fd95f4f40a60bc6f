using System.Text.Json;
using BattKomp.Lab.BatteryData;
using Xunit;

namespace BattKomp.Lab.Tests.BatteryData;

/// <summary>Cases whose answer is known without a computer.</summary>
public sealed class CycleTableTests
{
    [Fact]
    public void A_resistor_cell_gives_one_ampere_hour_and_its_known_energies()
    {
        // Open-circuit voltage 2 V to 3 V over 1 Ah, 0.1 ohm, 1 A for an hour each way: 2.6 Wh in, 2.4 Wh out.
        var up = Enumerable.Range(0, 61).Select(i => i * 60.0).ToArray();
        var table = Table(
            [.. up, .. up.Select(t => t + 3600)],
            [.. up.Select(_ => 1.0), .. up.Select(_ => -1.0)],
            [.. up.Select(t => 2.1 + (t / 3600)), .. up.Select(t => 2.9 - (t / 3600))],
            [.. up.Select(_ => 1.0), .. up.Select(_ => 2.0)]);

        var row = Assert.Single(CycleTable.Compute(table));

        Assert.Equal(1, row.ChargingCapacityAh, 1e-12);
        Assert.Equal(1, row.DischargingCapacityAh, 1e-12);
        Assert.Equal(2.6, row.ChargingEnergyWh!.Value, 1e-12);
        Assert.Equal(2.4, row.DischargingEnergyWh!.Value, 1e-12);
        Assert.Equal(1, row.CoulombicEfficiency!.Value, 1e-12);
        Assert.Equal("integral", row.Source);
        Assert.Null(row.Agreement);
    }

    [Fact]
    public void Nothing_is_integrated_across_a_step_border()
    {
        // A rest of one record, then 22.8 s to the first record of a 2.5 A step: the interval between belongs to neither.
        var row = Assert.Single(CycleTable.Compute(Table([0, 22.8, 58.8], [0, 2.5, 2.5], [3, 3.5, 3.5], [1, 2, 2])));

        Assert.Equal(2.5 * 36 / 3600, row.ChargingCapacityAh, 1e-15);
    }

    [Fact]
    public void Without_step_columns_a_border_is_where_the_current_changes_direction()
    {
        var row = Assert.Single(CycleTable.Compute(Table([0, 10, 20, 30, 40, 50], [0, 0, 1, 1, -2, -2], [3, 3, 3, 3, 3, 3], null)));

        Assert.Equal(10.0 / 3600, row.ChargingCapacityAh, 1e-15);
        Assert.Equal(20.0 / 3600, row.DischargingCapacityAh, 1e-15);
        Assert.Equal(1, row.CycleCount);
    }

    [Fact]
    public void Within_a_step_each_side_of_a_zero_crossing_counts_in_its_own_direction()
    {
        var row = Assert.Single(CycleTable.Compute(Table([0, 40], [1, -3], [3, 3], [1, 1])));

        Assert.Equal(0.5 * 1 * 10 / 3600, row.ChargingCapacityAh, 1e-15);
        Assert.Equal(0.5 * 3 * 30 / 3600, row.DischargingCapacityAh, 1e-15);
    }

    [Fact]
    public void Counts_that_only_some_records_carry_hold_until_the_next()
    {
        var full = Table([0, 10, 20, 30, 40, 50], [1, 1, 1, -1, -1, -1], [3, 3, 3, 3, 3, 3], [1, 1, 1, 2, 2, 2]);
        var sparse = Table([0, 10, 20, 30, 40, 50], [1, 1, 1, -1, -1, -1], [3, 3, 3, 3, 3, 3], [double.NaN, 1, double.NaN, 2, double.NaN, double.NaN]);

        Assert.Equal(CycleTable.Compute(full), CycleTable.Compute(sparse));
    }

    [Fact]
    public void A_record_without_a_current_is_passed_over()
    {
        var row = Assert.Single(CycleTable.Compute(Table([0, 10, 20], [1, double.NaN, 1], [3, 3, 3], [1, 1, 1])));

        Assert.Equal(20.0 / 3600, row.ChargingCapacityAh, 1e-15);
    }

    [Fact]
    public void Time_that_runs_back_adds_nothing()
    {
        var row = Assert.Single(CycleTable.Compute(Table([0, 10, 5, 15], [1, 1, 1, 1], [3, 3, 3, 3], [1, 1, 1, 1])));

        Assert.Equal(20.0 / 3600, row.ChargingCapacityAh, 1e-15);
    }

    [Fact]
    public void The_testers_cycle_numbers_are_kept()
    {
        var table = Table([0, 10, 20, 30], [1, 1, 1, 1], [3, 3, 3, 3], [1, 1, 2, 2]).With(new NumberColumn("cycle_count", new double[] { 86, 86, 90, 90 }));

        Assert.Equal([86, 90], CycleTable.Compute(table).Select(c => c.CycleCount));
    }

    [Fact]
    public void A_cycle_count_that_is_no_whole_number_is_refused_by_name()
    {
        var table = Table([0, 10], [1, 1], [3, 3], [1, 1]).With(new NumberColumn("cycle_count", new[] { Math.Tau, Math.Tau }));
        var failure = Assert.Throws<BatteryDataException>(() => CycleTable.Compute(table)).Failure;

        Assert.Equal((ImportFailureCode.BadField, "cycle_count"), (failure.Code, failure.Field));
    }

    [Fact]
    public void A_missing_current_is_refused_by_name()
    {
        var table = Table([0, 10], [1, 1], [3, 3], [1, 1]).Select("test_time_second", "voltage_volt");

        Assert.Equal("current_ampere", Assert.Throws<BatteryDataException>(() => CycleTable.Compute(table)).Failure.Field);
    }

    [Fact]
    public void A_counter_that_disagrees_is_the_headline_and_is_flagged()
    {
        var table = Table([0, 1800, 3600], [1, 1, 1], [3, 3, 3], [1, 1, 1]).With(new NumberColumn("step_cumulative_capacity_ah", new[] { 0, 0.49, 0.98 }));
        var row = Assert.Single(CycleTable.Compute(table));

        Assert.Equal((0.98, "counter", AgreementFlag.Disagrees), (row.ChargingCapacityAh, row.Source, row.Flag));
        Assert.Equal(0.02, row.Agreement!.Value, 1e-12);
        Assert.Equal(1, row.IntegralCapacity.Charging, 1e-12);
    }

    [Fact]
    public void A_step_that_holds_the_voltage_may_differ_by_one_percent()
    {
        var table = Table([0, 1800, 3600], [1, 1, 1], [3, 3, 3], [1, 1, 1]).With(new NumberColumn("step_cumulative_capacity_ah", new[] { 0, 0.497, 0.995 }));

        Assert.Equal(AgreementFlag.Disagrees, CycleTable.Compute(table)[0].Flag);
        Assert.Equal(AgreementFlag.Agrees, CycleTable.Compute(table.With(new TextColumn("step_type", ["CCCV_CHG", "CCCV_CHG", "CCCV_CHG"])))[0].Flag);
    }

    [Fact]
    public void What_is_unknown_is_null_in_json()
    {
        var bare = Table([0, 10], [-1, -1], [3, 3], [1, 1]).Select("test_time_second", "current_ampere");
        using var json = JsonDocument.Parse(CycleTable.ToJson(CycleTable.Compute(bare)));
        var row = json.RootElement[0];

        Assert.Equal(JsonValueKind.Null, row.GetProperty("charging_energy_wh").ValueKind);
        Assert.Equal(JsonValueKind.Null, row.GetProperty("coulombic_efficiency").ValueKind);
        Assert.Equal(JsonValueKind.Null, row.GetProperty("agreement").ValueKind);
        Assert.Equal(10.0 / 3600, row.GetProperty("discharging_capacity_ah").GetDouble(), 1e-15);
    }

    private static RecordTable Table(double[] time, double[] current, double[] voltage, double[]? step)
    {
        List<Column> columns = [new NumberColumn("test_time_second", time), new NumberColumn("current_ampere", current), new NumberColumn("voltage_volt", voltage)];
        if (step is not null) columns.Add(new NumberColumn("step_count", step));
        return new RecordTable(columns);
    }
}
