using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>All record tables of a run under one set of columns; a signal that a table lacks is NULL there.</summary>
internal sealed class RunUnion
{
    private readonly List<RecordTableInfo> _tables;

    public RunUnion(DuckDBConnection connection, int run, IReadOnlyList<string>? wanted)
    {
        Run = run;
        _tables = StreamRows.TablesOf(connection, run);
        var numeric = _tables.SelectMany(t => t.Signals.Numeric).Distinct(StringComparer.Ordinal).ToList();
        var text = _tables.SelectMany(t => t.Signals.Text).Distinct(StringComparer.Ordinal).ToList();
        Numeric = wanted is null ? numeric : [.. wanted.Where(numeric.Contains)];
        Text = wanted is null ? text : [.. wanted.Where(text.Contains)];
    }

    public int Run { get; }
    public IReadOnlyList<string> Numeric { get; }

    /// <summary>Text signals. One that other tables hold as a number is shown as <see cref="TextColumn"/> says.</summary>
    public IReadOnlyList<string> Text { get; }
    public bool Empty => _tables.Count == 0;

    /// <summary>Output name of a text signal.</summary>
    public string TextColumn(string name) => Numeric.Contains(name) ? name + "_as_text" : name;

    /// <summary>SELECT over every table; <paramref name="where"/> uses the fixed columns.</summary>
    public string Select(string where)
    {
        return string.Join(" UNION ALL ", _tables.Select(One));

        string One(RecordTableInfo t) =>
            $"SELECT _stream, _seq, _utc_ns, _monotonic_ns, _quality{string.Concat(Numeric.Select(n => Column(t.Signals.Numeric, n, n, "DOUBLE")))}"
            + $"{string.Concat(Text.Select(n => Column(t.Signals.Text, n, TextColumn(n), "VARCHAR")))} FROM {t.Name} WHERE _run = {Run} AND ({where})";

        static string Column(IReadOnlyList<string> has, string name, string output, string type) =>
            has.Contains(name) ? $", \"{name}\" AS \"{output}\"" : $", NULL::{type} AS \"{output}\"";
    }
}
