using System.Net.Http.Headers;
using System.Text.Json;

namespace BattKomp.Lab.EdgeAgent.Hosting.LocalPage;

/// <summary>`battlab-agent stop`: the local page's stop, for a shell at the rig.</summary>
internal static class LocalStop
{
    /// <summary>Stops a channel, or all when it is empty. 0 = proved safe, 1 = not proved or refused.</summary>
    /// <exception cref="IOException">No agent answers.</exception>
    public static async Task<int> RunAsync(AgentConfig config, string channel, string reason, TextWriter output, TextWriter errors)
    {
        if (config.LocalPage is not { } page)
        {
            errors.WriteLine("The configuration has no local_page; add {\"port\": 8099} and restart the agent, or stop at the instrument itself.");
            return 1;
        }
        var secret = await File.ReadAllTextAsync(Path.Combine(config.DataDir, LocalPageServer.SecretFile));
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{page.Port}/stop")
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["channel"] = channel, ["reason"] = reason }),
        };
        request.Headers.Add(LocalPageServer.SecretHeader, secret);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        try
        {
            using var response = await http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            output.WriteLine(text);
            return response.IsSuccessStatusCode && JsonDocument.Parse(text).RootElement.EnumerateArray().All(d => d.GetProperty("done").GetBoolean()) ? 0 : 1;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            throw new IOException($"No agent answers on 127.0.0.1:{page.Port} ({e.Message}); stop at the instrument itself.", e);
        }
    }
}
