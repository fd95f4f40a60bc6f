using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Datasets;

/// <summary>Versions over the wire: immutable, checkable, and only for those who may see the run.</summary>
public sealed class DatasetServiceTests
{
    private static readonly StreamKey Key = IngestLab.Key();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static CreateDatasetRequest Of(string of, string requestId = "") => new() { Dataset = new Dataset { Of = of }, RequestId = requestId };

    private static async Task<byte[]> PullAsync(DatasetService.DatasetServiceClient client, Dataset dataset, string file, long offset = 0)
    {
        using var call = client.DownloadFile(new DownloadFileRequest { Name = dataset.Name, File = file, Offset = offset }, cancellationToken: TestContext.Current.CancellationToken);
        using var bytes = new MemoryStream();
        await foreach (var chunk in call.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            Assert.True(chunk.Data.Length <= 64 * 1024);
            chunk.Data.WriteTo(bytes);
        }

        return bytes.ToArray();
    }

    [Fact]
    public async Task A_running_run_gives_an_interim_version_and_a_final_one_supersedes_it()
    {
        await using var lab = await DatasetLab.StartAsync();
        var client = lab.As(TestSeed.DoctoralStudent);
        await lab.IngestAsync(IngestLab.Opened(Key), IngestLab.Records(Key, 1, 1000));
        var interim = await client.CreateDatasetAsync(Of(DatasetLab.Run), cancellationToken: Cancellation);
        Assert.Equal((DatasetState.Interim, 1, true), (interim.State, interim.Version, interim.Simulated));
        Assert.Equal(-1, interim.Completeness[0].Expected);
        Assert.Equal(interim, await client.CreateDatasetAsync(Of(DatasetLab.Run), cancellationToken: Cancellation));

        await lab.IngestAsync(IngestLab.Records(Key, 1001, 1500), IngestLab.Closed(Key, 1500));
        await lab.SetStageAsync(RunStage.Final);
        var final = await client.CreateDatasetAsync(Of(DatasetLab.Run), cancellationToken: Cancellation);
        Assert.Equal((DatasetState.Sealed, 2), (final.State, final.Version));
        Assert.Equal("expected 1501, stored 1501, gaps: none", final.Completeness[0].Sentence);
        Assert.Equal(final, await client.CreateDatasetAsync(Of(DatasetLab.Run), cancellationToken: Cancellation));
        Assert.Equal(DatasetState.Superseded, (await client.GetDatasetAsync(new GetDatasetRequest { Name = interim.Name }, cancellationToken: Cancellation)).State);
        Assert.Equal(final, await client.GetDatasetAsync(new GetDatasetRequest { Name = final.Name[..final.Name.IndexOf("/versions", StringComparison.Ordinal)] }, cancellationToken: Cancellation));
        Assert.Equal([final], (await client.ListDatasetsAsync(new ListDatasetsRequest { Of = DatasetLab.Run }, cancellationToken: Cancellation)).Datasets);
        // The superseded version's files are still what its manifest says.
        Assert.Equal(interim.ManifestSha256, Convert.ToHexStringLower(SHA256.HashData(await PullAsync(client, interim, "manifest.json"))));
    }

