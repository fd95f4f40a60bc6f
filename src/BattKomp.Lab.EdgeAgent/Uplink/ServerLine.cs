using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;

namespace BattKomp.Lab.EdgeAgent.Uplink;

/// <summary>The one HTTP/2 connection to the server, with the agent's token on every call.</summary>
public sealed class ServerLine : IDisposable
{
    private readonly GrpcChannel _channel;

    /// <summary>Prepares the connection; nothing is sent yet.</summary>
    public ServerLine(Uri server, string token)
    {
        _channel = GrpcChannel.ForAddress(server, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                KeepAlivePingDelay = TimeSpan.FromSeconds(5),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
                KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
                ConnectTimeout = TimeSpan.FromSeconds(5),
                EnableMultipleHttp2Connections = true,
            },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = 16 << 20,
        });
        Invoker = _channel.Intercept(metadata =>
        {
            metadata.Add("authorization", $"Bearer {token}");
            return metadata;
        });
    }

    /// <summary>Calls go through here.</summary>
    public CallInvoker Invoker { get; }

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();
}
