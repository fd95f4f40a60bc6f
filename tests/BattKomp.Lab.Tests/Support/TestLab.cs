using System.Collections.Concurrent;
using System.Text.Json;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Hosting;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace BattKomp.Lab.Tests.Support;

/// <summary>
/// The real server in this process on loopback and free ports, with its own data folder and the seed of
/// <see cref="TestSeed"/>. Any error it logs fails the test at disposal, unless <see cref="AllowErrors"/> is set.
/// </summary>
public sealed class TestLab : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly bool _ownsFolder;
    private readonly ErrorCollector _errors;
    private readonly ConcurrentBag<GrpcChannel> _channels = [];

    private TestLab(WebApplication app, LabOptions options, bool ownsFolder, ErrorCollector errors)
    {
        (_app, Options, _ownsFolder, _errors) = (app, options, ownsFolder, errors);
        (Http, GrpcAddress) = AddressFile.Of(app);
    }

    /// <summary>The settings it runs with.</summary>
    public LabOptions Options { get; }

    /// <summary>HTTP/1 address.</summary>
    public string Http { get; }

    /// <summary>h2c address.</summary>
    public string GrpcAddress { get; }

    /// <summary>Errors are part of this test.</summary>
    public bool AllowErrors { get; set; }

    /// <summary>The server's own services.</summary>
    public IServiceProvider Services => _app.Services;

    /// <summary>Errors logged so far.</summary>
    public IReadOnlyCollection<string> LoggedErrors => _errors.Messages;

    /// <summary>Starts a server; give <paramref name="dataDirectory"/> to start again on an earlier one's data.</summary>
    public static async Task<TestLab> StartAsync(
        Action<LabOptions>? settings = null, TimeProvider? time = null, Action<WebApplicationBuilder>? configure = null, string? dataDirectory = null)
    {
        var folder = dataDirectory ?? Directory.CreateTempSubdirectory("battlab-test-").FullName;
        var seed = Path.Combine(folder, "seed.json");
        await File.WriteAllTextAsync(seed, TestSeed.Json);
        var options = new LabOptions { DataDirectory = folder, Http = "http://127.0.0.1:0", Grpc = "http://127.0.0.1:0", SeedFile = seed };
        settings?.Invoke(options);
        Assert.Empty(options.Mistakes());
        var errors = new ErrorCollector();
        var app = LabApplication.Build(options, time ?? TimeProvider.System, builder =>
        {
            builder.Logging.ClearProviders().AddProvider(errors);
            configure?.Invoke(builder);
        });
        await LabApplication.StartAsync(app, TestContext.Current.CancellationToken);
        return new TestLab(app, options, ownsFolder: dataDirectory is null, errors);
    }

    /// <summary>An invoker that speaks with a token (see <see cref="TestSeed"/>): <c>new BookingService.BookingServiceClient(lab.As(TestSeed.Teacher))</c>.</summary>
    public CallInvoker As(string token)
    {
        var channel = GrpcChannel.ForAddress(GrpcAddress, new GrpcChannelOptions { MaxReceiveMessageSize = null });
        _channels.Add(channel);
        return channel.Intercept(metadata =>
        {
            if (token.Length > 0) metadata.Add("authorization", "Bearer " + token);
            return metadata;
        });
    }

    /// <summary>An HTTP client for REST and pages that speaks with a token.</summary>
    public HttpClient HttpAs(string token)
    {
        var client = new HttpClient { BaseAddress = new Uri(Http) };
        if (token.Length > 0) client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return client;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var channel in _channels) channel.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        if (_ownsFolder) Directory.Delete(Options.DataDirectory, recursive: true);
        if (!AllowErrors) Assert.True(_errors.Messages.IsEmpty, "The server logged errors:\n" + string.Join("\n", _errors.Messages));
    }

    private sealed class ErrorCollector : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Messages { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Error) Messages.Enqueue($"{formatter(state, exception)} {exception}");
        }

        public void Dispose()
        {
        }
    }
}

/// <summary>
/// A small country: a virtual lab in Trondheim run by a university, a school, a company; six personas; two rigs with four and
/// one channels, each with an agent. Tokens are the constants here.
/// </summary>
public static class TestSeed
{
    public const string Teacher = "token-teacher";
    public const string DoctoralStudent = "token-doctoral";
    public const string CourseOwner = "token-course-owner";
    public const string LabManager = "token-lab-manager";
    public const string IndustryEngineer = "token-industry";
    public const string Coordinator = "token-coordinator";

    /// <summary>Agent of both rigs at <see cref="Lab"/>.</summary>
    public const string Agent = "token-agent";

    /// <summary>An agent of the other lab, which owns no channel here.</summary>
    public const string OtherAgent = "token-other-agent";

    public const string Lab = "labs/trondheim";
    public const string OtherLab = "labs/horten";
    public const string AgentName = "agents/trondheim-1";
    public const string OtherAgentName = "agents/horten-1";
    public const string CyclerRig = "rigs/cycler-1";
    public const string EbcRig = "rigs/ebc-1";

    /// <summary>The EBC-A20's only channel.</summary>
    public const string EbcChannel = "rigs/ebc-1/channels/1";

    public const string TestObject = "testObjects/nmc-21700-1";

