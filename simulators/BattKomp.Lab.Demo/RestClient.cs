using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace BattKomp.Lab.Demo;

/// <summary>The lab's REST API as one persona.</summary>
internal sealed class RestClient : IDisposable
{
    private readonly HttpClient _http;

    public RestClient(string address, string token)
    {
        _http = new HttpClient { BaseAddress = new Uri(address), Timeout = TimeSpan.FromSeconds(60) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    /// <summary>GET; throws with the server's own sentence when refused.</summary>
    public async Task<JsonNode> GetAsync(string path, CancellationToken cancel) => await ReadAsync(await _http.GetAsync(path, cancel), path, cancel);

    /// <summary>POST; throws with the server's own sentence when refused.</summary>
    public async Task<JsonNode> PostAsync(string path, JsonNode body, CancellationToken cancel)
    {
        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        return await ReadAsync(await _http.PostAsync(path, content, cancel), path, cancel);
    }

    public void Dispose() => _http.Dispose();

    private static async Task<JsonNode> ReadAsync(HttpResponseMessage response, string path, CancellationToken cancel)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync(cancel);
            if (response.IsSuccessStatusCode) return JsonNode.Parse(text)!;
            var why = $"{path}: {(int)response.StatusCode} {Sentence(text)}";
            throw response.StatusCode == System.Net.HttpStatusCode.ServiceUnavailable ? new DemoUnavailableException(why) : new DemoException(why);
        }
    }

    private static string Sentence(string text)
    {
        try
        {
            return JsonNode.Parse(text)?["message"]?.GetValue<string>() ?? text;
        }
        catch (JsonException)
        {
            return text;
        }
    }
}
