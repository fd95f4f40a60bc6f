using BattKomp.Lab.EdgeAgent.Hosting;

namespace BattKomp.Lab.EdgeAgent.Safety.Watchdog;

/// <summary>
/// The agent's side of the watchdog: a thread of its own renews the heartbeat four times a second, but only while every channel's loop comes round, and looks
/// whether the watchdog lives. Without it, or with the relays held open, no new run starts on a guarded channel.
/// </summary>
public sealed class WatchdogLink : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);
    private readonly WatchdogConfig _config;
    private readonly WatchdogFiles _files;
    private readonly string _boot;
    private readonly Func<string?> _stuck;
    private readonly Action<string> _log;
    private readonly Pulse _watchdog;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;
    private volatile string _state = "";
    private long _beats;

    /// <summary>Starts the heartbeat. <paramref name="stuck"/> names a channel whose loop stands still; null when all turn.</summary>
    public WatchdogLink(WatchdogConfig config, string dataDir, string boot, Func<string?> stuck, TimeProvider machine, Action<string> log)
    {
        (_config, _files, _boot, _stuck, _log) = (config, new WatchdogFiles(dataDir), boot, stuck, log);
        _watchdog = new Pulse(_files.Watchdog, machine);
        _thread = new Thread(Run) { IsBackground = true, Name = "watchdog-heartbeat" };
        _thread.Start();
    }

    /// <summary>Why the relays are held open; null when they are not.</summary>
    public string? TripReason => _files.TripReason;

    /// <summary>Why a guarded channel may not begin a run now; null when it may, and for channels without a relay.</summary>
    public string? Refusal(string channel) => !_config.Relays.ContainsKey(channel) ? null
        : TripReason is { } reason ? $"the watchdog holds the relay open ({reason}); find out why, then battlab-agent watchdog release"
        : _state == WatchdogProcess.Armed ? null
        : _state.Length == 0 ? "the watchdog does not run or its card does not answer; start battlab-agent watchdog"
        : $"the watchdog is {_state}";

    /// <summary>Asks the watchdog to open the relays, because the device itself did not obey.</summary>
    public void Open(string reason) => WatchdogFiles.Write(_files.Request, reason);

    /// <summary>Ends the heartbeat with a farewell: all outputs are off, this is no failure.</summary>
    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        Write("bye");
        _stop.Dispose();
    }

    private void Run()
    {
        var told = "";
        do
        {
            _state = _watchdog.Look() <= Patience ? _watchdog.State : "";
            var stuck = _stuck();
            if (stuck is null)
                Write("beat");
            else if (stuck != told)
                _log($"no heartbeat to the watchdog: the loop of {stuck} stands still");
            told = stuck ?? "";
        }
        while (!_stop.Wait(Interval));
    }

    private void Write(string word)
    {
        try
        {
            WatchdogFiles.Beat(_files.Agent, $"{_boot} {++_beats} {word}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log($"the heartbeat cannot be written: {e.Message}");
        }
    }
}
