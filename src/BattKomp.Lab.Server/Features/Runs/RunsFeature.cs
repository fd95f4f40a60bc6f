using BattKomp.Lab.Server.Features.Bookings;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>Registers the slice.</summary>
public static class RunsFeature
{
    /// <summary>The register of runs and what bookings ask of it.</summary>
    public static IServiceCollection AddRuns(this IServiceCollection services) =>
        services.AddSingleton<RunRegister>().AddSingleton<IRunFacts, BookingRunFacts>();
}
