namespace BattKomp.Lab.Server.Platform;

/// <summary>Wakes whoever waits that something changed. Take <see cref="Next"/> before looking, look, then await it: no wake is missed.</summary>
public sealed class Pulse
{
    private volatile TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes at the next <see cref="Beat"/>.</summary>
    public Task Next => _next.Task;

    /// <summary>Wakes everyone who waits.</summary>
    public void Beat() => Interlocked.Exchange(ref _next, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>Waits for <paramref name="next"/>, at most <paramref name="longest"/>: another server's change gives no beat here.</summary>
    public static async Task WaitAsync(Task next, TimeSpan longest, TimeProvider time, CancellationToken cancel)
    {
        try
        {
            await next.WaitAsync(longest, time, cancel);
        }
        catch (TimeoutException)
        {
            // The bound is there to look again.
        }
    }
}
