using System.Collections.Concurrent;

namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>
/// Looks once a second whether the path that a line was opened by still means the same device. An adapter that is pulled out does not always end a read,
/// and a link under /dev/serial/by-id that now names another node means that the device was plugged in again elsewhere.
/// </summary>
internal sealed class DeviceWatch : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly ConcurrentDictionary<DeviceWatch, bool> Watched = [];
    private static readonly ITimer Clock = TimeProvider.System.CreateTimer(_ => LookAtAll(), null, Interval, Interval);
    private readonly string _path;
    private readonly string _target;
    private readonly Action<IOException> _gone;

    private DeviceWatch(string path, Action<IOException> gone) => (_path, _target, _gone) = (path, TargetOf(path), gone);

    /// <summary>Begins to watch; <paramref name="gone"/> is called at most once, on a pool thread.</summary>
    public static DeviceWatch Begin(string path, Action<IOException> gone)
    {
        var watch = new DeviceWatch(path, gone);
        // A COM name is no file.
        if (!OperatingSystem.IsWindows())
            Watched[watch] = true;
        GC.KeepAlive(Clock);
        return watch;
    }

    /// <summary>The device node that a path means; the path itself when it is no link.</summary>
    public static string TargetOf(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path);
        }
        catch (IOException)
        {
            // A link that goes nowhere: the device is not there.
            return "";
        }
    }

    /// <summary>True for the line of a simulator.</summary>
    public static bool IsPseudoTerminal(string path) => TargetOf(path).StartsWith("/dev/pts/", StringComparison.Ordinal);

    /// <summary>Ends the watch.</summary>
    public void Dispose() => Watched.TryRemove(this, out _);

    private static void LookAtAll()
    {
        foreach (var watch in Watched.Keys)
            watch.Look();
    }

    private void Look()
    {
        var now = TargetOf(_path);
        var problem = now != _target && now.Length > 0 ? $"{_path} means {now} now, it was {_target}" : now.Length == 0 || !File.Exists(now) ? $"{_path} is gone" : null;
        if (problem is not null && Watched.TryRemove(this, out _))
            _gone(new IOException(problem));
    }
}
