namespace BattKomp.Lab.Tests.Support;

/// <summary>Golden cases live in Golden/&lt;area&gt;/ and are copied beside the test assembly.</summary>
public static class GoldenFiles
{
    /// <summary>The full path of a golden file, e.g. <c>Path("neware", "minimal.csv")</c>.</summary>
    public static string Path(params string[] parts) =>
        System.IO.Path.Combine([AppContext.BaseDirectory, "Golden", .. parts]);
}
