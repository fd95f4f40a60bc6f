using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace BattKomp.Lab.EdgeAgent.Hosting.LocalPage;

/// <summary>
/// The agent's own page on 127.0.0.1: what every channel does, and a stop for each and for all, with the server or without it. A stop is a POST with a
/// token of this start (so that no other page can send one) and the PIN, if one is set. `battlab-agent stop` proves itself by a secret in the data folder instead.
/// </summary>
public sealed class LocalPageServer : IAsyncDisposable
{
    /// <summary>Header that carries the data folder's secret.</summary>
    public const string SecretHeader = "X-Battlab-Local";

    /// <summary>File in the data folder, readable by the agent's user alone.</summary>
    public const string SecretFile = "local-page-secret";

    private const int MostBytes = 8192;
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private readonly HttpListener _listener = new();
    private readonly LocalPageConfig _config;
    private readonly AgentHost _agent;
    private readonly Action<string> _log;
    private readonly string _token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
    private readonly string _secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
    private readonly Task _serving;

    /// <summary>Listens from now on.</summary>
    /// <exception cref="IOException">The port is taken, or the secret cannot be kept.</exception>
    public LocalPageServer(LocalPageConfig config, AgentHost agent, string dataDir, Action<string> log)
    {
        (_config, _agent, _log) = (config, agent, log);
        var file = Path.Combine(dataDir, SecretFile);
        File.Delete(file);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var secret = new FileStream(file, options))
            secret.Write(Encoding.ASCII.GetBytes(_secret));
        // The prefix names the address, so the listener itself turns away whoever asks by another Host: that would be another site's doing.
        _listener.Prefixes.Add($"http://127.0.0.1:{config.Port}/");
        try
        {
            _listener.Start();
        }
        catch (HttpListenerException e)
        {
            throw new IOException($"The local page cannot listen on 127.0.0.1:{config.Port}: {e.Message}. Choose another local_page.port.", e);
        }
        _serving = Task.Run(ServeAsync);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                _ = Task.Run(() => AnswerAsync(context));
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // Closed.
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            var (request, response) = (context.Request, context.Response);
            response.Headers["Cache-Control"] = "no-store";
            response.Headers["X-Frame-Options"] = "DENY";
            response.Headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";
            if (request is { HttpMethod: "GET", Url.AbsolutePath: "/" })
                await WriteAsync(response, 200, "text/html; charset=utf-8", LocalPageHtml.Page(_agent.Status(), _token, _config.Pin.Length > 0));
            else if (request is { HttpMethod: "GET", Url.AbsolutePath: "/state.json" })
                await WriteAsync(response, 200, "application/json", JsonSerializer.Serialize(_agent.Status(), Json));
            else if (request is { HttpMethod: "POST", Url.AbsolutePath: "/stop" })
                await StopAsync(request, response);
            else
                await WriteAsync(response, 404, "text/plain", "There is / and /state.json, and POST /stop.");
        }
        catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException)
        {
            // The asker has gone; a stop that was under way is carried out all the same.
            _log($"local page: {e.Message}");
        }
        catch (Exception e)
        {
            // Whatever it is: the page goes on, and the asker learns that this was no stop.
            _log($"local page: {e}");
            context.Response.StatusCode = 500;
            context.Response.Close();
        }
    }

    private async Task StopAsync(HttpListenerRequest request, HttpListenerResponse response)
    {
        var form = await FormAsync(request);
        var trusted = Same(request.Headers[SecretHeader] ?? "", _secret);
        if (!trusted && !Same(form.GetValueOrDefault("token", ""), _token))
        {
            await WriteAsync(response, 403, "text/plain", "The page is of an earlier start of the agent, or not the agent's own; load it again and press stop again.");
            return;
        }
        if (!trusted && _config.Pin.Length > 0 && !Same(form.GetValueOrDefault("pin", ""), _config.Pin))
        {
            await WriteAsync(response, 403, "text/html; charset=utf-8", LocalPageHtml.Page(_agent.Status(), _token, true, "The PIN is wrong: nothing was stopped."));
            return;
        }
        var channel = form.GetValueOrDefault("channel", "");
        var reason = form.GetValueOrDefault("reason", "") is { Length: > 0 } given ? given : "stopped at the rig";
        var done = await _agent.StopHereAsync(channel.Length == 0 ? null : channel, reason);
        if (trusted)
            await WriteAsync(response, done.Count == 0 ? 404 : 200, "application/json",
                JsonSerializer.Serialize(done.Select(d => new { d.Channel, d.Done, d.SecondsToSafe, d.Detail }), Json));
        else
            await WriteAsync(response, done.Count == 0 ? 404 : 200, "text/html; charset=utf-8", LocalPageHtml.Stopped(done));
    }

    private static bool Same(string given, string expected) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(expected));

    private static async Task<Dictionary<string, string>> FormAsync(HttpListenerRequest request)
    {
        var bytes = new byte[MostBytes];
        var length = await request.InputStream.ReadAtLeastAsync(bytes, MostBytes, throwOnEndOfStream: false);
        var form = new Dictionary<string, string>();
        foreach (var pair in Encoding.UTF8.GetString(bytes, 0, length).Split('&', StringSplitOptions.RemoveEmptyEntries))
            if (pair.Split('=', 2) is [var name, var value])
                form[WebUtility.UrlDecode(name)] = WebUtility.UrlDecode(value);
        return form;
    }

    private static async Task WriteAsync(HttpListenerResponse response, int status, string type, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        (response.StatusCode, response.ContentType, response.ContentLength64) = (status, type, bytes.Length);
        await response.OutputStream.WriteAsync(bytes);
        response.Close();
    }
}
