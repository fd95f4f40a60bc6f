using System.Text.RegularExpressions;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Xunit;
using Entry = BattKomp.Lab.V1.Entry;

namespace BattKomp.Lab.Tests.EdgeAgent.Journal;

public partial class BatchFormatTests
{
    [Fact]
    public void The_worked_example_of_the_batch_format_is_what_the_encoder_writes()
    {
        var entry = new Entry
        {
            Key = JournalTests.Key("b1", "s1"),
            FirstSeq = 1,
            Batch = new Batch
            {
                MonotonicNs = { 0, 100_000_000 },
                UtcNs = { 1_790_000_000_000_000_000, 1_790_000_000_100_000_000 },
                Columns = { new Column { Signal = "voltage_volt", Values = { 3.7, 3.71 } } },
                TextColumns = { new TextColumn { Signal = "step_type", Dictionary = { "REST" }, Values = { 0, 0 } } },
            },
        };
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "BattKomp.Lab.sln")))
            root = root.Parent!;
        var example = File.ReadAllText(Path.Combine(root.FullName, "docs", "formats", "batch.md")).Split("## Example")[1];
        var written = string.Concat(Bytes().Matches(example).Select(m => m.Groups[1].Value)).Replace(" ", "", StringComparison.Ordinal);
        Assert.Equal(Convert.ToHexStringLower(entry.ToByteArray()), written);
    }

    [GeneratedRegex(@"^\| `([0-9a-f ]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Bytes();
}