    [Fact]
    public async Task The_files_are_what_the_manifest_says_and_hold_every_record()
    {
        await using var lab = await DatasetLab.StartAsync();
        var client = lab.As(TestSeed.DoctoralStudent);
        await lab.IngestAsync(IngestLab.Opened(Key), IngestLab.Records(Key, 1, 3000), IngestLab.Closed(Key, 3000));
        await lab.SetStageAsync(RunStage.Final);
        var dataset = await client.CreateDatasetAsync(Of(DatasetLab.Run), cancellationToken: Cancellation);
        Assert.Equal(["cycles.csv", "manifest.json", "records.bdf.csv", "records.bdf.parquet"], dataset.Files.Select(f => f.File).Order());
        var pulled = new Dictionary<string, byte[]>();
        foreach (var file in dataset.Files)
        {
            pulled[file.File] = await PullAsync(client, dataset, file.File);
            Assert.Equal((file.Bytes, file.Sha256), (pulled[file.File].Length, Convert.ToHexStringLower(SHA256.HashData(pulled[file.File]))));
        }

        using var parquet = new MemoryStream(pulled["records.bdf.parquet"]);
        using var csv = new MemoryStream(pulled["records.bdf.csv"]);
        foreach (var table in new[] { BdfParquet.Read(parquet, "records.bdf.parquet"), BdfCsv.Read(csv, "records.bdf.csv") })
        {
            Assert.Equal(3000, table.Count);
            Assert.Equal(Enumerable.Range(1, 3000).Select(s => 3.6 + s / 1e6), table.Numbers("voltage_volt")!);
            Assert.Equal(IngestLab.Anchor / 1e9 + 0.001, table.Numbers("unix_time_second")![0], 6);
            Assert.Equal(2.999, table.Numbers("test_time_second")![^1], 9);
        }

        using var manifest = JsonDocument.Parse(pulled["manifest.json"]);
        var run = manifest.RootElement.GetProperty("runs")[0];
        Assert.Equal("1.3.0", manifest.RootElement.GetProperty("bdf_version").GetString());
        Assert.Equal("CC-BY-4.0", manifest.RootElement.GetProperty("licence").GetString());
        Assert.Equal("calibrations/ebc-1-v", run.GetProperty("calibrations")[0].GetString());
        Assert.Equal(new string('b', 64), run.GetProperty("procedure_sha256").GetString());
        Assert.Equal("expected 3001, stored 3001, gaps: none", run.GetProperty("completeness").GetProperty("sentence").GetString());
        Assert.Equal(3000, run.GetProperty("streams")[0].GetProperty("complete_to_sequence").GetInt64());
        Assert.Equal(1, run.GetProperty("segments").GetArrayLength());
        Assert.Contains("test_time_second", manifest.RootElement.GetProperty("derived_columns")[0].GetString());
        Assert.All(manifest.RootElement.GetProperty("files").EnumerateArray(), f => Assert.Equal(dataset.Files.Single(d => d.File == f.GetProperty("file").GetString()).Sha256, f.GetProperty("sha256").GetString()));
    }

