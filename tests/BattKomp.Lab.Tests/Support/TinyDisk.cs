using System.Diagnostics;
using Xunit;

namespace BattKomp.Lab.Tests.Support;

/// <summary>A real file system of a few megabytes (tmpfs), to run full. Needs root: elsewhere a visible skip, a failure under CI.</summary>
public sealed class TinyDisk : IDisposable
{
    private readonly string _ballast;

    /// <summary>Mounts one of <paramref name="megabytes"/>.</summary>
    public TinyDisk(int megabytes)
    {
        Folder = Directory.CreateTempSubdirectory("battlab-tiny-").FullName;
        _ballast = Path.Combine(Folder, "ballast");
        if (Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", Folder) == 0) return;
        Directory.Delete(Folder);
        const string reason = "a small tmpfs cannot be mounted here; run as root";
        if (string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase)) Assert.Fail(reason);
        Assert.Skip(reason);
    }

    /// <summary>Where it is mounted.</summary>
    public string Folder { get; }

    /// <summary>Takes every free byte.</summary>
    public void Fill()
    {
        using var file = new FileStream(_ballast, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            for (var chunk = new byte[64 * 1024]; ;) file.Write(chunk);
        }
        catch (IOException)
        {
            // Full, which is what was wanted; the last odd bytes go one by one.
        }
        try
        {
            while (true) file.WriteByte(0);
        }
        catch (IOException)
        {
            // Full to the byte.
        }
    }

    /// <summary>Gives the space back.</summary>
    public void Free() => File.Delete(_ballast);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Run("umount", Folder) != 0) Run("umount", "-l", Folder);
        Directory.Delete(Folder);
    }

    private static int Run(string program, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
