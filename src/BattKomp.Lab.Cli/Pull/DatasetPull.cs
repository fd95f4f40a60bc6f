using System.Text.Json;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Pull;

/// <summary>What a pull brought.</summary>
internal sealed record Pulled(string Name, string Directory, IReadOnlyList<PulledFile> Files)
{
    public void Json(Utf8JsonWriter w)
    {
        w.WriteStartObject();
        w.WriteString("name", Name);
        w.WriteString("directory", Directory);
        w.WriteStartArray("files");
        foreach (var file in Files)
        {
            w.WriteStartObject();
            w.WriteString("file", file.File);
            w.WriteNumber("bytes", file.Bytes);
            w.WriteString("sha256", file.Sha256);
            w.WriteString("how", file.How);
            w.WriteNumber("resumed_at", file.ResumedAt);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteEndObject();
    }

    public void Text(Report report)
    {
        report.Line($"{Name} is complete in {Directory}: {Words.Count(Files.Count, "file")}, every SHA-256 agrees.");
        foreach (var file in Files)
            report.Line($"{file.File}, {Words.Bytes(file.Bytes)}, {file.How}{(file.ResumedAt > 0 ? $" at {Words.Bytes(file.ResumedAt)}" : "")}", 2);
    }
}

/// <summary>One file of a pull.</summary>
/// <param name="File">Its name.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Lower-case hex, as computed here.</param>
/// <param name="How">"downloaded", "resumed" or "present" (it was here already and agrees).</param>
/// <param name="ResumedAt">Bytes an earlier pull had left.</param>
internal sealed record PulledFile(string File, long Bytes, string Sha256, string How, long ResumedAt);

/// <summary>Brings every file of a dataset version, manifest first, each checked against the manifest.</summary>
internal static class DatasetPull
{
    private const string ManifestFile = "manifest.json";

    public static async Task<Pulled> RunAsync(Session session, string name, string directory)
    {
        var dataset = await session.Connection.Datasets.GetDatasetAsync(new GetDatasetRequest { Name = name }, session.Connection.Question(session.Cancel));
        foreach (var file in dataset.Files) RequirePlainName(file.File);
        Directory.CreateDirectory(directory);
        var done = new List<PulledFile>();
        using var progress = PullProgress.Start(session, dataset.Files);
        var manifest = dataset.Files.FirstOrDefault(f => f.File == ManifestFile) ?? throw Broken(dataset, $"has no {ManifestFile}");
        if (manifest.Sha256 != dataset.ManifestSha256) throw Broken(dataset, $"names two different SHA-256 for {ManifestFile}");
        done.Add(await FileDownload.RunAsync(session, dataset.Name, manifest, directory, progress));
        CheckAgainstManifest(dataset, Path.Combine(directory, ManifestFile));
        foreach (var file in dataset.Files.Where(f => f != manifest))
            done.Add(await FileDownload.RunAsync(session, dataset.Name, file, directory, progress));
        return new Pulled(dataset.Name, Path.GetFullPath(directory), done);
    }

    /// <summary>A name from outside never chooses the folder.</summary>
    private static void RequirePlainName(string file)
    {
        if (file.Length is 0 or > 200 || file is "." or ".." || file.Any(c => c is '/' or '\\' or ':' || char.IsControl(c)))
            throw new CliException(new Failure(ExitCodes.Refused, "DATASET_BROKEN", $"The dataset holds a file with the name '{file}', which is not a plain file name.")
            {
                Remedy = "Nothing was written. Tell the lab that made it.",
            });
    }

    /// <summary>The listing and the manifest are two statements of the same hashes; they must agree before anything is fetched by them.</summary>
    private static void CheckAgainstManifest(Dataset dataset, string path)
    {
        Dictionary<string, string> stated;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            stated = json.RootElement.GetProperty("files").EnumerateArray()
                .ToDictionary(f => f.GetProperty("file").GetString()!, f => f.GetProperty("sha256").GetString()!);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or ArgumentException)
        {
            throw Broken(dataset, $"has a {ManifestFile} that cannot be read ({e.Message})");
        }
        foreach (var file in dataset.Files.Where(f => f.File != ManifestFile))
            if (!stated.TryGetValue(file.File, out var sha256) || sha256 != file.Sha256)
                throw Broken(dataset, $"lists {file.File} with another SHA-256 than its {ManifestFile}");
    }

    private static CliException Broken(Dataset dataset, string how) =>
        new(new Failure(ExitCodes.Refused, "DATASET_BROKEN", $"{dataset.Name} {how}.") { Remedy = "Pull again; if it stays so, tell the lab that made it." });
}
