using System.Runtime.CompilerServices;
using System.Xml.Linq;
using Xunit;

namespace BattKomp.Lab.Tests.Architecture;

/// <summary>The directions of design §2, read from the csproj files: any other edge fails.</summary>
public sealed class DependencyEdgesTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Contracts"] = [],
        ["Domain"] = [],
        ["BatteryData"] = [],
        ["Simulators"] = [],
        ["Telemetry"] = ["BatteryData"],
        ["Server"] = ["Contracts", "Domain", "BatteryData", "Telemetry"],
        ["EdgeAgent"] = ["Contracts", "Domain", "BatteryData"],
        ["Cli"] = ["Contracts", "BatteryData", "EdgeAgent"],
        ["Demo"] = ["Simulators"],
    };

    // The demo starts these as child processes: built before it, copied beside it, never referenced as code.
    private static readonly string[] DemoStarts = ["Server", "EdgeAgent", "Cli"];

    [Fact]
    public void Every_project_refers_only_to_what_the_design_allows()
    {
        var seen = new List<string>();
        foreach (var (project, references) in Projects(["src", "simulators"]))
        {
            seen.Add(project);
            Assert.True(Allowed.ContainsKey(project), $"{project} is new: give it its place in design §2 and here.");
            var code = references.Where(r => r.AsCode).Select(r => r.Project);
            Assert.Empty(code.Except(Allowed[project]));
            var builtOnly = references.Where(r => !r.AsCode).Select(r => r.Project);
            Assert.Empty(builtOnly.Except(project == "Demo" ? DemoStarts : []));
        }
        Assert.Equal(Allowed.Keys.Order(), seen.Order());
    }

    [Fact]
    public void Every_project_stands_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(Root(), "BattKomp.Lab.sln"));
        foreach (var file in new[] { "src", "simulators", "tests" }.SelectMany(ProjectFiles))
            Assert.Contains(Path.GetFileName(file), solution, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_Contracts_compiles_protos_and_the_Domain_uses_no_package_but_NodaTime()
    {
        foreach (var file in new[] { "src", "simulators", "tests" }.SelectMany(ProjectFiles))
        {
            var xml = XDocument.Load(file);
            if (!file.Contains("Contracts", StringComparison.Ordinal)) Assert.Empty(xml.Descendants("Protobuf"));
            if (file.EndsWith("Lab.Domain.csproj", StringComparison.Ordinal))
                Assert.Equal(["NodaTime"], xml.Descendants("PackageReference").Select(p => p.Attribute("Include")!.Value));
        }
    }

    private static IEnumerable<(string Project, List<(string Project, bool AsCode)> References)> Projects(string[] folders) =>
        folders.SelectMany(ProjectFiles).Select(file => (ShortName(file), XDocument.Load(file).Descendants("ProjectReference")
            .Select(r => (ShortName(r.Attribute("Include")!.Value.Replace('\\', '/')), r.Attribute("ReferenceOutputAssembly")?.Value != "false")).ToList()));

    private static IEnumerable<string> ProjectFiles(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root(), folder), "*.csproj", SearchOption.AllDirectories);

    private static string ShortName(string path) => Path.GetFileNameWithoutExtension(path)["BattKomp.Lab.".Length..];

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}
