using BattKomp.Lab.Server.Features.Live;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Telemetry.DuckDb;
using BattKomp.Lab.Telemetry.Influx;

namespace BattKomp.Lab.Server.Features.Ingest;

/// <summary>Puts the records side into the server: store and live feed. <see cref="IRunRegister"/> comes from the runs slice.</summary>
public static class IngestRegistration
{
    private const int LargestEntryBytes = 32 << 20;

    /// <summary>Adds the telemetry store that <see cref="TelemetryOptions.Store"/> names, and the live feed.</summary>
    public static IServiceCollection AddIngest(this IServiceCollection services)
    {
        services.AddSingleton(provider => OpenStore(provider.GetRequiredService<LabOptions>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ILiveFeed, LiveFeed>();
        services.AddSingleton<AgentFence>();
        services.AddSingleton<ProgressReporter>();
        services.AddHostedService(provider => provider.GetRequiredService<ProgressReporter>());
        services.AddGrpc().AddServiceOptions<IngestServiceHandler>(grpc => grpc.MaxReceiveMessageSize = LargestEntryBytes);
        return services;
    }

    /// <summary>`/health`: 200 while records can be stored, 503 while they cannot (disk full, InfluxDB away); agents then keep them.</summary>
    public static void MapHealth(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/health", (ITelemetryStore store, LabOptions options) => Results.Json(
            new { status = store.Available ? "ok" : "degraded", telemetry = new { store = options.Telemetry.Store, available = store.Available } },
            statusCode: store.Available ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable));

    private static ITelemetryStore OpenStore(LabOptions options, TimeProvider time) => options.Telemetry.Store switch
    {
        TelemetryOptions.InInflux => new InfluxTelemetryStore(options.Telemetry.Influx, time),
        _ => new DuckDbTelemetryStore(new DuckDbOptions { Path = Path.Combine(Path.GetFullPath(options.DataDirectory), "records.duckdb") }, time),
    };
}
