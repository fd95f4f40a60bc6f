using System.Diagnostics;

namespace BattKomp.Lab.Benchmarks;

/// <summary>What the disk under a benchmark does at this moment.</summary>
internal static class DiskProbe
{
    /// <summary>Median milliseconds of a 4 KiB write and its fsync.</summary>
    public static double FsyncP50Ms(string folder)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, "fsync.probe");
        var times = new List<double>();
        using (var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write))
            for (var k = 0; k < 50; k++)
            {
                var at = Stopwatch.GetTimestamp();
                RandomAccess.Write(file, new byte[4096], k * 4096L);
                RandomAccess.FlushToDisk(file);
                times.Add(Stopwatch.GetElapsedTime(at).TotalMilliseconds);
            }

        File.Delete(path);
        return BenchmarkJson.Percentile(times, 0.5);
    }
}
