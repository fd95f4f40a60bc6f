using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Properties;

public sealed class BatteryDataProperties
{
    private static readonly double[] Edges = [0.0, -0.0, double.Epsilon, double.MaxValue, double.PositiveInfinity, double.NaN, 0.1, 1e22, 9007199254740993.0];

    private static readonly Gen<double> AnyDouble =
        Gen.Frequency((3, Gen.Double), (1, Gen.Double[-10, 10]), (1, Gen.Int[0, 8].Select(i => Edges[i])));

    private static readonly Gen<string> AnyText = Gen.String[Gen.Char["aæ,\"\n\r 7.-€"], 0, 8];

    [Fact]
    public void Any_table_survives_csv_and_parquet_bit_for_bit() =>
        Gen.Select(AnyDouble.Array[1, 50], Gen.Double.Array[50], Gen.Long[-1000, 1L << 52].Array[50], AnyText.Array[50]).Sample((voltage, extra, index, texts) =>
        {
            var n = voltage.Length;
            var table = new RecordTable(
            [
                new NumberColumn("voltage_volt", voltage),
                new NumberColumn("Vendor (x)", extra[..n]),
                new IntegerColumn("record_index", index[..n]),
                new TextColumn("step_type", texts[..n]),
            ]);
            Tables.AssertSame(table, Through(table, csv: true));
            Tables.AssertSame(table, Through(table, csv: false));
        }, iter: 300);

    [Fact]
    public void A_single_column_with_gaps_keeps_its_rows() =>
        Gen.OneOf(Gen.Double, Gen.Const(double.NaN)).Array[1, 20].Sample(values =>
        {
            var table = new RecordTable([new NumberColumn("voltage_volt", values)]);
            Tables.AssertSame(table, Through(table, csv: true));
        }, iter: 200);

    [Fact]
    public void A_record_added_inside_a_linear_segment_does_not_change_the_integral() =>
        Gen.Select(Trace, Gen.Double[0.01, 0.99], Gen.Int[0, 1000]).Sample((trace, at, where) =>
        {
            var k = 1 + (where % (trace.Current.Length - 1));
            var time = Insert(trace.Time, k, at);
            var table = Table(trace.Time, trace.Current, 3.7);
            var finer = Table(time, Insert(trace.Current, k, at), 3.7);
            var (a, b) = (CycleTable.Compute(table)[0], CycleTable.Compute(finer)[0]);
            Near(a.ChargingCapacityAh, b.ChargingCapacityAh);
            Near(a.DischargingCapacityAh, b.DischargingCapacityAh);
            Near(a.ChargingEnergyWh!.Value, b.ChargingEnergyWh!.Value);
            Near(a.DischargingEnergyWh!.Value, b.DischargingEnergyWh!.Value);
        }, iter: 500);

    [Fact]
    public void A_counter_gives_the_same_totals_whatever_its_reset_scope() =>
        Steps.Sample(steps =>
        {
            var expected = Totals(Counted(steps, ResetScope.Test));
            foreach (var scope in (ResetScope[])[ResetScope.Cycle, ResetScope.Step, ResetScope.Schedule])
            {
                var actual = Totals(Counted(steps, scope));
                Assert.Equal(expected.Length, actual.Length);
                for (var i = 0; i < expected.Length; i++)
                {
                    Near(expected[i].ChargingCapacityAh, actual[i].ChargingCapacityAh);
                    Near(expected[i].DischargingCapacityAh, actual[i].DischargingCapacityAh);
                    Assert.Equal("counter", actual[i].Source);
                    Assert.True(actual[i].Agreement is null or < 1e-9);
                }
            }
        }, iter: 300);

    [Fact]
    public void A_throughput_counter_is_split_by_the_direction_of_its_steps() =>
        Steps.Sample(steps =>
        {
            var pair = Counted(steps, ResetScope.Step);
            var (charging, discharging) = (pair.Numbers("step_charging_capacity_ah")!, pair.Numbers("step_discharging_capacity_ah")!);
            var single = pair.Select("test_time_second", "current_ampere", "cycle_count", "step_count")
                .With(new NumberColumn("step_cumulative_capacity_ah", charging.Zip(discharging, (c, d) => c + d).ToArray()));
            Assert.Equal(Totals(pair).Select(r => r.CounterCapacity), Totals(single).Select(r => r.CounterCapacity));
        }, iter: 200);

