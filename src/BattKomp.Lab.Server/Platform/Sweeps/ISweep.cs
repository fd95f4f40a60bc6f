using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Platform.Sweeps;

/// <summary>
/// Work that the clock starts: a range query over what is due and not done. Running it twice, at once, or late does the same
/// as running it once in time.
/// </summary>
public interface ISweep
{
    /// <summary>Its key in the schedule; never changed once released.</summary>
    string Name { get; }

    /// <summary>Does everything that is due now.</summary>
    Task RunAsync(CancellationToken cancel);
}

/// <summary>Helps sweeps over many things.</summary>
public static class SweepItems
{
    /// <summary>Does each in turn; one that fails is told and does not keep the others from their due.</summary>
    public static async Task EachAsync<T>(this IEnumerable<T> items, Func<T, Task> work, Func<T, string> name, ILogger log, CancellationToken cancel)
    {
        foreach (var item in items)
        {
            try
            {
                await work(item);
            }
            catch (Exception e) when (e is LabException { Reason: Reason.StoreUnavailable } or StoreUnavailableException)
            {
                log.LogWarning("{Item} waits for its store: {Why}", name(item), e.Message);
            }
            catch (Exception e) when (!cancel.IsCancellationRequested)
            {
                log.LogError(e, "{Item} could not be settled; it is tried again", name(item));
            }
        }
    }
}

/// <summary>Registers sweeps.</summary>
public static class SweepServices
{
    /// <summary>One sweep, as itself and for the schedule.</summary>
    public static IServiceCollection AddSweep<T>(this IServiceCollection services) where T : class, ISweep =>
        services.AddSingleton<T>().AddSingleton<ISweep>(provider => provider.GetRequiredService<T>());
}
