using System.Diagnostics;
using Xunit;

namespace BattKomp.Lab.Tests.Support;

/// <summary>Waits for a condition up to a bound; the only way a test here waits (Task.Delay is banned).</summary>
public static class Eventually
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5);

    /// <summary>Returns when <paramref name="condition"/> holds; fails the test, naming <paramref name="what"/>, when it does not within <paramref name="bound"/> (machine time).</summary>
    public static Task Async(Func<bool> condition, TimeSpan bound, string what) =>
        Async(() => Task.FromResult(condition()), bound, what);

    /// <summary>As the other overload, for a condition that must itself be awaited.</summary>
    public static async Task Async(Func<Task<bool>> condition, TimeSpan bound, string what)
    {
        var started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(Interval);
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) > bound)
                Assert.Fail($"Not within {bound.TotalSeconds:0.###} s: {what}");
            await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }
}
