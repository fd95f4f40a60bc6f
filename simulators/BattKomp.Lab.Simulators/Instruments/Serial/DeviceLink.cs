namespace BattKomp.Lab.Simulators.Instruments.Serial;

/// <summary>A stable name for a line whose device path may change, as /dev/serial/by-id gives to real ones.</summary>
public sealed class DeviceLink(string path) : IDisposable
{
    /// <summary>The stable name.</summary>
    public string Path { get; } = path;

    /// <summary>Lets the name mean <paramref name="target"/> from now on, in one step.</summary>
    /// <exception cref="IOException">When the name is taken by something that is not a link.</exception>
    public void PointTo(string target)
    {
        var info = new FileInfo(Path);
        if (info.Exists && info.LinkTarget is null)
            throw new IOException($"link {Path} is taken by a file; name another path");
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!);
        var fresh = $"{Path}.{Environment.ProcessId}.new";
        File.Delete(fresh);
        File.CreateSymbolicLink(fresh, target);
        File.Move(fresh, Path, overwrite: true);
    }

    /// <summary>Takes the name away, as when the adapter is pulled out.</summary>
    public void Remove() => File.Delete(Path);

    /// <summary>Takes the name away.</summary>
    public void Dispose() => Remove();
}
