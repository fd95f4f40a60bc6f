using System.Collections.Concurrent;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Hosting;

/// <summary>
/// The channels that an agent serves, and how they change while it runs: what stays the same is not touched, new limits and alarms apply at once, anything
/// else that has changed is made anew when its run has ended, what is removed is taken to its safe state first.
/// </summary>
internal sealed class ChannelSet(Func<ChannelConfig, ChannelDriver> make, Action<string> log)
{
    private readonly ConcurrentDictionary<string, Served> _served = new();
    private readonly ConcurrentDictionary<string, ChannelConfig> _waiting = new();
    private readonly SemaphoreSlim _gate = new(1, 1);
    private CancellationToken _cancel;

    /// <summary>All drivers.</summary>
    public IEnumerable<ChannelDriver> All => _served.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => s.Value.Driver);

    /// <summary>Their configurations.</summary>
    public IEnumerable<ChannelConfig> Configs => _served.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => s.Value.Config);

    public ChannelDriver? Find(string channel) => _served.GetValueOrDefault(channel)?.Driver;

    /// <summary>Makes a channel; it runs from <see cref="Start"/> on.</summary>
    public ChannelDriver Add(ChannelConfig config)
    {
        var driver = make(config);
        driver.Use(config);
        _served[config.Channel] = new Served(driver, config);
        return driver;
    }

    /// <summary>Runs all channels until cancelled.</summary>
    public void Start(CancellationToken cancel)
    {
        _cancel = cancel;
        foreach (var served in _served.Values)
            served.Start(cancel);
    }

    /// <summary>Completes when every channel has ended.</summary>
    public async Task EndedAsync()
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, _cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _gate.WaitAsync();
        try
        {
            await Task.WhenAll(_served.Values.Select(s => s.Running));
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Makes the set what a new configuration says; the channels that are new or made anew, for their leases to be given to.</summary>
    public async Task<IReadOnlyList<ChannelDriver>> ApplyAsync(IReadOnlyList<ChannelConfig> next)
    {
        await _gate.WaitAsync(_cancel);
        try
        {
            var made = new List<ChannelDriver>();
            foreach (var gone in _served.Keys.Except(next.Select(c => c.Channel)).ToList())
                await RemoveAsync(gone);
            foreach (var config in next)
            {
                _waiting.TryRemove(config.Channel, out _);
                if (!_served.TryGetValue(config.Channel, out var served))
                    made.Add(Begin(config, "added"));
                else if (served.Driver.Use(config))
                    served.Config = config;
                else if (served.Driver.Busy)
                    Wait(config);
                else
                    made.Add(await RestartAsync(config));
            }
            return made;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Makes channels anew whose runs have ended since; called now and then.</summary>
    public async Task<IReadOnlyList<ChannelDriver>> CatchUpAsync()
    {
        var made = new List<ChannelDriver>();
        if (_waiting.IsEmpty || !await _gate.WaitAsync(0, _cancel))
            return made;
        try
        {
            foreach (var (name, config) in _waiting)
                if (_served.GetValueOrDefault(name) is { Driver.Busy: false } && _waiting.TryRemove(name, out _))
                    made.Add(await RestartAsync(config));
            return made;
        }
        finally
        {
            _gate.Release();
        }
    }

    private void Wait(ChannelConfig config)
    {
        _waiting[config.Channel] = config;
        log($"reload: {config.Channel} is in a run; it is made anew when the run has ended");
    }

    private ChannelDriver Begin(ChannelConfig config, string what)
    {
        var driver = Add(config);
        _served[config.Channel].Start(_cancel);
        log($"reload: {config.Channel} is {what}");
        return driver;
    }

    private async Task<ChannelDriver> RestartAsync(ChannelConfig config)
    {
        var before = _served[config.Channel];
        await before.EndAsync();
        var driver = Begin(config, "made anew");
        before.Driver.Retire();
        return driver;
    }

    private async Task RemoveAsync(string channel)
    {
        var served = _served[channel];
        var done = await served.Driver.StopAsync(StopMode.Immediate, "the channel is removed from the configuration");
        await served.EndAsync();
        served.Driver.Retire();
        _served.TryRemove(channel, out _);
        _waiting.TryRemove(channel, out _);
        log($"reload: {channel} is removed{(done.Done ? "" : $", but its output is not proved off: {done.Detail}")}");
    }

    private sealed class Served(ChannelDriver driver, ChannelConfig config)
    {
        private CancellationTokenSource _stop = new();

        public ChannelDriver Driver { get; } = driver;

        public ChannelConfig Config { get; set; } = config;

        public Task Running { get; private set; } = Task.CompletedTask;

        public void Start(CancellationToken cancel)
        {
            _stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            Running = Task.Run(() => Driver.RunAsync(_stop.Token), CancellationToken.None);
        }

        public async Task EndAsync()
        {
            await _stop.CancelAsync();
            await Running;
        }
    }
}
