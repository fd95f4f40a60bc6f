using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace BattKomp.Lab.Cli;

/// <summary>An open channel to the server and the token that goes with every call.</summary>
internal sealed class Connection : IDisposable
{
    /// <summary>How long a question may wait for its answer.</summary>
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(30);

    private readonly GrpcChannel _channel;
    private readonly Metadata _headers;
    private readonly TimeProvider _time;

    private Connection(Uri address, string token, TimeProvider time)
    {
        _channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectTimeout = TimeSpan.FromSeconds(5),
                // A watch may be silent for hours; the pings notice a server that went away.
                KeepAlivePingDelay = TimeSpan.FromSeconds(20),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            },
            DisposeHttpClient = true,
        });
        _headers = new Metadata { { "authorization", $"Bearer {token}" } };
        _time = time;
    }

    /// <summary>The catalogue.</summary>
    public LabService.LabServiceClient Labs => new(_channel);

    /// <summary>The calendar.</summary>
    public BookingService.BookingServiceClient Bookings => new(_channel);

    /// <summary>Searches.</summary>
    public AvailabilityService.AvailabilityServiceClient Availability => new(_channel);

    /// <summary>Wait lists.</summary>
    public WaitService.WaitServiceClient Waits => new(_channel);

    /// <summary>Classes.</summary>
    public ClassService.ClassServiceClient Classes => new(_channel);

    /// <summary>Policies.</summary>
    public PolicyService.PolicyServiceClient Policies => new(_channel);

    /// <summary>Cell tests, runs and stops.</summary>
    public RunService.RunServiceClient Runs => new(_channel);

    /// <summary>Incidents.</summary>
    public IncidentService.IncidentServiceClient Incidents => new(_channel);

    /// <summary>Risk assessments.</summary>
    public RiskAssessmentService.RiskAssessmentServiceClient RiskAssessments => new(_channel);

    /// <summary>Qualifications.</summary>
    public QualificationService.QualificationServiceClient Qualifications => new(_channel);

    /// <summary>Agents.</summary>
    public AgentService.AgentServiceClient Agents => new(_channel);

    /// <summary>Datasets.</summary>
    public DatasetService.DatasetServiceClient Datasets => new(_channel);

    /// <summary>Accounts of use.</summary>
    public UsageService.UsageServiceClient Usage => new(_channel);

    /// <summary>Fair share.</summary>
    public SharingService.SharingServiceClient Sharing => new(_channel);

    /// <summary>Calendar feeds and closures.</summary>
    public FeedService.FeedServiceClient Feeds => new(_channel);

    /// <summary>Notices and webhooks.</summary>
    public NotificationService.NotificationServiceClient Notices => new(_channel);

    /// <summary>Headers and deadline of one question; <paramref name="extra"/> is time the server itself was asked to wait.</summary>
    public CallOptions Question(CancellationToken cancel, TimeSpan extra = default) =>
        new(_headers, (_time.GetUtcNow() + AnswerWithin + extra).UtcDateTime, cancel);

    /// <summary>Headers of a stream, which may last as long as it likes.</summary>
    public CallOptions Stream(CancellationToken cancel) => new(_headers, null, cancel);

    /// <summary>Opens the server named by option or environment.</summary>
    /// <exception cref="CliException">What is missing or malformed, and what to write.</exception>
    public static Connection Open(CliHost host, Report report, string? server, string? token)
    {
        server = Either(server, host.Environment("BATTLAB_SERVER"));
        token = Either(token, host.Environment("BATTLAB_TOKEN"));
        var missing = new List<string>();
        if (server is null) missing.Add("No server is named: give --server http://127.0.0.1:5081 or set BATTLAB_SERVER.");
        if (token is null) missing.Add("No access token is given: set BATTLAB_TOKEN or give --token.");
        if (missing.Count > 0) throw CliException.Invalid("SETTINGS_MISSING", string.Join(" ", missing));
        if (!Uri.TryCreate(server, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw CliException.Invalid("SETTINGS_INVALID", $"'{server}' is not a server address.", "Write it like http://127.0.0.1:5081 or https://lab.example.no.");
        if (token!.Any(c => c is <= ' ' or > '~'))
            throw CliException.Invalid("SETTINGS_INVALID", "The access token holds a blank or a character that no token has.", "Copy it again, without quotes or line breaks.");
        if (address.Scheme == "http" && !address.IsLoopback) report.Note($"the token travels unencrypted to {address.Host}; use https outside this machine.");
        return new Connection(address, token!, host.Time);
    }

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    private static string? Either(string? first, string? second) =>
        !string.IsNullOrWhiteSpace(first) ? first.Trim() : !string.IsNullOrWhiteSpace(second) ? second.Trim() : null;
}
