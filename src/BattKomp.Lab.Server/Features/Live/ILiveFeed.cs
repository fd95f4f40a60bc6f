using BattKomp.Lab.Telemetry;

namespace BattKomp.Lab.Server.Features.Live;

/// <summary>Fans records out to whoever watches a run, in memory, before they are committed. Never holds ingest back.</summary>
public interface ILiveFeed
{
    /// <summary>Hands on a block just received for a run (runs/…). Returns at once; blocks that nobody watches cost a lookup.</summary>
    void Publish(string run, StreamKey key, RecordBlock block);

    /// <summary>Starts to watch a run; dispose to stop. A slow reader loses resolution (minima and maxima survive), not the stream.</summary>
    ILiveSubscription Subscribe(string run, LiveRequest request);
}

/// <summary>What a watcher wants.</summary>
/// <param name="Signals">BDF names in the order of <see cref="LiveValues.Values"/>.</param>
/// <param name="MaxRateHz">Points a second (record time) at most, by minimum and maximum; 0 = raw.</param>
public sealed record LiveRequest(IReadOnlyList<string> Signals, double MaxRateHz);

/// <summary>One watcher's side of the feed.</summary>
public interface ILiveSubscription : IDisposable
{
    /// <summary>Everything that came since the last call, in order of arrival; waits until there is something. Empty once the feed has ended.</summary>
    ValueTask<IReadOnlyList<LiveValues>> ReadAsync(CancellationToken cancel);
}

/// <summary>The wanted signals of one record.</summary>
/// <param name="UtcNs">Record stamp (lab time), ns since 1970-01-01 UTC.</param>
/// <param name="TestTimeSecond">Its test_time_second signal, else seconds on the stream's monotonic clock.</param>
/// <param name="Values">In the order asked for; NaN = no value.</param>
public sealed record LiveValues(long UtcNs, double TestTimeSecond, double[] Values);
