using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Ingest;
using BattKomp.Lab.Server.Platform.Sweeps;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>Registers the slice.</summary>
public static class RunsFeature
{
    /// <summary>The register of runs, what bookings and ingest ask of it, the calls, and the sweeps that end and settle runs.</summary>
    public static IServiceCollection AddRuns(this IServiceCollection services) => services
        .AddSingleton<RunRegister>().AddSingleton<IRunFacts, BookingRunFacts>().AddSingleton<IRunRegister, RunPlacement>()
        .AddSingleton<RunViews>().AddSingleton<RunWatch>().AddSingleton<RunEvents>().AddSingleton<RunGaps>().AddSingleton<Stops>().AddSingleton<RunServiceHandler>()
        .AddSweep<RunFollow>().AddSweep<RunFinal>().AddSweep<NoShow>().AddSweep<RollingSegments>();
}
