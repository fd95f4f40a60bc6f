using System.Text.Json;
using NodaTime;
using NodaTime.Text;

namespace BattKomp.Lab.EdgeAgent.Instruments.MqttJson;

/// <summary>Reads messages by a mapping, numbers at full double precision. Pure; a message that cannot be a record is refused with the field and the remedy.</summary>
public sealed class JsonRecordReader
{
    private const int MaxDepth = 16;
    private readonly JsonMapping _mapping;
    private readonly Dictionary<string, int> _numbers = [];
    private readonly Dictionary<string, int> _texts = [];
    private readonly Dictionary<string, SignalMapping> _units = [];

    /// <summary>Prepares a mapping.</summary>
    public JsonRecordReader(JsonMapping mapping)
    {
        _mapping = mapping;
        for (var k = 0; k < mapping.Signals.Count; k++)
        {
            _numbers[mapping.Signals[k].Path] = k;
            if (mapping.Signals[k].UnitPath.Length > 0)
                _units[mapping.Signals[k].UnitPath] = mapping.Signals[k];
        }
        for (var k = 0; k < mapping.Texts.Count; k++)
            _texts[mapping.Texts[k].Path] = k;
    }

    /// <summary>Reads one message; null and the reason when it is refused.</summary>
    public JsonRow? Read(ReadOnlySpan<byte> message, out string problem)
    {
        var row = new Draft(new double[_mapping.Columns.Count], new string[_mapping.Texts.Count]);
        Array.Fill(row.Values, double.NaN);
        Array.Fill(row.Texts, "");
        try
        {
            var json = new Utf8JsonReader(message, new JsonReaderOptions { MaxDepth = MaxDepth });
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            {
                problem = "the message is not a JSON object";
                return null;
            }
            problem = Walk(ref json, "", row) ?? Judge(row) ?? "";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            problem = $"the message is not JSON: {e.Message}";
        }
        if (problem.Length > 0)
            return null;
        if (row.Counter is { } n)
            row.Values[^1] = n;
        return new JsonRow(row.Values, row.Texts, row.Counter, row.Run, row.UtcNs);
    }

    private string? Walk(ref Utf8JsonReader json, string prefix, Draft row)
    {
        while (json.Read() && json.TokenType != JsonTokenType.EndObject)
        {
            var path = prefix + json.GetString();
            json.Read();
            if (json.TokenType == JsonTokenType.StartObject)
            {
                if (Walk(ref json, path + ".", row) is { } problem)
                    return problem;
                continue;
            }
            if (json.TokenType == JsonTokenType.StartArray)
            {
                json.Skip();
                continue;
            }
            if (Field(ref json, path, row) is { } refused)
                return refused;
        }
        return null;
    }

    private string? Field(ref Utf8JsonReader json, string path, Draft row)
    {
        if (_numbers.TryGetValue(path, out var number))
            return Number(ref json, path, number, row);
        if (_texts.TryGetValue(path, out var text))
        {
            row.Texts[text] = json.TokenType == JsonTokenType.String ? json.GetString()! : "";
            return json.TokenType is JsonTokenType.String or JsonTokenType.Null ? null : $"field {path} must be a text";
        }
        if (_units.TryGetValue(path, out var unit) && (json.TokenType != JsonTokenType.String || json.GetString() != unit.Unit))
            return $"field {path} names the unit {Shown(json)}, declared is \"{unit.Unit}\": correct the instrument or the mapping of {unit.Signal}";
        if (path == _mapping.IdPath && (json.TokenType != JsonTokenType.String || json.GetString() != _mapping.Instrument))
            return $"field {path} is {Shown(json)}, expected \"{_mapping.Instrument}\": another instrument publishes on this topic";
        if (path == _mapping.CounterPath)
            return json.TokenType == JsonTokenType.Number && json.TryGetInt64(out var n) && n is >= 0 and < 1L << 53 && (row.Counter = n) is not null
                ? null
                : $"field {path} is {Shown(json)}; the counter is a whole number from 0";
        if (path == _mapping.RunPath)
            row.Run = json.TokenType == JsonTokenType.String ? json.GetString()! : "";
        return path == _mapping.UtcPath ? Utc(ref json, path, row) : null;
    }

    private string? Number(ref Utf8JsonReader json, string path, int index, Draft row)
    {
        if (json.TokenType == JsonTokenType.Null)
            return null;
        if (json.TokenType != JsonTokenType.Number)
            return $"field {path} is {Shown(json)}; a JSON number is needed (leave the field out when there is no value)";
        if (!json.TryGetDouble(out var value) || !double.IsFinite(value * _mapping.Signals[index].Factor))
            return $"field {path} is infinite; leave the field out when there is no value";
        row.Values[index] = value * _mapping.Signals[index].Factor;
        row.Any = true;
        return null;
    }

    private static readonly Instant LatestStamp = Instant.FromUtc(2200, 1, 1, 0, 0);

    private static string? Utc(ref Utf8JsonReader json, string path, Draft row)
    {
        if (json.TokenType == JsonTokenType.String && json.GetString() is { } text)
        {
            var instant = InstantPattern.ExtendedIso.Parse(text);
            if (instant.TryGetValue(default, out var utc) || (OffsetDateTimePattern.ExtendedIso.Parse(text).TryGetValue(default, out var offset) && (utc = offset.ToInstant()) != default))
            {
                // Stamps are 64-bit nanoseconds, which reach from 1677 to 2262; a device clock outside is broken anyway.
                if (utc < NodaConstants.UnixEpoch || utc >= LatestStamp)
                    return $"field {path} is {text}; a UTC from 1970 to 2200 is needed: set the device's clock";
                row.UtcNs = (utc - NodaConstants.UnixEpoch).ToInt64Nanoseconds();
                return null;
            }
        }
        return $"field {path} is {Shown(json)}; ISO 8601 with Z or offset is needed, as 2026-11-23T18:00:00.0000000Z";
    }

    private string? Judge(Draft row) =>
        !row.Any ? "no declared signal is in the message: see the mapping's signals"
        : _mapping.CounterPath.Length > 0 && row.Counter is null ? $"field {_mapping.CounterPath} (the device counter) is missing"
        : _mapping.UtcPath.Length > 0 && row.UtcNs is null ? $"field {_mapping.UtcPath} (the device's UTC) is missing"
        : null;

    private static string Shown(Utf8JsonReader json) => json.TokenType switch
    {
        JsonTokenType.String => $"the text \"{json.GetString()}\"",
        JsonTokenType.Number => $"the number {System.Text.Encoding.UTF8.GetString(json.ValueSpan)}",
        var other => other.ToString(),
    };

    private sealed class Draft(double[] values, string[] texts)
    {
        public double[] Values { get; } = values;

        public string[] Texts { get; } = texts;

        public long? Counter { get; set; }

        public string Run { get; set; } = "";

        public long? UtcNs { get; set; }

        public bool Any { get; set; }
    }
}