    private static readonly Gen<(double[] Time, double[] Current)> Trace =
        Gen.Select(Gen.Double[0.1, 100], Gen.Double[-5, 5]).Array[2, 30].Select(records =>
        {
            var time = new double[records.Length];
            for (var i = 1; i < time.Length; i++) time[i] = time[i - 1] + records[i].Item1;
            return (time, records.Select(r => r.Item2).ToArray());
        });

    /// <summary>Steps of constant current: the amperes, the number of records, and whether a new cycle begins.</summary>
    private static readonly Gen<(double Current, int Records, bool NewCycle)[]> Steps =
        Gen.Select(Gen.OneOf(Gen.Double[0.5, 2], Gen.Double[-2, -0.5], Gen.Const(0.0)), Gen.Int[6, 15], Gen.Bool).Array[1, 12];

    private static CycleRow[] Totals(RecordTable table) => [.. CycleTable.Compute(table)];

    /// <summary>Builds the records with counters of the scope; a schedule resets both at the start of every third step, as a test program may.</summary>
    private static RecordTable Counted((double Current, int Records, bool NewCycle)[] steps, ResetScope scope)
    {
        List<double> time = [], current = [], cycles = [], numbers = [], charging = [], discharging = [];
        double t = 0, c = 0, d = 0, cycle = 1;
        for (var s = 0; s < steps.Length; s++)
        {
            var newCycle = s > 0 && steps[s].NewCycle;
            if (newCycle) cycle++;
            var reset = scope switch { ResetScope.Step => true, ResetScope.Cycle => newCycle, ResetScope.Schedule => s % 3 == 2, _ => false };
            if (reset) (c, d) = (0, 0);
            for (var r = 0; r < steps[s].Records; r++)
            {
                if (r > 0) t += 60;
                if (r > 0 && steps[s].Current > 0) c += steps[s].Current / 60;
                if (r > 0 && steps[s].Current < 0) d -= steps[s].Current / 60;
                time.Add(t);
                current.Add(steps[s].Current);
                cycles.Add(cycle);
                numbers.Add(s + 1);
                charging.Add(c);
                discharging.Add(d);
            }
        }

        var prefix = scope == ResetScope.Test ? "" : scope.ToString().ToLowerInvariant() + "_";
        return new RecordTable(
        [
            new NumberColumn("test_time_second", time.ToArray()),
            new NumberColumn("current_ampere", current.ToArray()),
            new NumberColumn("cycle_count", cycles.ToArray()),
            new NumberColumn("step_count", numbers.ToArray()),
            new NumberColumn(prefix + "charging_capacity_ah", charging.ToArray()),
            new NumberColumn(prefix + "discharging_capacity_ah", discharging.ToArray()),
        ]);
    }

    private static RecordTable Table(double[] time, double[] current, double voltage) => new(
    [
        new NumberColumn("test_time_second", time),
        new NumberColumn("current_ampere", current),
        new NumberColumn("voltage_volt", time.Select(_ => voltage).ToArray()),
        new NumberColumn("step_count", time.Select(_ => 1.0).ToArray()),
    ]);

    private static double[] Insert(double[] values, int at, double share) =>
        [.. values[..at], values[at - 1] + (share * (values[at] - values[at - 1])), .. values[at..]];

    private static RecordTable Through(RecordTable table, bool csv)
    {
        using var stream = new MemoryStream();
        if (csv) BdfCsv.Write(table, stream);
        else BdfParquet.Write(table, stream);
        stream.Position = 0;
        return csv ? BdfCsv.Read(stream, "x") : BdfParquet.Read(stream, "x");
    }

    private static void Near(double expected, double actual) =>
        Assert.True(Math.Abs(expected - actual) <= 1e-12 + (1e-9 * Math.Abs(expected)), $"{actual} is not {expected}");
}
