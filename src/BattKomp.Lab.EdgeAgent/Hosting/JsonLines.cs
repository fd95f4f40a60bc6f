using System.Text;
using System.Text.Json;

namespace BattKomp.Lab.EdgeAgent.Hosting;

/// <summary>On which line of a JSON text each value stands, by path ("$.channels[0].device"), and which fields are given twice.</summary>
internal sealed class JsonLines
{
    private readonly Dictionary<string, int> _lines = [];

    /// <summary>Reads the positions of a text; whatever follows a syntax error is not known.</summary>
    public JsonLines(string json)
    {
        var bytes = Encoding.UTF8.GetBytes(json);
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        var line = 1;
        var counted = 0;
        var parents = new Stack<(string Path, int Index)>();
        var path = "$";
        while (reader.Read())
        {
            line += bytes.AsSpan(counted..(int)reader.TokenStartIndex).Count((byte)'\n');
            counted = (int)reader.TokenStartIndex;
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    path = $"{parents.Peek().Path}.{reader.GetString()}";
                    if (!_lines.TryAdd(path, line))
                        Twice.Add(path);
                    continue;
                case JsonTokenType.EndArray or JsonTokenType.EndObject:
                    parents.Pop();
                    continue;
            }
            if (parents.TryPeek(out var parent) && parent.Index >= 0)
            {
                path = $"{parent.Path}[{parent.Index}]";
                parents.Push((parents.Pop().Path, parent.Index + 1));
            }
            _lines.TryAdd(path, line);
            if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject)
                parents.Push((path, reader.TokenType == JsonTokenType.StartArray ? 0 : -1));
        }
    }

    /// <summary>Paths of fields that an object has twice: only one of them would count.</summary>
    public List<string> Twice { get; } = [];

    /// <summary>Line of a value; of what holds it when it is missing.</summary>
    public int Of(string path)
    {
        while (!_lines.ContainsKey(path) && path.LastIndexOfAny(['.', '[']) is > 0 and var end)
            path = path[..end];
        return _lines.GetValueOrDefault(path, 1);
    }
}
