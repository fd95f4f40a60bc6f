using System.Net;
using System.Text;

namespace BattKomp.Lab.Tests.Telemetry.Influx;

/// <summary>Stands between store and server: may answer a request itself, or let it through.</summary>
internal sealed class Network : DelegatingHandler
{
    private int _writes, _queries;

    public Network() => InnerHandler = new SocketsHttpHandler { UseProxy = false };

    /// <summary>Answers instead of the server; null = let it through. Gets the request and its decoded body.</summary>
    public Func<HttpRequestMessage, string, HttpResponseMessage?>? Instead { get; set; }

    /// <summary>Writes that went out, answered by whomever.</summary>
    public int Writes => Volatile.Read(ref _writes);

    public int Queries => Volatile.Read(ref _queries);

    /// <summary>A request with this header reaches the server, but its answer is lost.</summary>
    public const string LoseAnswer = "x-lose-answer";

    /// <summary>The same network for a store that disposes of its handler.</summary>
    public HttpMessageHandler Shared() => new Wire(this);

    public static HttpResponseMessage Answer(HttpStatusCode status, string json) => new(status) { Content = new StringContent(json, Encoding.UTF8, "application/json") };

    public static bool IsWrite(HttpRequestMessage request) => request.RequestUri!.AbsolutePath.EndsWith("/write", StringComparison.Ordinal);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (IsWrite(request)) Interlocked.Increment(ref _writes);
        else Interlocked.Increment(ref _queries);
        if (Instead is { } instead)
        {
            var body = request.Content is null ? "" : Encoding.UTF8.GetString(await request.Content.ReadAsByteArrayAsync(cancellationToken));
            if (instead(request, body) is { } answer) return answer;
        }

        var real = await base.SendAsync(request, cancellationToken);
        if (!request.Headers.Contains(LoseAnswer)) return real;
        real.Dispose();
        throw new HttpRequestException("the answer was lost");
    }

    private sealed class Wire(Network network) : HttpMessageHandler
    {
        private readonly HttpMessageInvoker _network = new(network, disposeHandler: false);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => _network.SendAsync(request, cancellationToken);
    }
}
