using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>
/// The part of InfluxDB's HTTP interface that the store uses: line protocol in, InfluxQL out. Speaks 1.x, and 2 and 3 by their compatible
/// endpoints. Whatever may pass by itself is a <see cref="StoreUnavailableException"/>; what will be refused again is an
/// <see cref="InfluxRefusedException"/>.
/// </summary>
internal sealed class InfluxClient : IDisposable
{
    private const int GzipDefault = 16 * 1024;
    private readonly HttpClient _http;
    private readonly InfluxOptions _options;
    private readonly AuthenticationHeaderValue? _login;
    private readonly int _gzipAbove;

    /// <param name="options">Valid options.</param>
    /// <param name="handler">Stands for the network in tests; null = sockets.</param>
    public InfluxClient(InfluxOptions options, HttpMessageHandler? handler)
    {
        _options = options;
        var address = new Uri(options.Url.EndsWith('/') ? options.Url : options.Url + "/");
        handler ??= new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
            AutomaticDecompression = address.IsLoopback ? DecompressionMethods.None : DecompressionMethods.GZip,
        };
        _http = new HttpClient(handler) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(options.TimeoutSeconds) };
        _login = options.Token.Length > 0 ? new AuthenticationHeaderValue("Token", options.Token)
            : options.Username.Length > 0 ? new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{options.Username}:{options.Password}")))
            : null;
        _gzipAbove = options.GzipAboveBytes switch
        {
            < 0 => int.MaxValue,
            0 => address.IsLoopback ? int.MaxValue : GzipDefault,
            var bytes => bytes,
        };
    }

    /// <summary>Writes lines; returns when the server has made them durable.</summary>
    /// <exception cref="InfluxRefusedException">Some or all lines were refused; the rest may be stored.</exception>
    /// <exception cref="StoreUnavailableException">Unknown whether they are stored; the same lines may be sent again.</exception>
    public async Task WriteAsync(InfluxPlace place, ReadOnlyMemory<byte> lines, CancellationToken cancellation)
    {
        var path = _options.Bucket.Length > 0
            ? $"api/v2/write?org={Uri.EscapeDataString(_options.Org)}&bucket={Uri.EscapeDataString(place.Database)}&precision=ns"
            : $"write?db={Uri.EscapeDataString(place.Database)}{(place.Policy.Length > 0 ? "&rp=" + Uri.EscapeDataString(place.Policy) : "")}&precision=ns";
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = Body(lines) };
        using var response = await SendAsync(request, "write", cancellation);
        if (response.IsSuccessStatusCode) return;
        throw await FailureAsync(response, cancellation);
    }

    /// <summary>Writes rows of the store's own measurements; a refusal there means that somebody else has written into them.</summary>
    public async Task WriteOwnAsync(InfluxPlace place, ReadOnlyMemory<byte> lines, CancellationToken cancellation)
    {
        try
        {
            await WriteAsync(place, lines, cancellation);
        }
        catch (InfluxRefusedException e)
        {
            throw new StoreUnavailableException($"InfluxDB refused the store's own rows ({(int)e.Status}: {e.Message}). Give the store a database that nothing else writes to", e);
        }
    }

    /// <summary>Asks in InfluxQL and hands every row to <paramref name="rows"/>. Integers and stamps are exact (epoch=ns).</summary>
    public async Task QueryAsync(InfluxPlace place, string query, IInfluxRows rows, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"query?db={Uri.EscapeDataString(place.Database)}&epoch=ns&chunked=true&chunk_size=10000")
        {
            // In the body: the list of a run's streams does not fit into an address.
            Content = new StringContent("q=" + Uri.EscapeDataString(query), Encoding.UTF8, "application/x-www-form-urlencoded"),
        };
        using var response = await SendAsync(request, "query", cancellation);
        if (!response.IsSuccessStatusCode) throw await FailureAsync(response, cancellation);
        var body = await response.Content.ReadAsByteArrayAsync(cancellation);
        try
        {
            InfluxReply.Read(body, rows);
        }
        catch (JsonException e)
        {
            throw new StoreUnavailableException($"InfluxDB at {_options.Url} answered a query with something that is not its JSON", e);
        }
    }

    /// <summary>True when the server answers.</summary>
    public async Task<bool> PingAsync(CancellationToken cancellation)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "ping");
            using var response = await SendAsync(request, "ping", cancellation);
            return response.IsSuccessStatusCode;
        }
        catch (StoreUnavailableException)
        {
            return false;
        }
    }

    public void Dispose() => _http.Dispose();

    private HttpContent Body(ReadOnlyMemory<byte> lines)
    {
        if (lines.Length < _gzipAbove) return new ReadOnlyMemoryContent(lines);
        var packed = new MemoryStream(lines.Length / 4);
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(lines.Span);
        return new ByteArrayContent(packed.GetBuffer(), 0, (int)packed.Length) { Headers = { ContentEncoding = { "gzip" } } };
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, string doing, CancellationToken cancellation)
    {
        request.Headers.Authorization = _login;
        try
        {
            // With the whole body, so that the time limit also holds for a server that stops in the middle of its answer.
            return await _http.SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellation);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw Unreachable(doing, e);
        }
    }

    private StoreUnavailableException Unreachable(string doing, Exception cause) =>
        new(cause is OperationCanceledException
            ? $"InfluxDB at {_options.Url} did not answer a {doing} within {_options.TimeoutSeconds.ToString(CultureInfo.InvariantCulture)} s; send again later"
            : $"InfluxDB at {_options.Url} is not reachable ({doing}); send again later", cause);

    private async Task<Exception> FailureAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var text = InfluxReply.ErrorOf(await response.Content.ReadAsByteArrayAsync(cancellation));
        return response.StatusCode switch
        {
            HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity when text.Contains("max-series-per-database", StringComparison.Ordinal) || text.Contains("max-values-per-tag", StringComparison.Ordinal) =>
                new SeriesLimitException($"InfluxDB takes no more series: {text}. Raise the limit in its configuration, or delete runs that are archived; nothing was lost"),
            HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity or HttpStatusCode.RequestEntityTooLarge =>
                new InfluxRefusedException(response.StatusCode, text),
            HttpStatusCode.NotFound => new InfluxMissingException($"InfluxDB at {_options.Url} has no such database or bucket: {text}. Create it, or correct Telemetry:Influx:Database or Bucket"),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden =>
                new StoreUnavailableException($"InfluxDB at {_options.Url} refuses this login ({(int)response.StatusCode}: {text}). Correct Telemetry:Influx:Username and Password, or Token"),
            _ => new StoreUnavailableException($"InfluxDB at {_options.Url} answered {(int)response.StatusCode}: {text}; send again later"),
        };
    }
}

/// <summary>The server will not take these lines, however often they are sent (400, 422), or not so many at once (413).</summary>
internal sealed class InfluxRefusedException(HttpStatusCode status, string message) : Exception(message)
{
    public HttpStatusCode Status { get; } = status;
}

/// <summary>The database or bucket is not there (any more).</summary>
internal sealed class InfluxMissingException(string message) : StoreUnavailableException(message);

/// <summary>A new stream would pass the bound on series; the message says which setting and what to do. Nothing was stored and nothing is lost.</summary>
public sealed class SeriesLimitException(string message) : StoreUnavailableException(message);
