using System.Runtime.InteropServices;

namespace BattKomp.Lab.EdgeAgent.Hosting;

/// <summary>
/// Reads the configuration file again when it changes (size or time of change, looked at twice a second, so that it works on any file system) or on SIGHUP. A
/// file with mistakes changes nothing; its mistakes are told.
/// </summary>
public sealed class ConfigWatch : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private readonly string _file;
    private readonly Func<AgentConfig, Task> _reload;
    private readonly TimeProvider _machine;
    private readonly Action<string> _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration? _hangUp;
    private readonly Task _watching;
    private int _asked;

    /// <summary>Watches from now on.</summary>
    public ConfigWatch(string file, Func<AgentConfig, Task> reload, TimeProvider machine, Action<string> log)
    {
        (_file, _reload, _machine, _log) = (file, reload, machine, log);
        _hangUp = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(PosixSignal.SIGHUP, Asked);
        _watching = WatchAsync(Seen());
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _hangUp?.Dispose();
        await _stop.CancelAsync();
        await _watching;
        _stop.Dispose();
    }

    private void Asked(PosixSignalContext context)
    {
        context.Cancel = true;
        Interlocked.Exchange(ref _asked, 1);
    }

    private (DateTime Changed, long Size) Seen()
    {
        var info = new FileInfo(_file);
        return info.Exists ? (info.LastWriteTimeUtc, info.Length) : default;
    }

    private async Task WatchAsync((DateTime Changed, long Size) loaded)
    {
        var before = loaded;
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(Interval, _machine, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var now = Seen();
            // Two looks alike: whoever writes it has finished.
            var due = now != loaded && now == before && now.Size > 0;
            before = now;
            if (_stop.IsCancellationRequested || (Interlocked.Exchange(ref _asked, 0) == 0 && !due))
                continue;
            loaded = now;
            await LoadAsync();
        }
    }

    private async Task LoadAsync()
    {
        try
        {
            await _reload(AgentConfigReader.Load(_file));
        }
        catch (Exception e) when (e is ConfigException or IOException)
        {
            _log($"reload: nothing is changed. {e.Message}");
        }
    }
}
