using Xunit;

namespace BattKomp.Lab.Tests.Support;

/// <summary>
/// Finds the real cycler files, vectors and tables that live beside the checkout and are never copied into it:
/// <c>$BATTLAB_SHARED</c>, else the first folder named <c>shared</c> (with a <c>data</c> folder in it) beside a folder
/// above the test assembly. A missing file is a visible skip on a laptop and a failure when <c>CI=true</c>.
/// </summary>
public static class SharedFiles
{
    /// <summary>The shared folder, or null when this machine has none.</summary>
    public static string? Root { get; } = FindRoot();

    /// <summary>The full path of a shared file or folder, e.g. <c>Path("data", "neware", "x.csv")</c>; skips or fails when it is missing.</summary>
    public static string Path(params string[] parts)
    {
        var relative = System.IO.Path.Combine(parts);
        var full = Root is null ? null : System.IO.Path.Combine(Root, relative);
        if (full is not null && (File.Exists(full) || Directory.Exists(full))) return full;

        var reason = $"shared file {relative} not found; set BATTLAB_SHARED to the folder that holds data/ and vectors/";
        if (string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase))
            Assert.Fail(reason);
        Assert.Skip(reason);
        return relative;
    }

    /// <summary>The IFE Neware export that the acceptance cases are written against.</summary>
    public static string NewareExample => Path("data", "neware", "nw_regular_export_ife_example.csv");

    private static string? FindRoot()
    {
        var configured = Environment.GetEnvironmentVariable("BATTLAB_SHARED");
        if (!string.IsNullOrWhiteSpace(configured)) return Directory.Exists(configured) ? configured : null;

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = System.IO.Path.Combine(folder.FullName, "shared");
            if (Directory.Exists(System.IO.Path.Combine(candidate, "data"))) return candidate;
        }

        return null;
    }
}
