using System.Security.Cryptography;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Cli.Pull;

/// <summary>
/// One file: into a temporary name that carries the expected hash (so that parts of another version are never mixed in),
/// continued where an earlier pull ended, hashed as it comes, put on disk, renamed.
/// </summary>
internal static class FileDownload
{
    private const int Block = 1 << 16;

    public static async Task<PulledFile> RunAsync(Session session, string dataset, DatasetFile file, string directory, PullProgress progress)
    {
        var target = Path.Combine(directory, file.File);
        if (File.Exists(target) && new FileInfo(target).Length == file.Bytes && await HashOfFileAsync(target, session.Cancel) == file.Sha256)
        {
            progress.Report(file.File, file.Bytes);
            return new PulledFile(file.File, file.Bytes, file.Sha256, "present", 0);
        }
        var part = Path.Combine(directory, $".{file.File}.{file.Sha256[..Math.Min(16, file.Sha256.Length)]}.part");
        var (sha256, resumedAt) = await FetchAsync(session, dataset, file, part, progress);
        // A part that another program touched, or a disk that lied, spoils a resumed file: once more from the start.
        if (sha256 != file.Sha256 && resumedAt > 0)
        {
            File.Delete(part);
            session.Report.Note($"what an earlier pull left of {file.File} does not fit; starting it again.");
            (sha256, resumedAt) = await FetchAsync(session, dataset, file, part, progress);
        }
        if (sha256 != file.Sha256)
        {
            File.Delete(part);
            throw Mismatch(file, sha256);
        }
        File.Move(part, target, overwrite: true);
        return new PulledFile(file.File, file.Bytes, sha256, resumedAt > 0 ? "resumed" : "downloaded", resumedAt);
    }

    private static async Task<(string Sha256, long ResumedAt)> FetchAsync(Session session, string dataset, DatasetFile file, string part, PullProgress progress)
    {
        await using var stream = new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, Block, useAsync: true);
        if (stream.Length > file.Bytes) stream.SetLength(0);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await AppendAsync(hash, stream, session.Cancel);
        var resumedAt = stream.Position;
        progress.Report(file.File, resumedAt);
        if (resumedAt < file.Bytes || file.Bytes == 0)
        {
            var request = new DownloadFileRequest { Name = dataset, File = file.File, Offset = resumedAt };
            using var call = session.Connection.Datasets.DownloadFile(request, session.Connection.Stream(session.Cancel));
            await foreach (var chunk in call.ResponseStream.ReadAllAsync(session.Cancel))
            {
                hash.AppendData(chunk.Data.Span);
                await stream.WriteAsync(chunk.Data.Memory, session.Cancel);
                progress.Report(file.File, stream.Position);
                if (stream.Position > file.Bytes) break;
            }
        }
        stream.Flush(flushToDisk: true);
        // What came is kept: the next pull goes on from here.
        if (stream.Position < file.Bytes) throw Short(file, stream.Position);
        return (Convert.ToHexStringLower(hash.GetHashAndReset()), resumedAt);
    }

    private static async Task<string> HashOfFileAsync(string path, CancellationToken cancel)
    {
        await using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, Block, useAsync: true);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancel));
    }

    private static async Task AppendAsync(IncrementalHash hash, Stream stream, CancellationToken cancel)
    {
        var block = new byte[Block];
        for (int read; (read = await stream.ReadAsync(block, cancel)) > 0;) hash.AppendData(block, 0, read);
    }

    private static CliException Short(DatasetFile file, long bytes) =>
        new(new Failure(ExitCodes.Unreachable, "DOWNLOAD_INCOMPLETE", $"{file.File} ended after {bytes} of {file.Bytes} bytes.") { Remedy = "Pull again: it goes on where it stopped." });

    private static CliException Mismatch(DatasetFile file, string sha256) =>
        new(new Failure(ExitCodes.Refused, "HASH_MISMATCH", $"{file.File} came with SHA-256 {sha256}; the manifest says {file.Sha256}. It was thrown away.")
        {
            Remedy = "Pull again; if it stays so, tell the lab that made the dataset.",
            Metadata = new Dictionary<string, string> { ["file"] = file.File, ["expected"] = file.Sha256, ["actual"] = sha256 },
        });
}
