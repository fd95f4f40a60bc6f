using System.Text.Json;

namespace BattKomp.Lab.Benchmarks;

/// <summary>How every benchmark prints its result: one line, snake_case names.</summary>
public static class BenchmarkJson
{
    /// <summary>The one set of options.</summary>
    public static JsonSerializerOptions Options { get; } = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Load average of the machine, from the operating system; empty where it gives none.</summary>
    public static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Trim() : "";

    /// <summary>The p-th percentile (0 to 1) of unsorted values.</summary>
    public static double Percentile(IReadOnlyCollection<double> values, double p)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? double.NaN : sorted[(int)Math.Min(sorted.Length - 1, Math.Ceiling(p * sorted.Length) - 1)];
    }
}
