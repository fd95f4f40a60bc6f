using System.Security.Cryptography;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Tests.Server.Datasets;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

public sealed class DatasetCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("battlab-datasets-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_dataset_is_made_listed_and_pulled_from_the_real_server()
    {
        await using var lab = await DatasetLab.StartAsync();
        var key = IngestLab.Key();
        await lab.IngestAsync(IngestLab.Opened(key), IngestLab.Records(key, 1, 5000), IngestLab.Closed(key, 5000));
        await lab.SetStageAsync(RunStage.Final);

        var made = await RunAsync(lab, TestSeed.DoctoralStudent, "datasets", "create", "--of", DatasetLab.Run, "--id", "first", "--licence", "CC-BY-4.0", "--json");
        var listed = await RunAsync(lab, TestSeed.DoctoralStudent, "datasets", "list");
        var pulled = await RunAsync(lab, TestSeed.DoctoralStudent, "datasets", "pull", "first", "--out", _folder, "--json");

        Assert.Equal((0, 0, 0), (made.Exit, listed.Exit, pulled.Exit));
        Assert.Contains(made.Json.GetProperty("name").GetString()!, listed.Out);
        Assert.Contains("SIMULATED", listed.Out);
        foreach (var file in pulled.Json.GetProperty("files").EnumerateArray())
        {
            var bytes = await File.ReadAllBytesAsync(Path.Combine(_folder, file.GetProperty("file").GetString()!), TestContext.Current.CancellationToken);
            Assert.Equal(file.GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }
        Assert.Equal(5000, BatteryFiles.Read(Directory.GetFiles(_folder, "*.bdf.parquet").Single()).Count);
        Assert.Equal(5000, BatteryFiles.Read(Directory.GetFiles(_folder, "*.bdf.csv").Single()).Count);
    }

    [Fact]
    public async Task A_dataset_that_is_not_there_is_named()
    {
        await using var lab = await TestLab.StartAsync();

        var ran = await Battlab.AsAsync(lab.GrpcAddress, TestSeed.Teacher, "datasets", "pull", "none", "--out", _folder);

        Assert.Equal(1, ran.Exit);
        Assert.Contains("'datasets/none' does not exist, or you may not see it.", ran.Text);
    }

    private static Task<Ran> RunAsync(DatasetLab lab, string token, params string[] args) => Battlab.AsAsync(lab.Lab.GrpcAddress, token, args);
}
