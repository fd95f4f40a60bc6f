using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Folder;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent;

public class FolderAgentTests
{
    private const string Channel = "rigs/cyc/channels/1";
    private const int Rows = 3000;
    private const int Pieces = 60;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    [Fact]
    [Trait("lane", "full")]
    public async Task An_agent_killed_while_the_vendors_program_writes_has_every_row_exactly_once()
    {
        using var folder = new TempFolder();
        await using var server = await FakeLabServer.StartAsync();
        var exports = Directory.CreateDirectory(folder.File("exports")).FullName;
        var config = AgentProcess.Config(folder, server.Address,
            [new { channel = Channel, protocol = "folder", simulated = true, folder = new { path = exports, glob = "*.csv", zone = "Europe/Oslo", poll_seconds = 0.05 } }], null, 1, TimeProvider.System.GetUtcNow());
        var export = ExportFiles.Make("arbin", Rows);
        var agent = await AgentProcess.StartAsync(config);
        for (var piece = 0; piece < Pieces; piece++)
        {
            var (from, to) = (export.Length * piece / Pieces, export.Length * (piece + 1) / Pieces);
            await using (var file = new FileStream(Path.Combine(exports, "test.csv"), FileMode.Append, FileAccess.Write, FileShare.ReadWrite))
                await file.WriteAsync(export.AsMemory(from, to - from), TestContext.Current.CancellationToken);
            if (piece % 20 != 7)
                continue;
            // Killed between two pieces and while it reads the one just written.
            await agent.KillAsync();
            await agent.DisposeAsync();
            agent = await AgentProcess.StartAsync(config);
            await Eventually.Async(() => Stored() > Rows * piece / Pieces, Bound, $"the rows written so far are stored. {agent.Errors}");
        }
        await Eventually.Async(() => Stored() >= Rows, Bound, $"every row is stored. {agent.Errors}");
        Assert.Equal(0, await agent.TerminateAsync());
        await agent.DisposeAsync();

        Assert.Equal(Enumerable.Range(1, Rows).Select(n => (double)n), server.Streams.SelectMany(s => s.Values("source_row")).Order());
        Assert.All(server.Streams, s => Assert.Equal(0, s.Conflicts));
        Assert.Equal(Rows, JournalReport.Of(new PhysicalDisk(folder.File("data/journal"))).Records);
        Assert.All(server.Streams.Where(s => s.Records.Count > 0), s => Assert.Equal(("folder", ClockQuality.Device), (s.Opened!.Protocol, s.Opened.ClockQuality)));

        int Stored() => server.Streams.Sum(s => s.Records.Count);
    }

    [Fact]
    public void The_configuration_says_every_mistake_of_a_folder_at_once()
    {
        var mistakes = Assert.Throws<ConfigException>(() => AgentConfigReader.Parse("""
            {"agent":"agents/a","token":"t","server":"http://127.0.0.1:1","data_dir":"d","channels":[
             {"channel":"rigs/r/channels/1","protocol":"folder","folder":{"glob":"*.csv","format":"nobodys","zone":"Norway","current":"maybe","decimal_mark":";","units":[{"column":"Volts"}],"poll_secs":1}},
             {"channel":"rigs/r/channels/2","protocol":"folder"}]}
            """)).Mistakes;

        Assert.Equal(["format", "zone", "current", "decimal_mark", "units[0].unit", "path", "poll_secs", "folder"],
            mistakes.Select(m => m.Path.Replace("$.channels[0].folder.", "", StringComparison.Ordinal).Replace("$.channels[1].", "", StringComparison.Ordinal))
                .OrderBy(m => Array.IndexOf(["format", "zone", "current", "decimal_mark", "units[0].unit", "path", "poll_secs", "folder"], m)));
    }

    [Fact]
    public void A_folder_channel_is_configured_by_path_and_zone_alone()
    {
        var config = AgentConfigReader.Parse("""
            {"agent":"agents/a","token":"t","server":"http://127.0.0.1:1","data_dir":"d","channels":[
             {"channel":"rigs/r/channels/1","protocol":"folder","folder":{"path":"/mnt/neware","zone":"Europe/Oslo","units":[{"column":"Volts","unit":"mV"}]}}]}
            """);
        var settings = Assert.IsType<FolderSettings>(config.Channels[0].Settings);

        Assert.Equal(("/mnt/neware", "*.csv", "auto", "Europe/Oslo", "mV"), (settings.Path, settings.Glob, settings.Format, settings.Import.TimeZone, settings.Import.Units["Volts"]));
    }
}
