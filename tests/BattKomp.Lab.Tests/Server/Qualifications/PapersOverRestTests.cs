using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Qualifications;

/// <summary>Qualifications and risk assessments by REST: the same contract.</summary>
public sealed class PapersOverRestTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_qualification_is_granted_read_and_revoked_and_a_refusal_says_why()
    {
        await using var lab = await TestLab.StartAsync();
        using var manager = lab.HttpAs(TestSeed.LabManager);
        using var holder = lab.HttpAs(TestSeed.DoctoralStudent);
        var granted = await AnswerAsync(HttpStatusCode.OK, await manager.PostAsync("/v1/qualifications", Json(PeopleLab.Wish()), Cancel));
        var name = (string)granted["name"]!;
        Assert.Equal("VALID", (string)granted["state"]!);
        Assert.Equal(name, (string)(await AnswerAsync(HttpStatusCode.OK, await holder.GetAsync("/v1/" + name, Cancel)))["name"]!);
        Assert.Single((await AnswerAsync(HttpStatusCode.OK, await holder.GetAsync("/v1/qualifications?page_size=5", Cancel)))["qualifications"]!.AsArray());
        var refused = await AnswerAsync(HttpStatusCode.Forbidden, await holder.PostAsync("/v1/qualifications", Json(PeopleLab.Wish("persons/teacher")), Cancel));
        Assert.Contains("NOT_ALLOWED", refused.ToJsonString(), StringComparison.Ordinal);
        var revoked = await AnswerAsync(HttpStatusCode.OK, await manager.PostAsync($"/v1/{name}:revoke", new StringContent("""{"reason":"left the group"}""", Encoding.UTF8, "application/json"), Cancel));
        Assert.Equal("REVOKED", (string)revoked["state"]!);
    }

    [Fact]
    public async Task A_risk_assessment_is_made_and_withdrawn_and_hidden_from_those_who_are_not_staff()
    {
        await using var lab = await TestLab.StartAsync();
        using var manager = lab.HttpAs(TestSeed.LabManager);
        var wish = new RiskAssessment { Rig = TestSeed.EbcRig, Reference = "RA-1", ValidUntil = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow().AddDays(9)) };
        var made = await AnswerAsync(HttpStatusCode.OK, await manager.PostAsync("/v1/riskAssessments", Json(wish), Cancel));
        using var teacher = lab.HttpAs(TestSeed.Teacher);
        await AnswerAsync(HttpStatusCode.Forbidden, await teacher.GetAsync("/v1/" + made["name"], Cancel));
        Assert.Equal("WITHDRAWN", (string)(await AnswerAsync(HttpStatusCode.OK, await manager.PostAsync($"/v1/{made["name"]}:withdraw", new StringContent("""{"reason":"opened"}""", Encoding.UTF8, "application/json"), Cancel)))["state"]!);
    }

    private static StringContent Json(IMessage message) => new(JsonFormatter.Default.Format(message), Encoding.UTF8, "application/json");

    private static async Task<JsonNode> AnswerAsync(HttpStatusCode expected, HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(response.StatusCode == expected, $"{response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }
}
