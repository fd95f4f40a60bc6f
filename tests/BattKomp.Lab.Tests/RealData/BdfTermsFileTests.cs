using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.RealData;

/// <summary>Our table of terms against the ontology's own list.</summary>
public sealed class BdfTermsFileTests
{
    [Fact]
    public void Names_labels_units_obligations_replacements_and_types_are_those_of_the_ontology()
    {
        var lines = Rows(SharedFiles.Path("data", "bdf_terms.csv"));

        Assert.Equal(63, lines.Count);
        Assert.Equal(63, BdfTerms.All.Count);
        foreach (var row in lines)
        {
            Assert.True(BdfTerms.TryGet(row[0], out var term), row[0]);
            Assert.Equal(row[1], term.Label);
            Assert.Equal(row[2], term.Unit);
            Assert.Equal(row[4].Length > 0 ? row[4] : null, term.ReplacedBy);
            Assert.Equal(row[4].Length > 0 ? "deprecated" : row[3], term.Obligation.ToString().ToLowerInvariant());
            Assert.Equal(row[5], term.Type switch { BdfType.Integer => "int", BdfType.Text => "str", _ => "float" });
        }
    }

    [Fact]
    public void Descriptions_are_our_own()
    {
        var theirs = Rows(SharedFiles.Path("data", "bdf_terms.csv")).Select(r => r[9]).ToHashSet();

        Assert.All(BdfTerms.All, t => Assert.NotEmpty(t.Description));
        Assert.All(BdfTerms.All, t => Assert.DoesNotContain(t.Description, theirs));
    }

    /// <summary>All columns of the list hold text; quoted fields hold commas.</summary>
    private static List<string[]> Rows(string path)
    {
        var table = BdfCsv.Read(path);
        var columns = table.Columns.Cast<TextColumn>().ToArray();
        return [.. Enumerable.Range(0, table.Count).Select(row => columns.Select(c => c[row]).ToArray())];
    }
}
