namespace BattKomp.Lab.Simulators.Cells;

/// <summary>
/// What the instruments of one process share: named cells, circuits by instrument id, and the gate that guards them.
/// Whoever touches a device, a cell or a circuit holds <see cref="Gate"/>.
/// </summary>
public sealed class CellBench
{
    private readonly Dictionary<string, SharedCell> _cells = [];
    private readonly Dictionary<string, Circuit> _circuits = [];
    private readonly SubstepPolicy _substeps;

    /// <summary>Makes the bench with its named cells.</summary>
    /// <param name="cells">Named cells; what instruments refer to by <c>cell_ref</c>.</param>
    /// <param name="speed">Lab seconds per machine second.</param>
    public CellBench(IReadOnlyDictionary<string, CellParameters> cells, double speed)
    {
        _substeps = new SubstepPolicy(speed);
        foreach (var (name, parameters) in cells) _cells.Add(name, Make(parameters));
    }

    /// <summary>Held while a device, a cell or a circuit is touched.</summary>
    public Lock Gate { get; } = new();

    /// <summary>The named cells.</summary>
    public IReadOnlyDictionary<string, SharedCell> Cells => _cells;

    /// <summary>A cell that only one instrument has.</summary>
    public SharedCell Make(CellParameters parameters) =>
        new([.. Enumerable.Range(0, parameters.Series).Select(i => new EquivalentCircuitCell(parameters.InSeries(i)))], _substeps);

    /// <summary>The circuit of an instrument.</summary>
    public Circuit Circuit(string instrument)
    {
        if (!_circuits.TryGetValue(instrument, out var circuit)) _circuits.Add(instrument, circuit = new Circuit());
        return circuit;
    }
}
