using BattKomp.Lab.Server.Features.Live;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.DuckDb;

namespace BattKomp.Lab.Server.Features.Ingest;

/// <summary>Puts the records side into the server: store and live feed. <see cref="IRunRegister"/> comes from the runs slice.</summary>
public static class IngestRegistration
{
    /// <summary>Adds the embedded telemetry store (data folder, records.duckdb) and the live feed.</summary>
    public static IServiceCollection AddIngest(this IServiceCollection services)
    {
        services.AddSingleton<ITelemetryStore>(provider => new DuckDbTelemetryStore(
            new DuckDbOptions { Path = Path.Combine(Path.GetFullPath(provider.GetRequiredService<LabOptions>().DataDirectory), "records.duckdb") },
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ILiveFeed, LiveFeed>();
        return services;
    }
}
