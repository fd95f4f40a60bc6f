using BattKomp.Lab.Simulators.Cells;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators;

public sealed class CellTests
{
    private static readonly CellParameters Cell = new();

    [Fact]
    public void At_rest_the_terminals_show_the_open_circuit_voltage() =>
        Gen.Double[0, 1].Sample(soc =>
        {
            var cell = new EquivalentCircuitCell(Cell with { InitialSoc = soc });
            cell.Step(0, 3600);
            Assert.Equal(OcvCurve.Nmc.At(soc), cell.Volt, 1e-12);
            Assert.Equal(25, cell.Celsius, 1e-12);
        });

    [Fact]
    public void The_open_circuit_curve_rises_everywhere_even_beyond_empty_and_full() =>
        Gen.Select(Gen.Double[-0.05, 1.2], Gen.Double[1e-6, 0.1]).Sample((soc, more) =>
            OcvCurve.Nmc.At(soc + more) > OcvCurve.Nmc.At(soc));

    [Fact]
    public void A_table_that_falls_or_does_not_reach_full_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new OcvCurve([(0, 3.0), (0.5, 3.6), (1, 3.5)]));
        Assert.Throws<ArgumentException>(() => new OcvCurve([(0, 3.0), (0.9, 4.0)]));
    }

    [Fact]
    public void After_a_pulse_the_voltage_relaxes_as_the_two_exponentials_say()
    {
        var cell = new EquivalentCircuitCell(Cell);
        for (var s = 0; s < 60; s++) cell.Step(-2.5, 1);
        double tau1 = Cell.R1Ohm * Cell.C1Farad, tau2 = Cell.R2Ohm * Cell.C2Farad;
        var fast = -2.5 * Cell.R1Ohm * (1 - Math.Exp(-60 / tau1));
        var slow = -2.5 * Cell.R2Ohm * (1 - Math.Exp(-60 / tau2));
        for (var t = 1; t <= 900; t++)
        {
            cell.Step(0, 1);
            var expected = cell.OpenCircuitVolt + fast * Math.Exp(-t / tau1) + slow * Math.Exp(-t / tau2);
            Assert.Equal(expected, cell.Volt, 1e-12);
        }
    }

    [Fact]
    public void Charge_in_minus_charge_out_is_the_change_of_state_of_charge() =>
        Gen.Select(Gen.Double[-5, 5], Gen.Double[0.01, 30]).Array[1, 50].Sample(steps =>
        {
            var cell = new EquivalentCircuitCell(Cell);
            foreach (var (ampere, seconds) in steps) cell.Step(ampere, seconds);
            Assert.Equal((cell.Soc - Cell.InitialSoc) * Cell.CapacityAh, cell.ChargeAh - cell.DischargeAh, 1e-12);
        });

    [Fact]
    public void Energy_at_the_terminals_is_stored_energy_plus_heat()
    {
        var cell = new EquivalentCircuitCell(Cell with { InitialSoc = 0.2 });
        var stored = 0.0;
        for (var s = 0; s < 7200; s++)
        {
            double before = cell.OpenCircuitVolt, socBefore = cell.Soc;
            cell.Step(s % 1800 < 900 ? 2.0 : -1.5, 1);
            stored += (before + cell.OpenCircuitVolt) / 2 * (cell.Soc - socBefore) * Cell.CapacityAh * 3600;
        }
        var inPairs = (Cell.C1Farad * cell.FastVolt * cell.FastVolt + Cell.C2Farad * cell.SlowVolt * cell.SlowVolt) / 2;
        var atTerminals = (cell.ChargeWh - cell.DischargeWh) * 3600;
        Assert.True(cell.HeatJoule > 500, $"heat {cell.HeatJoule} J");
        Assert.Equal(stored + inPairs + cell.HeatJoule, atTerminals, 0.02);
    }

    [Fact]
    public void Halving_the_step_quarters_the_error_of_the_energy()
    {
        var reference = Discharged(0.25);
        var coarse = Math.Abs(Discharged(8) - reference);
        var fine = Math.Abs(Discharged(4) - reference);
        Assert.InRange(coarse / fine, 3, 5);
        Assert.InRange(Math.Abs(Discharged(1) - reference) / reference, 0, 1e-5);

        static double Discharged(double step)
        {
            var cell = new EquivalentCircuitCell(Cell);
            for (var t = 0.0; t < 480; t += step) cell.Step(-5, step);
            return cell.DischargeWh;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(30)]
    public void A_charge_holds_its_voltage_and_the_current_falls(double step)
    {
        var cell = new EquivalentCircuitCell(Cell with { InitialSoc = 0.8 });
        var demand = new CellDemand.Charge(2.5, 4.2);
        var last = 2.5;
        while (last > 0.1)
        {
            var ampere = cell.CurrentFor(demand, step);
            cell.Step(ampere, step);
            Assert.InRange(ampere, 0, last + 1e-9);
            if (ampere < 2.5) Assert.Equal(4.2, cell.Volt, 1e-3);
            last = ampere;
        }
        Assert.InRange(cell.Soc, 0.98, 1.001);
    }

    [Fact]
    public void A_constant_power_discharge_takes_that_power()
    {
        var cell = new EquivalentCircuitCell(Cell);
        for (var s = 0; s < 600; s++) cell.Step(cell.CurrentFor(new CellDemand.DischargePower(10), 1), 1);
        Assert.Equal(10 * 600 / 3600.0, cell.DischargeWh, 1e-3);
    }

    [Fact]
    public void Steady_heat_ends_at_the_temperature_that_the_thermal_resistance_gives()
    {
        var cell = new EquivalentCircuitCell(Cell);
        for (var s = 0; s < 40_000; s++) cell.Step(s % 2 == 0 ? 3 : -3, 0.1);
        // Ten hertz of alternating current leaves the pairs nearly empty: the ohmic resistance makes the heat.
        Assert.Equal(25 + 9 * Cell.R0Ohm * Cell.ThermalResistanceKelvinPerWatt, cell.Celsius, 0.02);
    }

    [Fact]
    public void Noise_is_the_same_for_the_same_seed_and_has_the_stated_width()
    {
        MeasurementNoise one = new(7, 0.001), again = new(7, 0.001);
        var readings = Enumerable.Range(0, 5000).Select(_ => one.Read(3.7)).ToArray();
        Assert.Equal(readings, Enumerable.Range(0, 5000).Select(_ => again.Read(3.7)));
        Assert.Equal(0.001, Math.Sqrt(readings.Average(v => (v - 3.7) * (v - 3.7))), 5e-5);
        Assert.Equal(3.7, new MeasurementNoise(7, 0).Read(3.7));
    }

    [Fact]
    public void Steps_are_a_second_until_lab_time_runs_too_fast_for_the_work_bound()
    {
        Assert.Equal(1, new SubstepPolicy(1).UnderLoadSeconds);
        Assert.Equal(1, new SubstepPolicy(100_000).UnderLoadSeconds);
        Gen.Double[1, 1e8].Sample(speed =>
            speed / new SubstepPolicy(speed).UnderLoadSeconds <= SubstepPolicy.StepsPerMachineSecond * (1 + 1e-12));
    }

    [Fact]
    public void Parameters_that_no_cell_can_have_are_named()
    {
        Assert.Null(Cell.Problem());
        Assert.Contains("capacity_ah", (Cell with { CapacityAh = 0 }).Problem());
        Assert.Contains("initial_soc", (Cell with { InitialSoc = 1.1 }).Problem());
        Assert.Contains("r1_ohm", (Cell with { R1Ohm = double.NaN }).Problem());
    }
}
