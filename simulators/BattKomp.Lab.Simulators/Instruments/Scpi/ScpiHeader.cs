namespace BattKomp.Lab.Simulators.Instruments.Scpi;

/// <summary>
/// A command header such as <c>OUTPut[:STATe]</c>: capitals are the short form, brackets are optional. A client may write
/// either form of each word in any case.
/// </summary>
public sealed class ScpiHeader
{
    private readonly List<(string Short, string Long, bool Optional)> _words = [];

    /// <summary>Reads a pattern.</summary>
    public ScpiHeader(string pattern)
    {
        foreach (var word in pattern.Replace("[", ":[").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            var optional = word.Contains('[') || word.Contains(']');
            var name = word.Trim('[', ']');
            if (name.Length > 0) _words.Add((string.Concat(name.Where(c => !char.IsLower(c))), name.ToUpperInvariant(), optional));
        }
    }

    /// <summary>Whether a client's header, without its question mark, means this command.</summary>
    public bool Matches(string header) => From(0, header.TrimStart(':').ToUpperInvariant().Split(':'), 0);

    private bool From(int word, string[] said, int at)
    {
        if (word == _words.Count) return at == said.Length;
        var (shortForm, longForm, optional) = _words[word];
        if (at < said.Length && (said[at] == shortForm || said[at] == longForm) && From(word + 1, said, at + 1)) return true;
        return optional && From(word + 1, said, at);
    }
}
