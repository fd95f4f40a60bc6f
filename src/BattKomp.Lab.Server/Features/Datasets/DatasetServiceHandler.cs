using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Datasets;

/// <summary>The dataset calls.</summary>
public sealed class DatasetServiceHandler(Datasets datasets) : DatasetService.DatasetServiceBase
{
    private const int ChunkBytes = 64 * 1024;

    /// <inheritdoc/>
    public override Task<Dataset> CreateDataset(CreateDatasetRequest request, ServerCallContext context) =>
        datasets.CreateAsync(context.Person(), context.Method, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<Dataset> GetDataset(GetDatasetRequest request, ServerCallContext context) =>
        datasets.GetAsync(context.Caller(), request.Name, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ListDatasetsResponse> ListDatasets(ListDatasetsRequest request, ServerCallContext context) =>
        datasets.ListAsync(context.Caller(), request, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task DownloadFile(DownloadFileRequest request, IServerStreamWriter<FileChunk> responseStream, ServerCallContext context)
    {
        var (file, path) = await datasets.OpenAsync(context.Caller(), request.Name, request.File, context.CancellationToken);
        if (request.Offset < 0 || request.Offset > file.Bytes) throw DatasetErrors.OffsetOutside(request.Offset, file.Bytes);
        await using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, ChunkBytes, useAsync: true);
        stream.Position = request.Offset;
        var first = true;
        while (true)
        {
            var buffer = new byte[ChunkBytes];
            var read = await stream.ReadAtLeastAsync(buffer, ChunkBytes, throwOnEndOfStream: false, context.CancellationToken);
            if (read == 0 && !first) return;
            var chunk = new FileChunk { Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, read)) };
            if (first) (chunk.TotalBytes, chunk.Sha256) = (file.Bytes, file.Sha256);
            await responseStream.WriteAsync(chunk, context.CancellationToken);
            first = false;
        }
    }
}
