using System.Text.Json;

namespace BattKomp.Lab.EdgeAgent.Instruments.MqttJson;

/// <summary>
/// Reads SenML packs (RFC 8428, JSON) by a mapping whose paths are resolved names (base name + name). Base time, unit and value carry over; measurements of one
/// time become one record. Pure; a pack that cannot be understood is refused whole, with the entry, the field and the remedy.
/// </summary>
public sealed class SenmlRecordReader
{
    private const int Version = 10;
    private const decimal FirstAbsolute = 1 << 28, LastAbsolute = 7_258_118_400m; // 2200-01-01
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 16 };
    private readonly JsonMapping _mapping;
    private readonly Dictionary<string, int> _numbers = [];
    private readonly Dictionary<string, int> _texts = [];

    /// <summary>Prepares a mapping.</summary>
    public SenmlRecordReader(JsonMapping mapping)
    {
        _mapping = mapping;
        for (var k = 0; k < mapping.Signals.Count; k++)
            _numbers[mapping.Signals[k].Path] = k;
        for (var k = 0; k < mapping.Texts.Count; k++)
            _texts[mapping.Texts[k].Path] = k;
    }

    /// <summary>The records of a pack, in order of time; none, and the reason, when it is refused.</summary>
    public IReadOnlyList<JsonRow> Read(ReadOnlyMemory<byte> message, out string problem)
    {
        try
        {
            using var document = JsonDocument.Parse(message, Options);
            if (document.RootElement.ValueKind != JsonValueKind.Array)
                throw new RefusedException("the message is not a SenML pack: a JSON array is needed");
            var drafts = new SortedDictionary<decimal, Draft>();
            var bases = new Bases();
            var index = 0;
            foreach (var entry in document.RootElement.EnumerateArray())
                Take(entry, bases, drafts, $"entry {index++}");
            problem = drafts.Values.Any(d => d.Any) ? "" : "no declared signal is in the pack: see the mapping's signals (paths are base name + name)";
            return problem.Length > 0 ? [] : [.. drafts.Where(d => d.Value.Any).Select(d => Row(d.Key, d.Value))];
        }
        catch (Exception e) when (e is JsonException or RefusedException or InvalidOperationException)
        {
            problem = e is RefusedException ? e.Message : $"the message is not JSON: {e.Message}";
            return [];
        }
    }

    private void Take(JsonElement entry, Bases bases, SortedDictionary<decimal, Draft> drafts, string where)
    {
        if (entry.ValueKind != JsonValueKind.Object)
            throw new RefusedException($"{where} is no object");
        foreach (var field in entry.EnumerateObject())
            if (field.Name.EndsWith('_'))
                throw new RefusedException($"{where}: field {field.Name} must be understood and is not; the pack needs a newer reader");
        bases.Take(entry, where);
        var name = bases.Name + (Text(entry, "n", where) ?? "");
        var time = bases.Time + (Number(entry, "t", where) ?? 0);
        if (time >= LastAbsolute || time < 0 || time is > 0 and < FirstAbsolute)
            throw new RefusedException($"{where}: time {time} is neither absolute (seconds since 1970) nor now (0); set the device's clock");
        if (!drafts.TryGetValue(time, out var draft))
            drafts[time] = draft = new Draft(_mapping);
        if (_numbers.TryGetValue(name, out var number))
            Measure(entry, bases, draft, number, where);
        else if (_texts.TryGetValue(name, out var text))
            draft.Texts[text] = Text(entry, "vs", where) ?? throw new RefusedException($"{where}: {name} has no text value (vs)");
        else if (name == _mapping.RunPath && name.Length > 0)
            draft.Run = Text(entry, "vs", where) ?? "";
        else if (name == _mapping.CounterPath && name.Length > 0)
            draft.Counter = Number(entry, "v", where) is { } n && n >= 0 && n < 1L << 53 && decimal.Truncate(n) == n ? (long)n : throw new RefusedException($"{where}: the counter {name} is a whole number from 0");
    }

    private void Measure(JsonElement entry, Bases bases, Draft draft, int index, string where)
    {
        var signal = _mapping.Signals[index];
        var unit = Text(entry, "u", where) ?? bases.Unit;
        if (unit != signal.Unit)
            throw new RefusedException($"{where}: {signal.Path} has the unit \"{unit}\", declared is \"{signal.Unit}\": correct the instrument or the mapping of {signal.Signal}");
        var value = entry.TryGetProperty("vb", out var flag) && flag.ValueKind is JsonValueKind.True or JsonValueKind.False ? (flag.GetBoolean() ? 1 : 0)
            : entry.TryGetProperty("v", out var v) && v.ValueKind == JsonValueKind.Number ? v.GetDouble() + bases.Value
            : throw new RefusedException($"{where}: {signal.Path} has no number (v)");
        if (!double.IsFinite(value * signal.Factor))
            throw new RefusedException($"{where}: {signal.Path} is infinite; leave it out when there is no value");
        draft.Values[index] = value * signal.Factor;
        draft.Any = true;
    }

    private JsonRow Row(decimal time, Draft draft)
    {
        if (_mapping.CounterPath.Length > 0 && draft.Counter is null)
            throw new RefusedException($"{_mapping.CounterPath} (the device counter) is missing at time {time}");
        if (draft.Counter is { } n)
            draft.Values[^1] = n;
        return new JsonRow(draft.Values, draft.Texts, draft.Counter, draft.Run, time == 0 ? null : (long)(time * 1_000_000_000m));
    }

    private static string? Text(JsonElement entry, string field, string where) =>
        !entry.TryGetProperty(field, out var found) ? null
        : found.ValueKind == JsonValueKind.String ? found.GetString()
        : throw new RefusedException($"{where}: field {field} is {found.GetRawText()}; a text is needed");

    private static decimal? Number(JsonElement entry, string field, string where) =>
        !entry.TryGetProperty(field, out var found) ? null
        : found.ValueKind == JsonValueKind.Number && found.TryGetDecimal(out var number) && Math.Abs(number) < 1e18m ? number
        : throw new RefusedException($"{where}: field {field} is {found.GetRawText()}; a number is needed");

    private sealed class RefusedException(string message) : Exception(message);

    private sealed class Bases
    {
        public string Name { get; private set; } = "";

        public string Unit { get; private set; } = "";

        public decimal Time { get; private set; }

        public double Value { get; private set; }

        public void Take(JsonElement entry, string where)
        {
            if (Number(entry, "bver", where) is > Version and var version)
                throw new RefusedException($"{where}: SenML version {version}; this reader knows {Version}");
            Name = Text(entry, "bn", where) ?? Name;
            Unit = Text(entry, "bu", where) ?? Unit;
            Time = Number(entry, "bt", where) ?? Time;
            Value = (double?)Number(entry, "bv", where) ?? Value;
        }
    }

    private sealed class Draft
    {
        public Draft(JsonMapping mapping)
        {
            (Values, Texts) = (new double[mapping.Columns.Count], new string[mapping.Texts.Count]);
            Array.Fill(Values, double.NaN);
            Array.Fill(Texts, "");
        }

        public double[] Values { get; }

        public string[] Texts { get; }

        public long? Counter { get; set; }

        public string Run { get; set; } = "";

        public bool Any { get; set; }
    }
}
