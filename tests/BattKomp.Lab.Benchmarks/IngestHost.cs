using System.Collections.Concurrent;
using System.Text.Json;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Ingest;
using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Hosting;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BattKomp.Lab.Benchmarks;

/// <summary>The real server in this process on a free port, with one agent's token; runs are placed from memory, so that the records' path alone is measured.</summary>
internal sealed class IngestHost : IAsyncDisposable
{
    public const string Agent = "agents/bench", Run = "runs/bench", Token = "bench-token";
    private readonly WebApplication _app;
    private readonly GrpcChannel _channel;

    private IngestHost(WebApplication app)
    {
        _app = app;
        _channel = GrpcChannel.ForAddress(AddressFile.Of(app).Grpc, new GrpcChannelOptions { MaxReceiveMessageSize = null });
    }

    public Uri Address => new(AddressFile.Of(_app).Grpc);

    public ITelemetryStore Store => _app.Services.GetRequiredService<ITelemetryStore>();

    public CallInvoker Invoker => _channel.Intercept(metadata => { metadata.Add("authorization", "Bearer " + Token); return metadata; });

    public static async Task<IngestHost> StartAsync(string folder, Action<LabOptions>? settings = null)
    {
        Directory.CreateDirectory(folder);
        var seed = Path.Combine(folder, "seed.json");
        await File.WriteAllTextAsync(seed, JsonSerializer.Serialize(new
        {
            organisations = new[] { new { name = "organisations/bench", title = "Bench", kind = "university", country = "NO", county = "50" } },
            labs = new[] { new { name = "labs/bench", title = "Bench", kind = "VIRTUAL", country = "NO", county = "50", timeZone = "Europe/Oslo", organisation = "organisations/bench" } },
            agents = new[] { new { name = Agent, lab = "labs/bench", token = Token } },
        }));
        var options = new LabOptions { DataDirectory = folder, Http = "http://127.0.0.1:0", Grpc = "http://127.0.0.1:0", SeedFile = seed };
        // The leases given here have no booking, which the sweep would end them for.
        options.Runs.SweepSeconds = 0;
        settings?.Invoke(options);
        var app = LabApplication.Build(options, TimeProvider.System, builder =>
        {
            builder.Logging.ClearProviders();
            builder.Services.AddSingleton<IRunRegister, OneRun>();
        });
        await LabApplication.StartAsync(app, CancellationToken.None);
        return new IngestHost(app);
    }

    /// <summary>Gives the agent a lease without a booking.</summary>
    public Task GiveLeaseAsync(Lease lease) => _app.Services.GetRequiredService<CalendarDatabase>().WriteAsync(
        tx => _app.Services.GetRequiredService<Leases>().TryGiveAsync(tx, lease, CancellationToken.None), CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }

    private sealed class OneRun : IRunRegister
    {
        public Task<StreamPlacement> PlaceAsync(AgentCaller agent, Telemetry.StreamKey key, StreamHeader header, CancellationToken cancel) => Task.FromResult(new StreamPlacement(Run));

        public Task ReportAsync(IReadOnlyList<StreamProgress> progress, CancellationToken cancel) => Task.CompletedTask;
    }
}
