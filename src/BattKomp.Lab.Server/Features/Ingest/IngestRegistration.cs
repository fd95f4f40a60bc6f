using BattKomp.Lab.Server.Features.Live;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.DuckDb;

namespace BattKomp.Lab.Server.Features.Ingest;

/// <summary>Puts the records side into the server: store and live feed. <see cref="IRunRegister"/> comes from the runs slice.</summary>
public static class IngestRegistration
{
    private const int LargestEntryBytes = 32 << 20;

    /// <summary>Adds the embedded telemetry store (data folder, records.duckdb) and the live feed.</summary>
    public static IServiceCollection AddIngest(this IServiceCollection services)
    {
        services.AddSingleton<ITelemetryStore>(provider => new DuckDbTelemetryStore(
            new DuckDbOptions { Path = Path.Combine(Path.GetFullPath(provider.GetRequiredService<LabOptions>().DataDirectory), "records.duckdb") },
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ILiveFeed, LiveFeed>();
        services.AddSingleton<AgentFence>();
        services.AddSingleton<ProgressReporter>();
        services.AddHostedService(provider => provider.GetRequiredService<ProgressReporter>());
        services.AddGrpc().AddServiceOptions<IngestServiceHandler>(grpc => grpc.MaxReceiveMessageSize = LargestEntryBytes);
        return services;
    }
}
