using System.Text.RegularExpressions;

namespace BattKomp.Lab.Contracts;

/// <summary>Builds and checks resource names: collection/id pairs, ids in lower case, digits and hyphens.</summary>
public static partial class ResourceNames
{
    /// <summary>Ids: 1–63 of a–z, 0–9 and '-', starting with a letter or digit.</summary>
    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,62}$", RegexOptions.CultureInvariant)]
    private static partial Regex IdPattern();

    /// <summary>True when <paramref name="id"/> may stand as the last part of a name.</summary>
    public static bool IsId(string id) => IdPattern().IsMatch(id);

    /// <summary>
    /// True when <paramref name="name"/> is made of the given collections each followed by an id, e.g.
    /// <c>Is(name, "rigs", "channels")</c> for <c>rigs/ebc-1/channels/1</c>.
    /// </summary>
    public static bool Is(string name, params ReadOnlySpan<string> collections)
    {
        var parts = name.Split('/');
        if (parts.Length != collections.Length * 2) return false;
        for (var i = 0; i < collections.Length; i++)
            if (parts[i * 2] != collections[i] || !IsId(parts[i * 2 + 1]))
                return false;
        return true;
    }

    /// <summary>The rig of a channel or instrument name: the first two parts.</summary>
    public static string RigOf(string name) => string.Join('/', name.Split('/').Take(2));

    /// <summary>The last id of a name.</summary>
    public static string LastId(string name) => name[(name.LastIndexOf('/') + 1)..];
}
