using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;

namespace BattKomp.Lab.Tests.Cli;

/// <summary>A peer on the wire that serves one dataset and can break off or lie, which our own server does not.</summary>
public sealed class DatasetPeer : DatasetService.DatasetServiceBase, IAsyncDisposable
{
    public const string Name = "datasets/d/versions/1";
    private const int Chunk = 1000;
    private WebApplication? _app;

    /// <summary>The bytes it sends, by file.</summary>
    public Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>What it says of them.</summary>
    public Dataset Dataset { get; } = new() { Name = Name, Of = "bookings/b", State = DatasetState.Sealed, Version = 1 };

    /// <summary>Break the stream off after so many bytes of a file that is not the manifest; null = never.</summary>
    public int? BreakAfter { get; set; }

    /// <summary>Every download asked for: file and offset.</summary>
    public List<(string File, long Offset)> Asked { get; } = [];

    public string Address { get; private set; } = "";

    public static async Task<DatasetPeer> StartAsync()
    {
        var peer = new DatasetPeer();
        peer.Files["cycles.csv"] = Encoding.ASCII.GetBytes("cycle_count\n1\n");
        peer.Files["x.bdf.parquet"] = [.. Enumerable.Range(0, 10_000).Select(i => (byte)(i * 31))];
        peer.State();
        (peer._app, peer.Address) = await Peer.StartAsync(peer);
        return peer;
    }

    /// <summary>Writes the manifest and the listing anew from <see cref="Files"/>.</summary>
    public void State()
    {
        Files.Remove("manifest.json");
        Files["manifest.json"] = JsonSerializer.SerializeToUtf8Bytes(new { files = Files.Select(f => new { file = f.Key, sha256 = Hash(f.Value) }) });
        Dataset.ManifestSha256 = Hash(Files["manifest.json"]);
        Dataset.Files.Clear();
        Dataset.Files.Add(Files.Select(f => new DatasetFile { File = f.Key, Bytes = f.Value.Length, Sha256 = Hash(f.Value) }));
    }

    public static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    public override Task<Dataset> GetDataset(GetDatasetRequest request, ServerCallContext context) => Task.FromResult(Dataset);

    public override async Task DownloadFile(DownloadFileRequest request, IServerStreamWriter<FileChunk> responseStream, ServerCallContext context)
    {
        Asked.Add((request.File, request.Offset));
        var bytes = Files[request.File];
        for (var at = (int)request.Offset; at < bytes.Length; at += Chunk)
        {
            if (request.File != "manifest.json" && at >= BreakAfter) throw new RpcException(new Status(StatusCode.Unavailable, "gone"));
            await responseStream.WriteAsync(new FileChunk { Data = ByteString.CopyFrom(bytes, at, Math.Min(Chunk, bytes.Length - at)) }, context.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app!.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }
}