    [Fact]
    public async Task A_download_goes_on_from_any_offset_over_gRPC_and_by_HTTP_range()
    {
        await using var lab = await DatasetLab.StartAsync();
        var client = lab.As(TestSeed.DoctoralStudent);
        await lab.IngestAsync(IngestLab.Opened(Key), IngestLab.Records(Key, 1, 5000));
        var dataset = await client.CreateDatasetAsync(Of(DatasetLab.Run), cancellationToken: Cancellation);
        var whole = await PullAsync(client, dataset, "records.bdf.csv");
        Assert.Equal(whole[70_000..], await PullAsync(client, dataset, "records.bdf.csv", 70_000));
        Assert.Empty(await PullAsync(client, dataset, "records.bdf.csv", whole.Length));
        var outside = await Assert.ThrowsAsync<RpcException>(() => PullAsync(client, dataset, "records.bdf.csv", whole.Length + 1));
        Assert.Equal(StatusCode.InvalidArgument, outside.StatusCode);

        using var http = lab.Lab.HttpAs(TestSeed.DoctoralStudent);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/{dataset.Name}/files/records.bdf.csv") { Headers = { Range = new(10, 99) } };
        using var part = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal(whole[10..100], await part.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        Assert.Equal($"\"{dataset.Files.Single(f => f.File == "records.bdf.csv").Sha256}\"", part.Headers.ETag!.Tag);
        using var nobody = lab.Lab.HttpAs("");
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.GetAsync($"/v1/{dataset.Name}/files/records.bdf.csv", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Theory]
    [InlineData("../../../calendar.sqlite")]
    [InlineData("..\\manifest.json")]
    [InlineData("/etc/passwd")]
    [InlineData("records.bdf.csv\0.txt")]
    [InlineData("%2e%2e%2fmanifest.json")]
    [InlineData("")]
    public async Task A_hostile_file_name_finds_nothing(string file)
    {
        await using var lab = await DatasetLab.StartAsync();
        var client = lab.As(TestSeed.DoctoralStudent);
        await lab.IngestAsync(IngestLab.Opened(Key), IngestLab.Records(Key, 1, 5));
        var dataset = await client.CreateDatasetAsync(Of(DatasetLab.Run), cancellationToken: Cancellation);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => PullAsync(client, dataset, file))).StatusCode);
        using var http = lab.Lab.HttpAs(TestSeed.DoctoralStudent);
        using var answer = await http.GetAsync($"/v1/{dataset.Name}/files/{Uri.EscapeDataString(file)}", TestContext.Current.CancellationToken);
        Assert.False(answer.IsSuccessStatusCode);
    }

    [Fact]
    public async Task A_confidential_run_is_absent_for_others_and_its_dataset_too()
    {
        await using var lab = await DatasetLab.StartAsync(VisibilityKind.Confidential);
        await lab.IngestAsync(IngestLab.Opened(Key), IngestLab.Records(Key, 1, 5));
        var dataset = await lab.As(TestSeed.DoctoralStudent).CreateDatasetAsync(Of(DatasetLab.Run), cancellationToken: Cancellation);
        Assert.Equal(VisibilityKind.Confidential, dataset.Visibility.Kind);
        foreach (var token in new[] { TestSeed.IndustryEngineer, TestSeed.Teacher })
        {
            var other = lab.As(token);
            Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(async () => await other.CreateDatasetAsync(Of(DatasetLab.Run), cancellationToken: Cancellation))).StatusCode);
            Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(async () => await other.GetDatasetAsync(new GetDatasetRequest { Name = dataset.Name }, cancellationToken: Cancellation))).StatusCode);
            Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => PullAsync(other, dataset, "manifest.json"))).StatusCode);
            Assert.Empty((await other.ListDatasetsAsync(new ListDatasetsRequest(), cancellationToken: Cancellation)).Datasets);
        }
    }

    [Fact]
    public async Task Bad_requests_are_named_and_an_open_run_is_made_into_data_only_by_its_own()
    {
        await using var lab = await DatasetLab.StartAsync();
        var client = lab.As(TestSeed.DoctoralStudent);
        var bad = await Assert.ThrowsAsync<RpcException>(async () => await client.CreateDatasetAsync(new CreateDatasetRequest { Dataset = new Dataset { Of = "../x", Licence = "free for all" }, DatasetId = "No!" }, cancellationToken: Cancellation));
        Assert.Equal(StatusCode.InvalidArgument, bad.StatusCode);
        foreach (var field in new[] { "dataset.of", "dataset.licence", "dataset_id" }) Assert.Contains(field, bad.Status.Detail);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(async () => await client.CreateDatasetAsync(Of("runs/none"), cancellationToken: Cancellation))).StatusCode);
        Assert.Equal(StatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(async () => await client.CreateDatasetAsync(Of(DatasetLab.Run), cancellationToken: Cancellation))).StatusCode);
        await lab.IngestAsync(IngestLab.Opened(Key), IngestLab.Records(Key, 1, 5));
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(async () => await lab.As(TestSeed.Teacher).CreateDatasetAsync(Of(DatasetLab.Run), cancellationToken: Cancellation))).StatusCode);

        var made = await client.CreateDatasetAsync(Of(DatasetLab.Run, "r-1"), cancellationToken: Cancellation);
        await lab.IngestAsync(IngestLab.Records(Key, 6, 9));
        Assert.Equal(made, await client.CreateDatasetAsync(Of(DatasetLab.Run, "r-1"), cancellationToken: Cancellation));
        var checkedOnly = new CreateDatasetRequest { Dataset = new Dataset { Of = DatasetLab.Run }, ValidateOnly = true };
        Assert.Equal(2, (await client.CreateDatasetAsync(checkedOnly, cancellationToken: Cancellation)).Version);
        Assert.Equal(1, Assert.Single((await client.ListDatasetsAsync(new ListDatasetsRequest(), cancellationToken: Cancellation)).Datasets).Version);
    }
}
