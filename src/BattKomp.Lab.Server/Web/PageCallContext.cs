using Grpc.Core;

namespace BattKomp.Lab.Server.Web;

/// <summary>A call that comes from the page being rendered instead of from the wire.</summary>
internal sealed class PageCallContext : ServerCallContext
{
    private readonly string _method;
    private readonly HttpContext _http;
    private readonly Dictionary<object, object> _state;

    public PageCallContext(string method, HttpContext http)
    {
        (_method, _http) = (method, http);
        // Under this key the gRPC library looks for the request of a call that it did not itself receive.
        _state = new Dictionary<object, object> { ["__HttpContext"] = http };
    }

    protected override string MethodCore => _method;

    protected override string HostCore => _http.Request.Host.Value ?? "";

    protected override string PeerCore => "page";

    protected override DateTime DeadlineCore => DateTime.MaxValue;

    protected override Metadata RequestHeadersCore { get; } = [];

    protected override CancellationToken CancellationTokenCore => _http.RequestAborted;

    protected override Metadata ResponseTrailersCore { get; } = [];

    protected override Status StatusCore { get; set; }

    protected override WriteOptions? WriteOptionsCore { get; set; }

    protected override AuthContext AuthContextCore { get; } = new(null, []);

    protected override IDictionary<object, object> UserStateCore => _state;

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
        throw new NotSupportedException("A page's call is never passed on.");

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => Task.CompletedTask;
}
