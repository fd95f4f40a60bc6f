using Grpc.Core;
using Grpc.Net.Client;

namespace BattKomp.Lab.EdgeAgent.Uplink;

/// <summary>The one HTTP/2 connection to the server, with the agent's credentials on every call.</summary>
public sealed class ServerLine : IDisposable
{
    private readonly GrpcChannel _open, _channel;

    /// <summary>Prepares the connection; nothing is sent yet.</summary>
    public ServerLine(Uri server, AgentIdentity identity, TimeProvider machine)
    {
        // What opens a session goes without credentials; two channels, because credentials belong to the channel.
        _open = GrpcChannel.ForAddress(server, new GrpcChannelOptions { HttpHandler = Handler(), DisposeHttpClient = true });
        Credentials = new Credentials(identity, _open.CreateCallInvoker(), machine);
        var plain = server.Scheme == "http";
        var token = CallCredentials.FromInterceptor(async (context, metadata) =>
            metadata.Add("authorization", $"Bearer {await Credentials.TokenAsync(context.CancellationToken)}"));
        _channel = GrpcChannel.ForAddress(server, new GrpcChannelOptions
        {
            HttpHandler = new Watch(Handler(), Credentials),
            DisposeHttpClient = true,
            MaxReceiveMessageSize = 16 << 20,
            Credentials = ChannelCredentials.Create(plain ? ChannelCredentials.Insecure : ChannelCredentials.SecureSsl, token),
            UnsafeUseInsecureChannelCallCredentials = plain,
        });
        Invoker = _channel.CreateCallInvoker();
    }

    /// <summary>Calls go through here.</summary>
    public CallInvoker Invoker { get; }

    /// <summary>The agent's credentials.</summary>
    public Credentials Credentials { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _channel.Dispose();
        _open.Dispose();
        Credentials.Dispose();
    }

    private static SocketsHttpHandler Handler() => new()
    {
        KeepAlivePingDelay = TimeSpan.FromSeconds(5),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        EnableMultipleHttp2Connections = true,
    };

    // A call that is refused before it began says so in its headers, whatever kind of call it is.
    private sealed class Watch(HttpMessageHandler inner, Credentials credentials) : DelegatingHandler(inner)
    {
        private static readonly string Unauthenticated = ((int)StatusCode.Unauthenticated).ToString(System.Globalization.CultureInfo.InvariantCulture);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (response.Headers.TryGetValues("grpc-status", out var status) && status.Contains(Unauthenticated))
                credentials.Forget();
            return response;
        }
    }
}
