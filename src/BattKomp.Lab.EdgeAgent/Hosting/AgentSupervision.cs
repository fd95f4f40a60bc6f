using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Hosting;

/// <summary>What one channel is like now, for the agent's own page.</summary>
/// <param name="Channel">rigs/…/channels/…</param>
/// <param name="State">"idle", "energised", "ended" or "fault".</param>
/// <param name="Detail">Why, or which step.</param>
/// <param name="Reading">Last reading in words.</param>
/// <param name="Lease">Lease in force; empty = none.</param>
/// <param name="Run">Run; empty = none.</param>
/// <param name="Locked">Why it is locked; null when it is not.</param>
/// <param name="Alarms">Alarms that stand.</param>
public sealed record ChannelStatus(string Channel, string State, string Detail, string Reading, string Lease, string Run, string? Locked, IReadOnlyList<string> Alarms);

/// <summary>What the agent is like now.</summary>
/// <param name="Agent">agents/…</param>
/// <param name="ServerConnected">True while the server has welcomed this boot.</param>
/// <param name="JournalUsed">0 to 1.</param>
/// <param name="EntriesWaiting">Entries that the server has not taken.</param>
/// <param name="Watchdog">In words; null when none is configured.</param>
/// <param name="Channels">Every channel.</param>
public sealed record AgentStatus(string Agent, bool ServerConnected, double JournalUsed, long EntriesWaiting, string? Watchdog, IReadOnlyList<ChannelStatus> Channels);

/// <summary>What the agent does beside its channels: supervision, stops at the rig, a new configuration.</summary>
public sealed partial class AgentHost
{
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(250);
    private readonly SemaphoreSlim _reloading = new(1, 1);
    private long _trippedAt;
    private bool _tripped;
    private bool _relayJudged;

    /// <summary>What the agent is like now.</summary>
    public AgentStatus Status() => new(_config.Agent, _control.Connected, _journal.UsedFraction, _journal.Waiting,
        _watchdog is null ? null : _watchdog.Refusal(_config.Watchdog!.Relays.Keys.FirstOrDefault("")) ?? "armed",
        [.. _channels.All.Select(c => new ChannelStatus(c.Channel, c.State.State.ToString().ToLowerInvariant(), c.State.Detail, c.LastReading, c.LeaseInForce, c.State.Run,
            _locks.Reason(c.Channel), c.Watch.Standing))]);

    /// <summary>A person at the rig stops a channel, or all (null): at once, without the server, locked until released.</summary>
    public async Task<IReadOnlyList<OrderDone>> StopHereAsync(string? channel, string reason)
    {
        var stopped = _channels.All.Where(c => channel is null || c.Channel == channel).ToList();
        _log($"stopped at the rig: {(channel ?? "all channels")}: {reason}");
        return await Task.WhenAll(stopped.Select(c => c.StopForIncidentAsync("local_stop", reason)));
    }

    /// <summary>
    /// Takes a configuration that was read as a whole. Channels that are the same go on untouched. What concerns the agent itself (server, data folder,
    /// broker, clock, journal, watchdog, page) needs a restart, which is told.
    /// </summary>
    public async Task ReloadAsync(AgentConfig next)
    {
        await _reloading.WaitAsync();
        try
        {
            if (next.Rest != _config.Rest)
                _log("reload: settings outside channels have changed too; they apply at the next start of the agent");
            Give(await _channels.ApplyAsync(next.Channels));
            _log($"reload: {next.Channels.Count} channel(s) are served");
            _control.Reconnect();
        }
        catch (OperationCanceledException)
        {
            // The agent stops.
        }
        finally
        {
            _reloading.Release();
        }
    }

    private void Give(IReadOnlyList<Instruments.ChannelDriver> made)
    {
        foreach (var driver in made)
            foreach (var held in Leases.Held)
                foreach (var part in held.Lease.Channels.Where(p => p.Channel == driver.Channel && _journal.Query(s => s.Run(p.Run) is not { Ended: true })))
                    if (driver.Take(held, part) is { } problem)
                        _log($"lease {held.Lease.Name} is not taken by {driver.Channel}: {problem}");
    }

    private void Tell(IncidentReport incident)
    {
        _log($"incident {incident.Id} on {incident.Channel}: {incident.Cause}: {incident.Detail}");
        _control.Report(new AgentReport { Incident = incident });
        if (incident.Cause == "output_stays_on" && _config.Watchdog is { } config && config.Relays.ContainsKey(incident.Channel))
            _watchdog?.Open($"{incident.Channel}: output_stays_on");
    }

    private async Task SuperviseAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(Turn, _machine);
        while (!cancel.IsCancellationRequested)
        {
            foreach (var channel in _channels.All)
                channel.Supervise();
            try
            {
                LookAtRelays();
                Give(await _channels.CatchUpAsync());
                await timer.WaitForNextTickAsync(cancel);
            }
            catch (OperationCanceledException)
            {
                // The agent stops.
            }
        }
    }

    // The relays were opened over our heads, or at our wish: what they guard is locked, and the current must be gone.
    private void LookAtRelays()
    {
        if (_watchdog is null || _config.Watchdog is not { } config)
            return;
        var reason = _watchdog.TripReason;
        if (reason is null)
        {
            (_tripped, _relayJudged) = (false, false);
            return;
        }
        var guarded = _channels.All.Where(c => config.Relays.ContainsKey(c.Channel)).ToList();
        if (!_tripped)
        {
            (_tripped, _trippedAt) = (true, _machine.GetTimestamp());
            foreach (var channel in guarded)
                _ = channel.StopForIncidentAsync("watchdog", reason);
        }
        if (_relayJudged || _machine.GetElapsedTime(_trippedAt) < config.Within)
            return;
        _relayJudged = true;
        foreach (var channel in guarded.Where(c => Math.Abs(c.Ampere) >= config.CurrentBelow))
            _ = channel.StopForIncidentAsync("relay_stuck",
                $"{Math.Abs(channel.Ampere)} A flow {config.Within.TotalSeconds} s after relay {config.Relays[channel.Channel]} was opened; below {config.CurrentBelow} A was expected: part the circuit by hand");
    }
}
