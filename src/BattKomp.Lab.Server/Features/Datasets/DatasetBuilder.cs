using System.Security.Cryptography;
using System.Text.Json.Nodes;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.DuckDb;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Datasets;

/// <summary>Writes a version's files into a temporary folder and puts them in place by one rename.</summary>
internal sealed class DatasetBuilder(ITelemetryStore store, LabOptions options)
{
    private string Root => Path.Combine(Path.GetFullPath(options.DataDirectory), "datasets");

    /// <summary>Folder of a version that exists.</summary>
    public string FolderOf(string version)
    {
        var parts = version.Split('/');
        return Path.Combine(Root, parts[1], "v" + parts[3]);
    }

    /// <summary>Writes every file; fills files and manifest hash of <paramref name="dataset"/>. Returns the temporary folder.</summary>
    public async Task<string> WriteAsync(Dataset dataset, JsonObject core, IReadOnlyList<RunEvidence> runs, CancellationToken cancel)
    {
        var folder = Path.Combine(Root, $".{Guid.NewGuid():N}.tmp");
        Directory.CreateDirectory(folder);
        try
        {
            var derived = new List<string>();
            var withRecords = runs.Where(r => r.Completeness.Counts.Records > 0).ToList();
            for (var k = 0; k < withRecords.Count; k++)
            {
                var stem = withRecords.Count == 1 ? "" : $"{k + 1:00}-{withRecords[k].Run.Channel.Replace('/', '-')}";
                dataset.Files.Add(await WriteRunAsync(folder, stem, withRecords[k], derived, cancel));
            }

            var manifest = DatasetManifest.Encode(core, dataset, dataset.Files, derived);
            AtomicFile.Write(Path.Combine(folder, DatasetManifest.FileName), stream => stream.Write(manifest));
            dataset.ManifestSha256 = Convert.ToHexStringLower(SHA256.HashData(manifest));
            dataset.Files.Add(await DescribeAsync(folder, DatasetManifest.FileName, "application/json", cancel));
            return folder;
        }
        catch
        {
            Discard(folder);
            throw;
        }
    }

    /// <summary>Puts a written folder in its place. A folder there that no row knows is what a crash left.</summary>
    public void Place(string folder, string version)
    {
        var target = FolderOf(version);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        if (Directory.Exists(target)) Directory.Delete(target, recursive: true);
        Directory.Move(folder, target);
    }

    /// <summary>Removes a temporary folder that was not placed.</summary>
    public static void Discard(string folder)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    private async Task<IReadOnlyList<DatasetFile>> WriteRunAsync(string folder, string stem, RunEvidence run, List<string> derived, CancellationToken cancel)
    {
        var columns = await ReadAsync(run, cancel);
        var table = columns.ToTable([.. run.Completeness.Streams.Select(s => s.Key)]);
        if (columns.TestTimeDerived) derived.Add($"{run.Run.Name} test_time_second: seconds since the first record");
        var (records, cycles) = stem.Length == 0 ? ("records", "cycles") : (stem, stem + ".cycles");
        BdfParquet.Write(table, Path.Combine(folder, records + ".bdf.parquet"));
        BdfCsv.Write(table, Path.Combine(folder, records + ".bdf.csv"));
        CycleTableCsv.Write(table.Has("current_ampere") && table.Has("voltage_volt") ? CycleTable.Compute(table) : [], Path.Combine(folder, cycles + ".csv"));
        return
        [
            await DescribeAsync(folder, records + ".bdf.parquet", "application/vnd.apache.parquet", cancel),
            await DescribeAsync(folder, records + ".bdf.csv", "text/csv", cancel),
            await DescribeAsync(folder, cycles + ".csv", "text/csv", cancel),
        ];
    }

    // The archive of record first; what no segment covers yet comes from the hot store.
    private async Task<RecordColumns> ReadAsync(RunEvidence run, CancellationToken cancel)
    {
        var columns = new RecordColumns();
        foreach (var segment in run.Segments) await VerifyAsync(segment, cancel);
        foreach (var batch in SegmentReader.Read([.. run.Segments.Select(s => s.File)]))
        {
            cancel.ThrowIfCancellationRequested();
            columns.Add(batch);
        }

        var hot = Segments.Uncovered(run.Completeness.Streams, run.Segments).GroupBy(r => r.Key.ToString()).ToDictionary(g => g.Key, g => new SequenceSet(g.Select(r => r.Range)));
        if (columns.Count >= run.Completeness.Streams.Sum(s => s.Records)) return columns;
        await foreach (var batch in store.ReadAsync(new RecordQuery(run.Run.Name), cancel))
            columns.Add(batch, (stream, seq) => hot.TryGetValue(stream, out var ranges) && ranges.Intersect(new Telemetry.SequenceRange(seq, seq)).Count > 0);
        return columns;
    }

    private static async Task VerifyAsync(SegmentRow segment, CancellationToken cancel)
    {
        if (!File.Exists(segment.File)) throw DatasetErrors.SegmentGone(segment.Name);
        await using var file = File.OpenRead(segment.File);
        if (Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel)) != segment.Sha256) throw DatasetErrors.SegmentGone(segment.Name);
    }

    private static async Task<DatasetFile> DescribeAsync(string folder, string name, string mediaType, CancellationToken cancel)
    {
        await using var file = File.OpenRead(Path.Combine(folder, name));
        return new DatasetFile { File = name, MediaType = mediaType, Bytes = file.Length, Sha256 = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel)) };
    }
}
