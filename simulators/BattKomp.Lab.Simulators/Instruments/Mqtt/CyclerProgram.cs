using BattKomp.Lab.Simulators.Cells;

namespace BattKomp.Lab.Simulators.Instruments.Mqtt;

/// <summary>A plain cycling program: charge (constant current, then constant voltage), rest, discharge, rest, again.</summary>
public sealed record ProgramOptions
{
    /// <summary>Charge current (A).</summary>
    public double ChargeAmpere { get; init; } = 1.25;

    /// <summary>Charge voltage (V).</summary>
    public double ChargeVolt { get; init; } = 4.2;

    /// <summary>The charge ends when its current has fallen to this (A).</summary>
    public double CutoffAmpere { get; init; } = 0.125;

    /// <summary>Discharge current (A, positive number).</summary>
    public double DischargeAmpere { get; init; } = 1.25;

    /// <summary>The discharge ends at this voltage (V).</summary>
    public double DischargeVolt { get; init; } = 3.0;

    /// <summary>Rest after each charge and discharge (s).</summary>
    public double RestSeconds { get; init; } = 600;

    /// <summary>Cycles to run.</summary>
    public int Cycles { get; init; } = 3;

    /// <summary>Time between records (s).</summary>
    public double RecordSeconds { get; init; } = 10;

    /// <summary>Names the first field that cannot be, with the remedy; null when all is well.</summary>
    public string? Problem() =>
        !(ChargeAmpere > 0) ? "charge_ampere must be above 0"
        : !(DischargeAmpere > 0) ? "discharge_ampere must be above 0"
        : !(ChargeVolt > DischargeVolt) ? "charge_volt must be above discharge_volt"
        : !(CutoffAmpere > 0 && CutoffAmpere < ChargeAmpere) ? "cutoff_ampere must be above 0 and below charge_ampere"
        : !(RestSeconds >= 0) ? "rest_seconds must be 0 or more"
        : Cycles < 1 ? "cycles must be 1 or more"
        : !(RecordSeconds > 0) ? "record_seconds must be above 0"
        : null;
}

/// <summary>The rows that a cell under a program gives. Every enumeration begins with a fresh cell.</summary>
public sealed class CyclerProgram(CellParameters cell, ProgramOptions program, int seed) : IRecordSource
{
    private const double LongestStepSeconds = 1;

    /// <inheritdoc/>
    public IEnumerable<CyclerRecord> Records()
    {
        var bench = new Bench(new EquivalentCircuitCell(cell), new MeasurementNoise(seed, cell.VoltageNoiseVolt));
        var charge = new CellDemand.Charge(program.ChargeAmpere, program.ChargeVolt);
        var discharge = new CellDemand.Current(-program.DischargeAmpere);
        var rest = new CellDemand.Rest();
        yield return bench.Begin(1, 1, "CCCV_CHG");
        for (var cycle = 1; cycle <= program.Cycles; cycle++)
        {
            foreach (var r in Step(bench, charge, () => bench.Cell.Ampere <= program.CutoffAmpere)) yield return r;
            bench.Begin(cycle, 2, "REST");
            foreach (var r in Step(bench, rest, () => bench.StepSeconds >= program.RestSeconds)) yield return r;
            bench.Begin(cycle, 3, "CC_DCH");
            foreach (var r in Step(bench, discharge, () => bench.Cell.Volt <= program.DischargeVolt)) yield return r;
            bench.Begin(cycle, 4, "REST");
            foreach (var r in Step(bench, rest, () => bench.StepSeconds >= program.RestSeconds)) yield return r;
            if (cycle < program.Cycles) bench.Begin(cycle + 1, 1, "CCCV_CHG");
        }
    }

    // The first row of a later step comes one integration step after its border, so no two rows share a stamp.
    private IEnumerable<CyclerRecord> Step(Bench bench, CellDemand demand, Func<bool> done)
    {
        var recordAt = bench.Step == 1 ? program.RecordSeconds : 0;
        while (true)
        {
            bench.Carry(demand, Math.Min(LongestStepSeconds, program.RecordSeconds));
            var ended = done();
            if (bench.StepSeconds >= recordAt - 1e-9 || ended)
            {
                yield return bench.Row();
                recordAt = bench.StepSeconds + program.RecordSeconds;
            }
            if (ended) yield break;
        }
    }

    private sealed class Bench(EquivalentCircuitCell cell, MeasurementNoise noise)
    {
        private double _seconds;
        private double _stepBegan;
        private double _chargeBegan;
        private double _energyBegan;
        private int _cycle;
        private int _stepId;
        private string _stepType = "";

        internal EquivalentCircuitCell Cell { get; } = cell;

        internal int Step { get; private set; }

        internal double StepSeconds => _seconds - _stepBegan;

        internal CyclerRecord Begin(int cycle, int stepId, string stepType)
        {
            (_cycle, _stepId, _stepType) = (cycle, stepId, stepType);
            (_stepBegan, _chargeBegan, _energyBegan) = (_seconds, MovedAh, MovedWh);
            Step++;
            return Row();
        }

        internal void Carry(CellDemand demand, double seconds)
        {
            Cell.Step(Cell.CurrentFor(demand, seconds), seconds);
            _seconds += seconds;
        }

        internal CyclerRecord Row() => new(_seconds, noise.Read(Cell.Volt), Cell.Ampere, _cycle, Step, _stepId, _stepType,
            MovedAh - _chargeBegan, MovedWh - _energyBegan, Cell.Celsius);

        private double MovedAh => Cell.ChargeAh + Cell.DischargeAh;

        private double MovedWh => Cell.ChargeWh + Cell.DischargeWh;
    }
}
