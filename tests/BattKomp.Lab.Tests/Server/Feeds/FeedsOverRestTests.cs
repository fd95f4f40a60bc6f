using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Feeds;

/// <summary>Feeds, closures, fair share and accounts of use on the same contract over REST.</summary>
public sealed class FeedsOverRestTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_call_has_its_address_and_refusals_name_the_field()
    {
        await using var lab = await TestLab.StartAsync();
        using var teacher = lab.HttpAs(TestSeed.Teacher);
        using var manager = lab.HttpAs(TestSeed.LabManager);
        using var nobody = lab.HttpAs("");

        var made = await JsonAsync(await teacher.PostAsJsonAsync("/v1/feeds", new { of = TestSeed.EbcRig }, Cancel));
        var (name, url) = (made.GetProperty("name").GetString()!, made.GetProperty("url").GetString()!);
        using (var feed = await nobody.GetAsync(url, Cancel)) Assert.Equal(HttpStatusCode.OK, feed.StatusCode);
        using (var head = await nobody.SendAsync(new HttpRequestMessage(HttpMethod.Head, url), Cancel)) Assert.Equal((HttpStatusCode.OK, 0), (head.StatusCode, (await head.Content.ReadAsByteArrayAsync(Cancel)).Length));
        Assert.Equal(name, Assert.Single((await GetAsync(teacher, "/v1/feeds")).GetProperty("feeds").EnumerateArray()).GetProperty("name").GetString());
        Assert.True((await JsonAsync(await teacher.PostAsJsonAsync($"/v1/{name}:revoke", new { }, Cancel))).TryGetProperty("revokeTime", out _));
        using (var gone = await nobody.GetAsync(url, Cancel)) Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);

        using var refused = await manager.PostAsJsonAsync($"/v1/{TestSeed.Lab}:importClosures", new { ics = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20270105T080000Z\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR" }, Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("ics.event[1]", await refused.Content.ReadAsStringAsync(Cancel));

        var share = await GetAsync(teacher, "/v1/share");
        Assert.Equal((1, "organisations/school"), (share.GetProperty("place").GetInt32(), share.GetProperty("organisation").GetString()));
        Assert.Empty((await GetAsync(teacher, "/v1/usageSnapshots")).GetProperty("snapshots").EnumerateArray());
        Assert.Equal(0.2, (await GetAsync(teacher, $"/v1/{TestSeed.Lab}/economicShare?year=2026")).GetProperty("ceiling").GetDouble());
        using var unknown = await teacher.GetAsync("/v1/usageSnapshots/2026-01", Cancel);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    private static async Task<JsonElement> GetAsync(HttpClient client, string address) => await JsonAsync(await client.GetAsync(address, Cancel));

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage answer)
    {
        using (answer)
        {
            var text = await answer.Content.ReadAsStringAsync(Cancel);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
            return JsonDocument.Parse(text).RootElement.Clone();
        }
    }
}
