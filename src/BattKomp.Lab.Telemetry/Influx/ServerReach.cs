namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>Whether the server took the last request; after a failure it is asked again, ever more seldom, until it answers.</summary>
internal sealed class ServerReach(InfluxClient client, TimeProvider time, CancellationToken stop)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100), Last = TimeSpan.FromSeconds(5);
    private volatile bool _available = true;
    private int _probing;

    /// <summary>False from a failed request until the server answers again.</summary>
    public bool Available => _available;

    /// <summary>A request has succeeded.</summary>
    public void Found() => _available = true;

    /// <summary>A request has failed.</summary>
    public void Lost()
    {
        if (stop.IsCancellationRequested) return;
        _available = false;
        if (Interlocked.Exchange(ref _probing, 1) == 0) _ = ProbeAsync();
    }

    private async Task ProbeAsync()
    {
        for (var wait = First; !_available && !stop.IsCancellationRequested; wait = wait * 2 < Last ? wait * 2 : Last)
        {
            await Task.Delay(wait, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                if (!stop.IsCancellationRequested && await client.PingAsync(stop)) _available = true;
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                // The store is closing.
            }
        }

        Interlocked.Exchange(ref _probing, 0);
    }
}
