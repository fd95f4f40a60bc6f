using Apache.Arrow;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.Telemetry;
using Column = BattKomp.Lab.BatteryData.Column;

namespace BattKomp.Lab.Server.Features.Datasets;

/// <summary>
/// Gathers a run's record batches into the one table that BDF files and cycle tables are made from: in order of record time, BDF's
/// required columns first, then the rest as the instrument gave them, then where each record came from.
/// </summary>
internal sealed class RecordColumns
{
    private static readonly string[] First = ["test_time_second", "voltage_volt", "current_ampere"];
    private readonly List<long> _utc = [], _seq = [], _monotonic = [];
    private readonly List<byte> _quality = [];
    private readonly List<string> _stream = [];
    private readonly Dictionary<string, List<double>> _numbers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<string?>> _texts = new(StringComparer.Ordinal);
    private readonly List<string> _order = [];

    /// <summary>How many records so far.</summary>
    public int Count => _utc.Count;

    /// <summary>True when no column test_time_second came, so that it was counted from the first record.</summary>
    public bool TestTimeDerived => !_numbers.ContainsKey("test_time_second");

    /// <summary>Adds the batch's rows for which <paramref name="wanted"/> holds (stream name, sequence).</summary>
    public void Add(RecordBatch batch, Func<string, long, bool>? wanted = null)
    {
        var (stream, seq) = ((StringArray)batch.Column("_stream"), (Int64Array)batch.Column("_seq"));
        int[] rows = [.. Enumerable.Range(0, batch.Length).Where(k => wanted is null || wanted(stream.GetString(k), seq.GetValue(k)!.Value))];
        var before = Count;
        foreach (var k in rows)
        {
            _stream.Add(stream.GetString(k));
            _seq.Add(seq.GetValue(k)!.Value);
        }

        AddFixed(batch, rows);
        foreach (var field in batch.Schema.FieldsList.Where(f => !f.Name.StartsWith('_'))) AddSignal(field.Name, batch.Column(field.Name), rows, before);
        foreach (var values in _numbers.Values) Pad(values, double.NaN);
        foreach (var values in _texts.Values) Pad(values, null);
    }

    /// <summary>The table. <paramref name="streams"/> numbers the streams from 1 in the order of the manifest.</summary>
    public RecordTable ToTable(IReadOnlyList<StreamKey> streams)
    {
        var rows = SortedRows();
        var number = streams.Select((s, k) => (s.ToString(), k + 1)).ToDictionary(p => p.Item1, p => (long)p.Item2);
        var columns = new List<Column>();
        if (TestTimeDerived) columns.Add(new NumberColumn("test_time_second", (double[])[.. rows.Select(r => (_utc[r] - _utc[rows[0]]) / 1e9)]));
        columns.AddRange(First.Where(_numbers.ContainsKey).Select(n => Number(n, rows)));
        if (!_numbers.ContainsKey("unix_time_second")) columns.Add(new NumberColumn("unix_time_second", (double[])[.. rows.Select(r => _utc[r] / 1e9)]));
        foreach (var name in _order.Where(n => !First.Contains(n)))
            columns.Add(_numbers.ContainsKey(name) ? Number(name, rows) : new TextColumn(name, rows.Select(r => _texts[name][r])));
        columns.Add(new IntegerColumn("record_quality", (long[])[.. rows.Select(r => (long)_quality[r])]));
        columns.Add(new IntegerColumn("record_stream", (long[])[.. rows.Select(r => number[_stream[r]])]));
        columns.Add(new IntegerColumn("record_sequence", (long[])[.. rows.Select(r => _seq[r])]));
        return new RecordTable(columns, new SourceDescription { Format = "battkomp-run", CurrentSign = CurrentSign.PositiveCharges });
    }

    private void AddFixed(RecordBatch batch, int[] rows)
    {
        var (utc, monotonic, quality) = ((Int64Array)batch.Column("_utc_ns"), (Int64Array)batch.Column("_monotonic_ns"), (UInt8Array)batch.Column("_quality"));
        foreach (var k in rows)
        {
            _utc.Add(utc.GetValue(k)!.Value);
            _monotonic.Add(monotonic.GetValue(k)!.Value);
            _quality.Add(quality.GetValue(k)!.Value);
        }
    }

    private void AddSignal(string name, IArrowArray values, int[] rows, int before)
    {
        if (values is DoubleArray numbers)
        {
            var target = Target(_numbers, name, before, double.NaN);
            foreach (var k in rows) target.Add(numbers.GetValue(k) ?? double.NaN);
        }
        else if (values is StringArray texts)
        {
            var target = Target(_texts, name, before, null);
            foreach (var k in rows) target.Add(texts.GetString(k));
        }
    }

    private List<T> Target<T>(Dictionary<string, List<T>> columns, string name, int before, T none)
    {
        if (columns.TryGetValue(name, out var target)) return target;
        _order.Add(name);
        return columns[name] = [.. Enumerable.Repeat(none, before)];
    }

    private void Pad<T>(List<T> values, T none)
    {
        while (values.Count < Count) values.Add(none);
    }

    private int[] SortedRows()
    {
        var rows = Enumerable.Range(0, Count).ToArray();
        for (var k = 1; k < rows.Length; k++)
            if (Compare(k - 1, k) > 0)
            {
                System.Array.Sort(rows, Compare);
                break;
            }

        return rows;
    }

    private int Compare(int a, int b)
    {
        var byTime = _utc[a].CompareTo(_utc[b]);
        if (byTime != 0) return byTime;
        var byStream = string.CompareOrdinal(_stream[a], _stream[b]);
        return byStream != 0 ? byStream : _seq[a].CompareTo(_seq[b]);
    }

    // Whole-number terms become integers when every record has one; a value that is missing or broken keeps the column as it came.
    private Column Number(string name, int[] rows)
    {
        var source = _numbers[name];
        var values = new double[rows.Length];
        for (var k = 0; k < rows.Length; k++) values[k] = source[rows[k]];
        var whole = BdfTerms.TryGet(name, out var term) && term.Type == BdfType.Integer && values.All(v => Math.Abs(v) < 1e15 && Math.Floor(v).Equals(v));
        return whole ? new IntegerColumn(name, (long[])[.. values.Select(v => (long)v)]) : new NumberColumn(name, values);
    }
}
