namespace BattKomp.Lab.EdgeAgent.Instruments.Sessions;

/// <summary>Hands a session's readings to its listener, exactly once and in order, and to whoever waits for one. After the first failure nothing more arrives.</summary>
public sealed class ReadingFeed(Action<Reading> onReading, TimeSpan silence, TimeProvider machine)
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _arrived = New();
    private Reading? _last;
    private long _count;

    /// <summary>The last reading; null before the first.</summary>
    public Reading? Last
    {
        get
        {
            lock (_gate)
                return _last;
        }
    }

    /// <summary>Takes a reading in; called from one thread at a time.</summary>
    public void Arrive(Reading reading)
    {
        TaskCompletionSource arrived;
        lock (_gate)
        {
            (_last, arrived) = (reading, _arrived);
            _count++;
            _arrived = New();
        }
        onReading(reading);
        arrived.TrySetResult();
    }

    /// <summary>Ends the feed: everyone who waits, now and later, gets the error.</summary>
    public void Fail(Exception error)
    {
        lock (_gate)
        {
            _arrived.TrySetException(error as IOException ?? new IOException($"The session broke: {error.Message}", error));
            // Nobody need be waiting.
            _ = _arrived.Task.Exception;
        }
    }

    /// <summary>The next reading from now on; silence is an <see cref="IOException"/>.</summary>
    public async Task<Reading> NextAsync(CancellationToken cancel) =>
        await WaitAsync(_ => true, silence, cancel) ?? throw new IOException($"The device fell silent for {silence.TotalSeconds:0.#} s.");

    /// <summary>The next reading from now on that fits; null after the time is up.</summary>
    public async Task<Reading?> WaitAsync(Func<Reading, bool> fits, TimeSpan within, CancellationToken cancel)
    {
        var started = machine.GetTimestamp();
        long seen;
        lock (_gate)
            seen = _count;
        while (true)
        {
            Task arrived;
            lock (_gate)
            {
                if (_count > seen && _last is { } reading && fits(reading))
                    return reading;
                seen = _count;
                arrived = _arrived.Task;
            }
            var left = within - machine.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
                return null;
            try
            {
                await arrived.WaitAsync(left, machine, cancel);
            }
            catch (TimeoutException)
            {
                return null;
            }
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
