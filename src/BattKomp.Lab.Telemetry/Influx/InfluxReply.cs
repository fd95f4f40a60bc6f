using System.Text.Json;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>Takes the rows of an answer one value at a time.</summary>
internal interface IInfluxRows
{
    /// <summary>A series begins; its rows follow. May come again for the same series, in the next chunk.</summary>
    void Series(IReadOnlyDictionary<string, string> tags, IReadOnlyList<string> columns);

    /// <summary>A value of the current row: null, number, string or boolean.</summary>
    void Value(int column, ref Utf8JsonReader value);

    /// <summary>The row is complete.</summary>
    void EndRow();
}

/// <summary>Reads the JSON of <c>/query</c>, also when it comes as several documents (chunked), without making objects of it.</summary>
internal static class InfluxReply
{
    private static readonly JsonReaderOptions Several = new() { AllowMultipleValues = true };

    /// <summary>Hands every row to <paramref name="rows"/>; an error in the answer is thrown.</summary>
    public static void Read(ReadOnlySpan<byte> json, IInfluxRows rows)
    {
        var reader = new Utf8JsonReader(json, Several);
        while (reader.Read())
            if (reader.TokenType == JsonTokenType.PropertyName)
                Property(ref reader, rows);
    }

    /// <summary>What an error answer says: its <c>error</c> or <c>message</c>, else its text.</summary>
    public static string ErrorOf(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            foreach (var name in (string[])["error", "message"])
                if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(name, out var text))
                    return text.ToString();
        }
        catch (JsonException)
        {
            // Not InfluxDB's own answer (a proxy's page, or nothing): shown as it is.
        }

        return System.Text.Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(body.Length, 500))).Trim();
    }

    private static void Property(ref Utf8JsonReader reader, IInfluxRows rows)
    {
        if (reader.ValueTextEquals("error"u8))
        {
            reader.Read();
            var text = reader.GetString()!;
            throw text.StartsWith("database not found", StringComparison.Ordinal) ? new InfluxMissingException($"InfluxDB: {text}") : new StoreUnavailableException($"InfluxDB refused a query: {text}");
        }

        if (!reader.ValueTextEquals("series"u8)) return;
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject) Series(ref reader, rows);
    }

    // Members come in the order name, tags, columns, values.
    private static void Series(ref Utf8JsonReader reader, IInfluxRows rows)
    {
        var tags = new Dictionary<string, string>(StringComparer.Ordinal);
        var columns = new List<string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("tags"u8))
            {
                reader.Read();
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    var tag = reader.GetString()!;
                    reader.Read();
                    tags[tag] = reader.GetString()!;
                }
            }
            else if (reader.ValueTextEquals("columns"u8))
            {
                reader.Read();
                while (reader.Read() && reader.TokenType == JsonTokenType.String) columns.Add(reader.GetString()!);
                rows.Series(tags, columns);
            }
            else if (reader.ValueTextEquals("values"u8)) Rows(ref reader, rows);
            else reader.Skip();
        }
    }

    private static void Rows(ref Utf8JsonReader reader, IInfluxRows rows)
    {
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.StartArray)
        {
            for (var column = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; column++) rows.Value(column, ref reader);
            rows.EndRow();
        }
    }
}

/// <summary>Rows of small answers as objects: string, long, double, bool or null by column name.</summary>
internal sealed class InfluxTable : IInfluxRows
{
    private IReadOnlyDictionary<string, string> _tags = new Dictionary<string, string>();
    private IReadOnlyList<string> _columns = [];
    private Dictionary<string, object?> _row = [];

    public List<Row> Rows { get; } = [];

    public void Series(IReadOnlyDictionary<string, string> tags, IReadOnlyList<string> columns) => (_tags, _columns) = (tags, columns);

    public void Value(int column, ref Utf8JsonReader value) => _row[_columns[column]] = value.TokenType switch
    {
        JsonTokenType.String => value.GetString(),
        JsonTokenType.Number => value.TryGetInt64(out var whole) ? (object)whole : value.GetDouble(),
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        _ => null,
    };

    public void EndRow()
    {
        Rows.Add(new Row(_tags, _row));
        _row = [];
    }

    /// <summary>One row with the tags of its series.</summary>
    internal sealed class Row(IReadOnlyDictionary<string, string> tags, Dictionary<string, object?> values)
    {
        public IReadOnlyDictionary<string, object?> Values => values;
        public string Tag(string name) => tags.GetValueOrDefault(name, "");
        public bool Has(string column) => values.GetValueOrDefault(column) is not null;
        public long Time => Long("time");
        public string Text(string column) => values.GetValueOrDefault(column) as string ?? "";
        public long Long(string column) => values.GetValueOrDefault(column) is long whole ? whole : 0;
        public double Double(string column) => values.GetValueOrDefault(column) switch { long whole => whole, double number => number, _ => 0 };
        public bool Bool(string column) => values.GetValueOrDefault(column) is true;
    }
}
