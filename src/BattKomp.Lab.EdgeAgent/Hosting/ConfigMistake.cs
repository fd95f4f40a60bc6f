namespace BattKomp.Lab.EdgeAgent.Hosting;

/// <summary>One thing that is wrong, or doubtful, in a configuration.</summary>
/// <param name="Line">1-based line of the file: of the value, or of what ought to hold it.</param>
/// <param name="Path">JSON path, e.g. "$.channels[0].device".</param>
/// <param name="Problem">What is wrong, and what to do about it.</param>
public sealed record ConfigMistake(int Line, string Path, string Problem)
{
    /// <inheritdoc/>
    public override string ToString() => $"line {Line}: {Path}: {Problem}";
}

/// <summary>A configuration that cannot be used: every mistake with its line, path and remedy.</summary>
public sealed class ConfigException(IReadOnlyList<ConfigMistake> mistakes)
    : Exception($"The configuration has {mistakes.Count} mistake(s):{Environment.NewLine}{string.Join(Environment.NewLine, mistakes)}")
{
    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<ConfigMistake> Mistakes { get; } = mistakes;
}

/// <summary>Gathers what a reader finds; a warning leaves the configuration usable.</summary>
internal sealed class ConfigFindings
{
    private readonly List<(string Path, string Problem)> _mistakes = [];
    private readonly List<(string Path, string Problem)> _warnings = [];

    public void Mistake(string path, string problem) => _mistakes.Add((path, problem));

    public void Warn(string path, string problem) => _warnings.Add((path, problem));

    public IReadOnlyList<ConfigMistake> Mistakes(JsonLines lines) => Located(_mistakes, lines);

    public IReadOnlyList<ConfigMistake> Warnings(JsonLines lines) => Located(_warnings, lines);

    private static IReadOnlyList<ConfigMistake> Located(List<(string Path, string Problem)> found, JsonLines lines) =>
        [.. found.Select(f => new ConfigMistake(lines.Of(f.Path), f.Path, f.Problem)).OrderBy(m => m.Line)];
}
