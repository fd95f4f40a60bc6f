using System.Text.Json.Nodes;

namespace BattKomp.Lab.EdgeAgent.Hosting;

/// <summary>Compares pieces of a configuration by what they say, not by how they are written.</summary>
internal static class ConfigText
{
    /// <summary>An object's text without some of its fields; comments and spacing gone. An empty text stays empty.</summary>
    public static string Without(string text, params ReadOnlySpan<string> fields)
    {
        if (text.Length == 0)
            return text;
        var piece = (JsonObject)JsonNode.Parse(text, null, new() { CommentHandling = System.Text.Json.JsonCommentHandling.Skip, AllowTrailingCommas = true })!;
        foreach (var field in fields)
            piece.Remove(field);
        return piece.ToJsonString();
    }
}
