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

/// <summary>Registers sweeps.</summary>
public static class SweepServices
{
    /// <summary>One sweep, as itself and for the schedule.</summary>
    public static IServiceCollection AddSweep<T>(this IServiceCollection services) where T : class, ISweep =>
        services.AddSingleton<T>().AddSingleton<ISweep>(provider => provider.GetRequiredService<T>());
}
