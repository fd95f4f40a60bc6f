using BattKomp.Lab.BatteryData.Importers;
using BattKomp.Lab.BatteryData.Importers.Rows;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Folder;
using BattKomp.Lab.Simulators.Time;
using BattKomp.Lab.Tests.BatteryData;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators;

public sealed class FolderWriterTests : IDisposable
{
    private const double Speed = 1000;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("arbin", 1, 0, 0)]
    [InlineData("arbin", 3, 45, 0)]
    [InlineData("neware-flat", 3, 45, 100)]
    [InlineData("maccor", 2, 30, 70)]
    public async Task The_agent_has_every_record_once_however_the_program_writes(string format, int pieces, int rewriteEvery, int rotateEvery)
    {
        const int rows = 300;
        using var bench = new FolderBench();
        var export = ExportFiles.Make(format, rows);
        File.WriteAllBytes(_folder.File("recorded"), export);
        using var writer = new FolderWriter("SIM-FW-1", new FolderWriterOptions
        {
            Path = bench.Exports,
            Replay = _folder.File("recorded"),
            HeaderLines = format == "maccor" ? 4 : 1,
            Pieces = pieces,
            RewriteEvery = rewriteEvery,
            RotateEvery = rotateEvery,
        }, seed: 7, SimulatedLabTime.StartingNow(Speed, TimeProvider.System));
        using var stop = new CancellationTokenSource();
        var running = writer.RunAsync(stop.Token);

        var restart = 0;
        await Eventually.Async(async () =>
        {
            await bench.LookAsync();
            if (++restart % 40 == 0)
                bench.Restart();
            return writer.Stats.Finished;
        }, Bound, "the writer comes to its end");
        await bench.LookAsync();
        await stop.CancelAsync();
        await running;

        var volts = ExportFiles.Import(export).Select(r => r.Values[VoltAt(format)]);
        Assert.Equal(volts.Order(), bench.Records().Select(r => r.Values[VoltAt(format)]).Order());
        Assert.Equal(rows, writer.Stats.Published);
        Assert.Equal(rotateEvery == 0 ? 1 : ((rows - 1) / rotateEvery) + 1, bench.Records().Select(r => r.Identity).Distinct().Count());
        Assert.DoesNotContain("file_rewritten", bench.Notes());
    }

    [Fact]
    public void A_configuration_that_cannot_be_names_the_field()
    {
        Assert.Contains("folder is missing", Problem("""{"type":"folder-writer","id":"SIM-F"}"""), StringComparison.Ordinal);
        Assert.Contains("folder.replay", Problem("""{"type":"folder-writer","id":"SIM-F","folder":{"path":"/tmp/x","replay":"/nowhere/at-all"}}"""), StringComparison.Ordinal);
        var replay = System.Text.Json.JsonSerializer.Serialize(GoldenFiles.Path("arbin", "minimal.csv"));
        Assert.Contains("has no line", Problem("""{"type":"folder-writer","id":"SIM-F","link":"/tmp/l","folder":{"path":"/tmp/x","replay":""" + replay + "}}"), StringComparison.Ordinal);

        static string Problem(string instrument) => Assert.Throws<ConfigException>(() => SimulatorConfig.Parse($$"""{"instruments":[{{instrument}}]}""")).Message;
    }

    private static int VoltAt(string format)
    {
        var reader = RowImporters.Named(format)!.Open("layout", new ImportOptions());
        reader.Feed(ExportFiles.Make(format, 1), new TranscriptSink());
        return reader.Layout!.Numbers.ToList().IndexOf("voltage_volt");
    }
}
