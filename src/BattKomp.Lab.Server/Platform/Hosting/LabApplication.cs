using System.Net;
using BattKomp.Lab.Contracts;
using BattKomp.Lab.Server.Features.Availability;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Agents;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.CellTests;
using BattKomp.Lab.Server.Features.Classes;
using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Server.Features.Policies;
using BattKomp.Lab.Server.Features.Procedures;
using BattKomp.Lab.Server.Features.Qualifications;
using BattKomp.Lab.Server.Features.RiskAssessments;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Features.Datasets;
using BattKomp.Lab.Server.Features.Feeds;
using BattKomp.Lab.Server.Features.Incidents;
using BattKomp.Lab.Server.Features.Notices;
using BattKomp.Lab.Server.Features.Ingest;
using BattKomp.Lab.Server.Features.YoungPeople;
using BattKomp.Lab.Server.Features.Sharing;
using BattKomp.Lab.Server.Features.Usage;
using BattKomp.Lab.Server.Features.Waits;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.Server.Web;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.V1;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace BattKomp.Lab.Server.Platform.Hosting;

/// <summary>The server put together: platform, then one line a feature.</summary>
public static class LabApplication
{
    /// <summary>Runs until told to stop. Exit code 0 after a clean stop, 2 when the settings are wrong.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        var options = ReadOptions(new ConfigurationBuilder().AddEnvironmentVariables("BATTLAB_").AddCommandLine(args).Build());
        var mistakes = options.Mistakes();
        if (mistakes.Count > 0)
        {
            foreach (var mistake in mistakes) await Console.Error.WriteLineAsync(mistake);
            return 2;
        }
        await using var app = Build(options, TimeProvider.System);
        await StartAsync(app, CancellationToken.None);
        await app.WaitForShutdownAsync();
        return 0;
    }

    /// <summary>The application, not yet started; tests replace the clock and register fakes through <paramref name="configure"/>.</summary>
    public static WebApplication Build(LabOptions options, TimeProvider time, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, WebRootPath = "wwwroot" });
        // A line a request drowns what an operator needs to see; refusals are the caller's news, not the log's.
        foreach (var noisy in new[] { "Microsoft", "Grpc", "Quartz" }) builder.Logging.AddFilter(noisy, LogLevel.Warning);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            Listen(kestrel, options.Http, HttpProtocols.Http1);
            Listen(kestrel, options.Grpc, HttpProtocols.Http2);
        });
        // Quartz tells of every firing; its warnings are enough.
        builder.Logging.AddFilter("Quartz", LogLevel.Warning);
        AddPlatform(builder.Services, options, time);
        AddFeatures(builder.Services);
        builder.Services.AddWeb(options);
        builder.Services.AddSweeps(options, time);
        configure?.Invoke(builder);
        var app = builder.Build();
        app.MapWeb();
        MapFeatures(app);
        return app;
    }

    /// <summary>Readies the stores, applies the seed, listens, and writes addresses.json.</summary>
    public static async Task StartAsync(WebApplication app, CancellationToken cancel)
    {
        var database = app.Services.GetRequiredService<CalendarDatabase>();
        await database.OpenAsync(cancel);
        await using (await database.StartTurnAsync(cancel))
        {
            await database.MigrateAsync(cancel);
            await app.Services.GetRequiredService<Seed>().ApplyAsync(cancel);
            await app.StartAsync(cancel);
        }
        AddressFile.Write(app);
    }

    private static void AddPlatform(IServiceCollection services, LabOptions options, TimeProvider time)
    {
        services.AddSingleton(options);
        services.AddSingleton(options.LabClock());
        services.AddSingleton(time);
        services.AddSingleton<MachineClock>();
        services.AddSingleton<CalendarDatabase>(_ => options.Calendar == "postgres"
            ? new PostgresCalendar(options.PostgresConnection)
            : new SqliteCalendar(Path.Combine(options.DataDirectory, "calendar.sqlite")));
        services.AddSingleton<CallerResolver>();
        services.AddSingleton<Policy>();
        services.AddSingleton<RequestLog>();
        services.AddSingleton<Audit>();
        services.AddGrpc(grpc => grpc.Interceptors.Add<CallInterceptor>()).AddJsonTranscoding(json =>
        {
            // Without the registry a rich error leaves as an empty HTTP 500; without the string form JavaScript rounds ns stamps.
            json.TypeRegistry = LabException.DetailTypes;
            json.JsonSettings.WriteInt64sAsStrings = true;
        });
    }

    private static void AddFeatures(IServiceCollection services)
    {
        services.AddCatalogue();
        services.AddPolicies();
        services.AddBookings();
        services.AddQualifications();
        services.AddRiskAssessments();
        services.AddAvailability();
        services.AddYoungPeople();
        services.AddWaits();
        services.AddClasses();
        services.AddProcedures();
        services.AddCellTests();
        services.AddAgents();
        services.AddLeases();
        services.AddRuns();
        services.AddIncidents();
        services.AddIngest();
        services.AddDatasets();
        services.AddFeeds();
        services.AddNotices();
        services.AddSharing();
        services.AddUsage();
    }

    private static void MapFeatures(WebApplication app)
    {
        app.MapGrpcService<LabServiceHandler>();
        app.MapGrpcService<BookingServiceHandler>();
        app.MapGrpcService<PolicyServiceHandler>();
        app.MapGrpcService<QualificationServiceHandler>();
        app.MapGrpcService<RiskAssessmentServiceHandler>();
        app.MapGrpcService<AvailabilityServiceHandler>();
        app.MapGrpcService<WaitServiceHandler>();
        app.MapGrpcService<ClassServiceHandler>();
        app.MapGrpcService<ProcedureServiceHandler>();
        app.MapGrpcService<AgentServiceHandler>();
        app.MapGrpcService<RunServiceHandler>();
        app.MapGrpcService<IncidentServiceHandler>();
        app.MapGrpcService<IngestServiceHandler>();
        app.MapGrpcService<DatasetServiceHandler>();
        app.MapGrpcService<FeedServiceHandler>();
        app.MapGrpcService<NotificationServiceHandler>();
        app.MapGrpcService<SharingServiceHandler>();
        app.MapGrpcService<UsageServiceHandler>();
        app.MapDatasetDownloads();
        app.MapFeeds();
        app.MapHealth();
    }

    private static void Listen(KestrelServerOptions kestrel, string address, HttpProtocols protocols)
    {
        var uri = new Uri(address);
        var host = uri.Host == "localhost" ? IPAddress.Loopback : IPAddress.Parse(uri.Host.Trim('[', ']'));
        kestrel.Listen(host, uri.Port, listen => listen.Protocols = protocols);
    }

    private static LabOptions ReadOptions(IConfiguration configuration)
    {
        var options = new LabOptions();
        configuration.Bind(options);
        return options;
    }
}
