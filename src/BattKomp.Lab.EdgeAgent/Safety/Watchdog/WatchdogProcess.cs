using BattKomp.Lab.EdgeAgent.Hosting;

namespace BattKomp.Lab.EdgeAgent.Safety.Watchdog;

/// <summary>
/// A process of its own that holds the relay card: circuits are closed while the agent's heartbeat changes, opened when it stops or the agent asks, and
/// then held open until a person releases them. It reports its own state by a heartbeat, which it renews only while the card obeys.
/// </summary>
public sealed class WatchdogProcess(WatchdogConfig config, string dataDir, RelayCard card, TimeProvider machine, Action<string> log)
{
    /// <summary>Heartbeat state: circuits closed, agent alive.</summary>
    public const string Armed = "armed";

    /// <summary>Heartbeat state: held open until released.</summary>
    public const string Tripped = "tripped";

    /// <summary>Heartbeat state: open because no agent runs.</summary>
    public const string Unarmed = "unarmed";

    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);
    private readonly WatchdogFiles _files = new(dataDir);
    private readonly byte _mask = (byte)config.Relays.Values.Aggregate(0, (mask, relay) => mask | (1 << (relay - 1)));
    private string _state = "";
    private long _asserted;
    private long _beats;

    /// <summary>Runs until cancelled; leaves the relays as they are then, and the agent starts nothing new without it.</summary>
    public async Task RunAsync(Action ready, CancellationToken cancel)
    {
        Directory.CreateDirectory(dataDir);
        var agent = new Pulse(_files.Agent, machine);
        ready();
        while (!cancel.IsCancellationRequested)
        {
            var wanted = Wanted(agent);
            if (wanted.Length > 0 && (wanted != _state || machine.GetElapsedTime(_asserted) >= Again))
                await AssertAsync(wanted);
            await Task.Delay(Turn, machine, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Lets the circuits close again when the agent lives: a person's act. False when nothing was held open.</summary>
    public static bool Release(string dataDir, TimeProvider machine)
    {
        var files = new WatchdogFiles(dataDir);
        if (files.TripReason is null)
            return false;
        File.Move(files.Trip, $"{files.Trip}-released-{machine.GetUtcNow():yyyyMMddTHHmmssfff}");
        return true;
    }

    // Empty = not yet known: a watchdog that is started again beside a living agent must not open a circuit in between.
    private string Wanted(Pulse agent)
    {
        var silent = agent.Look();
        if (_files.TripReason is not null)
            return Tripped;
        if (File.Exists(_files.Request))
            return Trip(WatchdogFiles.Text(_files.Request));
        if (agent.State == "bye" || (!agent.Seen && silent > config.Timeout))
            return Unarmed;
        if (!agent.Seen)
            return "";
        if (silent <= config.Timeout)
            return Armed;
        return _state == Unarmed ? Unarmed : Trip($"no heartbeat of the agent for {silent.TotalSeconds:0.0} s");
    }

    private string Trip(string reason)
    {
        log($"watchdog: opens relays {string.Join(", ", config.Relays.Values.Order())}: {reason}");
        return Tripped + ":" + reason;
    }

    // The relay first, then the note that holds it open, then everything else.
    private async Task AssertAsync(string wanted)
    {
        var (state, reason) = wanted.Split(':', 2) is [var s, var r] ? (s, r) : (wanted, null);
        var obeyed = await card.SwitchAsync(_mask, on: config.ClosedWhenOn == (state == Armed));
        if (reason is not null)
        {
            WatchdogFiles.Write(_files.Trip, $"{machine.GetUtcNow():O} {reason}{(obeyed ? "" : "; the card did not confirm")}");
            File.Delete(_files.Request);
        }
        if (state != _state || !obeyed)
            log($"watchdog: {state}{(obeyed ? ", the card confirms" : ", but the card does not confirm; it is told again")}");
        (_state, _asserted) = (obeyed ? state : "", machine.GetTimestamp());
        if (obeyed)
            WatchdogFiles.Beat(_files.Watchdog, $"{Environment.ProcessId} {++_beats} {state}");
    }
}
