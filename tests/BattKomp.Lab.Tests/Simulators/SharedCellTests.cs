using BattKomp.Lab.Simulators.Cells;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators;

/// <summary>Several instruments on one cell.</summary>
public sealed class SharedCellTests
{
    [Fact]
    public void The_currents_of_two_loads_add_up()
    {
        var cell = Cell();
        var one = cell.Attach(new Load(new CellDemand.Current(-1)));
        var other = cell.Attach(new Load(new CellDemand.Current(-0.5)));
        cell.AdvanceTo(3600);
        Assert.Equal(1.5, cell.DischargeAh, 1e-9);
        Assert.Equal((-1, -0.5), (one.Ampere, other.Ampere));
    }

    [Fact]
    public void One_that_holds_a_voltage_makes_up_for_one_that_draws()
    {
        var cell = Cell();
        var volt = cell.Volt;
        var supply = cell.Attach(new Load(new CellDemand.Hold(volt, -5, 5)));
        cell.Attach(new Load(new CellDemand.Current(-1)));
        cell.AdvanceTo(600);
        Assert.Equal(1, supply.Ampere, 1e-6);
        Assert.Equal(volt, cell.Volt, 1e-6);
    }

    [Fact]
    public void An_interrupted_circuit_carries_nothing_and_goes_on_when_closed()
    {
        var (cell, circuit) = (Cell(), new Circuit());
        var tap = cell.Attach(new Load(new CellDemand.Current(-1)), circuit);
        circuit.Set("card:1", true);
        cell.AdvanceTo(100);
        Assert.Equal((0, 0), (tap.Ampere, cell.DischargeAh));
        circuit.Set("card:1", false);
        cell.AdvanceTo(200);
        Assert.Equal(100 / 3600.0, cell.DischargeAh, 1e-9);
    }

    [Fact]
    public void A_stage_that_is_stuck_goes_on_with_what_it_did_until_it_is_free()
    {
        var cell = Cell();
        var load = new Load(new CellDemand.Current(-1));
        var tap = cell.Attach(load, stuck: seconds => seconds < 200);
        cell.AdvanceTo(100);
        load.Demand = new CellDemand.Rest();
        cell.AdvanceTo(150);
        Assert.Equal(-1, tap.Ampere);
        cell.AdvanceTo(300);
        Assert.Equal(0, tap.Ampere);
    }

    [Fact]
    public void A_gate_stops_the_direction_that_it_forbids()
    {
        var cell = Cell();
        var load = new Load(new CellDemand.Current(1));
        var tap = cell.Attach(load);
        cell.Attach(new DischargeOnly());
        cell.AdvanceTo(10);
        Assert.Equal(0, tap.Ampere);
        load.Demand = new CellDemand.Current(-1);
        cell.AdvanceTo(20);
        Assert.Equal(-1, tap.Ampere);
    }

    [Fact]
    public void A_pack_has_the_sum_of_its_cells_and_holds_the_voltage_of_all()
    {
        var bench = new CellBench(new Dictionary<string, CellParameters> { ["pack"] = new() { Series = 4, SocSpread = 0.01 } }, 1);
        var pack = bench.Cells["pack"];
        Assert.Equal(4, pack.Cells.Count);
        Assert.True(pack.Cells[3].Soc > pack.Cells[0].Soc);
        pack.Attach(new Load(new CellDemand.Charge(2.5, 16.0)));
        pack.AdvanceTo(7200);
        Assert.Equal(16.0, pack.Volt, 1e-3);
    }

    [Fact]
    public void A_change_of_the_surroundings_warms_the_cell_with_its_own_time_constant()
    {
        var cell = Cell();
        cell.AmbientCelsius = 45;
        Assert.Equal(25, cell.Celsius, 1e-9);
        cell.AdvanceTo(8 * 45); // thermal resistance x heat capacity
        Assert.Equal(45 - 20 / Math.E, cell.Celsius, 0.1);
    }

    private static SharedCell Cell() => new(new EquivalentCircuitCell(new CellParameters()), new SubstepPolicy(1));

    private sealed class Load(CellDemand demand) : ICellLoad
    {
        public CellDemand Demand { get; set; } = demand;

        public double SecondsToEvent => double.PositiveInfinity;

        public void Carried(double ampere, double seconds) { }
    }

    private sealed class DischargeOnly : ICellGate
    {
        public bool ChargeAllowed => false;

        public bool DischargeAllowed => true;

        public void Carried(double ampere, double seconds) { }
    }
}
