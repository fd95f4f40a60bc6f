using System.Text.Json;

namespace BattKomp.Lab.EdgeAgent.Hosting;

/// <summary>Reads the fields of one JSON object, gathering every mistake with its path instead of stopping at the first. Call <see cref="Done"/> last.</summary>
internal sealed class JsonFields
{
    private readonly JsonElement _object;
    private readonly ConfigFindings _findings;
    private readonly HashSet<string> _known = [];

    public JsonFields(JsonElement element, string path, ConfigFindings findings)
    {
        (Path, _findings) = (path, findings);
        _object = element.ValueKind == JsonValueKind.Object ? element : default;
        if (element.ValueKind != JsonValueKind.Object)
            findings.Mistake(path, $"is {element.ValueKind}; an object is needed");
    }

    public string Path { get; }

    public void Mistake(string field, string problem) => _findings.Mistake($"{Path}.{field}", problem);

    /// <summary>Something doubtful that leaves the configuration usable.</summary>
    public void Warn(string field, string problem) => _findings.Warn($"{Path}.{field}", problem);

    /// <summary>The object as the file spells it.</summary>
    public string Raw => _object.ValueKind == JsonValueKind.Object ? _object.GetRawText() : "";

    /// <summary>Its fields as the file spells them.</summary>
    public IReadOnlyList<(string Name, string Raw)> Parts() =>
        _object.ValueKind == JsonValueKind.Object ? [.. _object.EnumerateObject().Select(p => (p.Name, p.Value.GetRawText()))] : [];

    /// <summary>Fields whose names are the writer's own, numbers all; asking makes them known.</summary>
    public IReadOnlyDictionary<string, int> Numbers(double low, double high)
    {
        var numbers = new Dictionary<string, int>();
        foreach (var (name, _) in Parts())
            numbers[name] = (int)Number(name, low, low, high);
        return numbers;
    }

    public bool Has(string field) => Find(field) is not null;

    public string Text(string field, string otherwise = "", string? needed = null)
    {
        var found = Find(field);
        if (found is { ValueKind: JsonValueKind.String } text && text.GetString()!.Length > 0)
            return text.GetString()!;
        if (found is not null)
            Mistake(field, $"is {Shown(found.Value)}; a text is needed");
        else if (needed is not null)
            Mistake(field, $"is missing; {needed}");
        return otherwise;
    }

    public double Number(string field, double otherwise, double low = double.NegativeInfinity, double high = double.PositiveInfinity)
    {
        if (Find(field) is not { } found)
            return otherwise;
        if (found.ValueKind == JsonValueKind.Number && found.GetDouble() is var value && value >= low && value <= high)
            return value;
        Mistake(field, $"is {Shown(found)}; a number from {low} to {high} is needed");
        return otherwise;
    }

    public bool Flag(string field, bool otherwise)
    {
        if (Find(field) is not { } found)
            return otherwise;
        if (found.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return found.GetBoolean();
        Mistake(field, $"is {Shown(found)}; true or false is needed");
        return otherwise;
    }

    public JsonFields? Object(string field) => Find(field) is { } found ? new JsonFields(found, $"{Path}.{field}", _findings) : null;

    public IReadOnlyList<JsonFields> Objects(string field, string? needed = null)
    {
        var found = Find(field);
        if (found is { ValueKind: JsonValueKind.Array } array)
            return [.. array.EnumerateArray().Select((e, k) => new JsonFields(e, $"{Path}.{field}[{k}]", _findings))];
        if (found is not null)
            Mistake(field, $"is {Shown(found.Value)}; a list is needed");
        else if (needed is not null)
            Mistake(field, $"is missing; {needed}");
        return [];
    }

    /// <summary>Reports fields that nobody asked for.</summary>
    public void Done()
    {
        if (_object.ValueKind != JsonValueKind.Object)
            return;
        foreach (var property in _object.EnumerateObject().Where(p => !_known.Contains(p.Name)))
            Mistake(property.Name, $"is not a setting; known here: {string.Join(", ", _known.Order(StringComparer.Ordinal))}");
    }

    private JsonElement? Find(string field)
    {
        _known.Add(field);
        return _object.ValueKind == JsonValueKind.Object && _object.TryGetProperty(field, out var found) && found.ValueKind != JsonValueKind.Null ? found : null;
    }

    private static string Shown(JsonElement element) => element.GetRawText() is { Length: > 40 } raw ? raw[..40] + "…" : element.GetRawText();
}
