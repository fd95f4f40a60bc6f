using System.Collections.Concurrent;
using System.Collections.Immutable;
using BattKomp.Lab.Telemetry;

namespace BattKomp.Lab.Server.Features.Live;

/// <summary>The feed within one server process.</summary>
public sealed class LiveFeed : ILiveFeed
{
    private readonly ConcurrentDictionary<string, ImmutableArray<LiveSubscription>> _watchers = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void Publish(string run, StreamKey key, RecordBlock block)
    {
        if (!_watchers.TryGetValue(run, out var watchers)) return;
        foreach (var watcher in watchers) watcher.Offer(key, block);
    }

    /// <inheritdoc/>
    public ILiveSubscription Subscribe(string run, LiveRequest request)
    {
        var subscription = new LiveSubscription(request, gone => Remove(run, gone));
        _watchers.AddOrUpdate(run, [subscription], (_, now) => now.Add(subscription));
        return subscription;
    }

    private void Remove(string run, LiveSubscription gone)
    {
        while (_watchers.TryGetValue(run, out var now))
        {
            var rest = now.Remove(gone);
            if (rest.IsEmpty ? _watchers.TryRemove(new(run, now)) : _watchers.TryUpdate(run, rest, now)) return;
        }
    }
}

/// <summary>A bounded queue of points: when a reader falls behind, the oldest part is thinned to its extremes.</summary>
internal sealed class LiveSubscription(LiveRequest request, Action<LiveSubscription> leave) : ILiveSubscription
{
    private const int MostPoints = 4096;
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _arrived = new(0, 1);
    private readonly Dictionary<StreamKey, long> _lastStamp = [];
    private readonly List<LiveValues> _open = [];
    private List<LiveValues> _points = [];
    private double _budget;
    private long _budgetAt = long.MinValue;
    private bool _ended;

    public void Offer(StreamKey key, RecordBlock block)
    {
        var columns = request.Signals.Select(s => Column(block, s)).ToArray();
        var test = Column(block, "test_time_second");
        lock (_lock)
        {
            if (_ended) return;
            var last = _lastStamp.GetValueOrDefault(key, long.MinValue);
            for (var k = 0; k < block.Count; k++)
            {
                // A batch that an agent repeats after a reconnect has been shown already.
                if (block.UtcNs[k] <= last) continue;
                Add(new LiveValues(block.UtcNs[k], test is null ? block.MonotonicNs[k] / 1e9 : test[k], [.. columns.Select(c => c is null ? double.NaN : c[k])]));
            }

            _lastStamp[key] = Math.Max(last, block.UtcNs[^1]);
            if (_points.Count > MostPoints) _points = MinMax.Reduce(_points, MostPoints / 2);
            if (_points.Count > 0) Signal();
        }
    }

    public async ValueTask<IReadOnlyList<LiveValues>> ReadAsync(CancellationToken cancel)
    {
        while (true)
        {
            lock (_lock)
            {
                if (_points.Count > 0 || _ended)
                {
                    var taken = _points;
                    _points = [];
                    return taken;
                }
            }

            await _arrived.WaitAsync(cancel);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _ended = true;
            Signal();
        }

        leave(this);
    }

    // A budget of points grows with record time. Within it a record goes out at once; beyond it records gather until the
    // budget covers one minimum and one maximum a signal of what has gathered.
    private void Add(LiveValues point)
    {
        if (request.MaxRateHz <= 0)
        {
            _points.Add(point);
            return;
        }

        var most = Math.Max(1, 2 * point.Values.Length);
        _budget = _budgetAt == long.MinValue ? most : Math.Min(most, _budget + Math.Max(0, point.UtcNs - _budgetAt) / 1e9 * request.MaxRateHz);
        _budgetAt = Math.Max(_budgetAt, point.UtcNs);
        _open.Add(point);
        if (_budget < (_open.Count == 1 ? 1 : Math.Min(most, _open.Count))) return;
        var kept = _open.Count <= most ? [.. _open] : MinMax.ExtremesOf(_open);
        _points.AddRange(kept);
        _budget -= kept.Count;
        _open.Clear();
    }

    private void Signal()
    {
        if (_arrived.CurrentCount == 0) _arrived.Release();
    }

    private static double[]? Column(RecordBlock block, string signal)
    {
        for (var k = 0; k < block.Signals.Numeric.Count; k++)
            if (block.Signals.Numeric[k] == signal) return block.Values[k];
        return null;
    }
}