    /// <summary>Channel 1–4 of the MQTT cycler.</summary>
    public static string CyclerChannel(int number) => $"{CyclerRig}/channels/{number}";

    /// <summary>The persona tokens with what they are called in messages.</summary>
    public static IReadOnlyDictionary<string, string> Personas { get; } = new Dictionary<string, string>
    {
        ["teacher"] = Teacher,
        ["doctoral student"] = DoctoralStudent,
        ["course owner"] = CourseOwner,
        ["lab manager"] = LabManager,
        ["industry engineer"] = IndustryEngineer,
        ["national coordinator"] = Coordinator,
    };

    /// <summary>The seed file.</summary>
    public static string Json { get; } = JsonSerializer.Serialize(new
    {
        organisations = new[]
        {
            Organisation("university", "university"), Organisation("school", "school"), Organisation("company", "company"), Organisation("directorate", "authority"),
        },
        persons = new[]
        {
            Person("teacher", Teacher, "school", "teacher", ""), Person("doctoral", DoctoralStudent, "university", "researcher", ""),
            Person("course-owner", CourseOwner, "university", "course-owner", ""), Person("manager", LabManager, "university", "lab-manager", Lab),
            Person("engineer", IndustryEngineer, "company", "industry", ""), Person("coordinator", Coordinator, "directorate", "coordinator", ""),
        },
        labs = new[]
        {
            new { name = Lab, title = "Virtual lab", kind = "VIRTUAL", country = "NO", county = "50", timeZone = "Europe/Oslo", organisation = "organisations/university" },
            new { name = OtherLab, title = "Other lab", kind = "PHYSICAL", country = "NO", county = "39", timeZone = "Europe/Oslo", organisation = "organisations/company" },
        },
        rigs = new[] { Rig(CyclerRig, "mqtt-json", "START_STOP", 4, 5.0), Rig(EbcRig, "ebc-a20", "FULL", 1, 30.0) },
        agents = new[]
        {
            new { name = AgentName, lab = Lab, token = Agent }, new { name = OtherAgentName, lab = OtherLab, token = OtherAgent },
        },
        testObjects = new[]
        {
            new
            {
                name = TestObject, title = "21700 cell", kind = "cell", chemistry = "NMC811/graphite", format = "21700", nominalAmpereHour = 3.0, nominalWattHour = 10.8,
                condition = "new", hazardClass = "h2", transportStatus = "un38-3-passed", custody = Lab, owner = "organisations/university",
            },
        },
    });

    /// <summary>The only channel of a rig whose lab approves bookings; see <see cref="JsonWithGuardedRig"/>.</summary>
    public const string GuardedChannel = "rigs/guarded-1/channels/1";

    /// <summary>The seed file with one rig more, which asks for approval and has no agent.</summary>
    public static string JsonWithGuardedRig { get; } = Guarded();

    private static string Guarded()
    {
        var seed = System.Text.Json.Nodes.JsonNode.Parse(Json)!;
        seed["rigs"]!.AsArray().Add(new System.Text.Json.Nodes.JsonObject
        {
            ["name"] = "rigs/guarded-1",
            ["lab"] = Lab,
            ["approvalRequired"] = true,
            ["channels"] = new System.Text.Json.Nodes.JsonArray(new System.Text.Json.Nodes.JsonObject { ["name"] = GuardedChannel }),
        });
        return seed.ToJsonString();
    }

    private static object Organisation(string id, string kind) => new { name = $"organisations/{id}", title = $"A {kind}", kind, country = "NO", county = "50" };

    private static object Person(string id, string token, string organisation, string role, string lab) => new
    {
        name = $"persons/{id}",
        displayName = $"The {role}",
        tokens = new[] { token },
        affiliations = new[] { new { name = $"affiliations/{id}", organisation = $"organisations/{organisation}", role, lab } },
    };

    private static object Rig(string name, string protocol, string control, int channels, double volt) => new
    {
        name,
        title = name,
        lab = Lab,
        stages = new[] { "cell-making" },
        rigKind = "cell-cycler",
        maxVolt = volt,
        maxWattHour = 100.0,
        hazardClass = "h4",
        benches = 4,
        instruments = new[]
        {
            new
            {
                name = name + "/instruments/1", model = "SIM", serialNumber = "SIM-1", protocol, control,
                calibrations = new[]
                {
                    new
                    {
                        name = $"calibrations/{name.Split('/')[1]}-v", quantity = "voltage_volt", rangeLow = 0.0, rangeHigh = volt, uncertainty = 0.001,
                        performed = new { year = 2026, month = 5, day = 1 }, due = new { year = 2027, month = 5, day = 1 }, certificateSha256 = new string('a', 64),
                    },
                },
            },
        },
        channels = Enumerable.Range(1, channels).Select(i => new
        {
            name = $"{name}/channels/{i}",
            title = $"Channel {i}",
            instrument = name + "/instruments/1",
            agent = AgentName,
            limits = new { maxVolt = Math.Min(volt, 4.3), minVolt = 2.0, maxChargeAmpere = 5.0, maxDischargeAmpere = 10.0, maxWatt = 100.0, maxCelsius = 60.0, minCelsius = 0.0 },
        }).ToArray(),
    };
}
