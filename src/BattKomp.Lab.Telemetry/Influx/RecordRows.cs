using System.Text.Json;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>Records as they come out of the database, in columns.</summary>
internal sealed class RecordRows(SignalSet signals, IReadOnlyDictionary<string, StreamLedger> streams) : IInfluxRows
{
    private const int Fixed = 5;
    private StreamLedger? _stream;
    private long? _monotonic;
    private bool _complete;

    public SignalSet Signals => signals;
    public List<StreamLedger> Stream { get; } = [];
    public List<long> Utc { get; } = [];
    public List<long> Seq { get; } = [];
    public List<long> Monotonic { get; } = [];
    public List<byte> Quality { get; } = [];
    public List<double>[] Values { get; } = [.. signals.Numeric.Select(_ => new List<double>())];
    public List<string?>[] Texts { get; } = [.. signals.Text.Select(_ => new List<string?>())];
    public int Count => Utc.Count;

    /// <summary>The query whose answer this takes.</summary>
    public static string Query(InfluxPlace place, SignalSet signals, string where, string tail = "")
    {
        var fields = string.Concat(signals.Numeric.Concat(signals.Text).Select(s => $", \"{InfluxNames.FieldOf(s)}\""));
        return $"SELECT \"_seq\", \"_monotonic_ns\", \"_quality\", \"stream\"{fields} FROM {place.From(InfluxNames.Records)} WHERE {where}{tail}";
    }

    public void Series(IReadOnlyDictionary<string, string> tags, IReadOnlyList<string> columns)
    {
        // The order of the query above, with the stamp before it.
    }

    public void Value(int column, ref Utf8JsonReader value)
    {
        var missing = value.TokenType == JsonTokenType.Null;
        switch (column)
        {
            case 0: Utc.Add(value.GetInt64()); (_complete, _monotonic) = (true, null); break;
            case 1 when missing: _complete = false; Seq.Add(-1); break;
            case 1: Seq.Add(value.GetInt64()); break;
            case 2: _monotonic = missing ? null : value.GetInt64(); break;
            case 3: Quality.Add(missing ? (byte)0 : value.GetByte()); break;
            case 4: _stream = Known(ref value); break;
            default: Signal(column - Fixed, missing, ref value); break;
        }
    }

    public void EndRow()
    {
        if (!_complete || _stream is null) { Drop(); return; }
        Stream.Add(_stream);
        // Left out when it is what stamp and anchor say.
        Monotonic.Add(_monotonic ?? unchecked(Utc[^1] - _stream.Header.AnchorUtcNs));
    }

    private StreamLedger? Known(ref Utf8JsonReader value)
    {
        if (_stream is not null && value.ValueTextEquals(_stream.Id)) return _stream;
        return value.TokenType == JsonTokenType.String ? streams.GetValueOrDefault(value.GetString()!) : null;
    }

    private void Signal(int at, bool missing, ref Utf8JsonReader value)
    {
        if (at < Values.Length) Values[at].Add(missing ? double.NaN : value.GetDouble());
        else Texts[at - Values.Length].Add(missing ? null : value.GetString());
    }

    // A row that somebody else wrote into the measurement.
    private void Drop()
    {
        Utc.RemoveAt(Utc.Count - 1);
        Seq.RemoveAt(Seq.Count - 1);
        Quality.RemoveAt(Quality.Count - 1);
        foreach (var values in Values) values.RemoveAt(values.Count - 1);
        foreach (var texts in Texts) texts.RemoveAt(texts.Count - 1);
    }
}
