using BattKomp.Lab.Tests.Cli;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BattKomp.Lab.Server.Features.Notices;
using BattKomp.Lab.Tests.Server.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Notices;

/// <summary>Changes of bookings, posted to other programs; the same on either database.</summary>
public abstract class WebhookContract(string dialect) : IAsyncLifetime
{
    private readonly ConcurrentQueue<(IHeaderDictionary Headers, byte[] Body)> _posts = new();
    private NoticeLab _all = null!;
    private WebApplication _receiver = null!;
    private volatile int _answer = 204;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Url => _receiver.Urls.Single() + "/hook";

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _all = await NoticeLab.StartAsync(dialect);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _receiver = builder.Build();
        _receiver.MapPost("/hook", async (HttpContext http) =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body, Cancel);
            _posts.Enqueue((new HeaderDictionary(http.Request.Headers.ToDictionary(h => h.Key, h => h.Value)), body.ToArray()));
            if (_answer == 302) http.Response.Headers.Location = "/elsewhere";
            return Results.StatusCode(_answer);
        });
        _receiver.MapPost("/elsewhere", () => Results.Ok());
        await _receiver.StartAsync(Cancel);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _receiver.DisposeAsync();
        await _all.DisposeAsync();
    }

    [Fact]
    public async Task Each_state_of_a_booking_is_posted_signed_and_tells_nothing_of_whose_it_is()
    {
        var webhook = await CreateAsync();
        var wish = _all.Lab.Wish(30, 2, TestSeed.CyclerChannel(1));
        (wish.Title, wish.Visibility) = ("CANARY", new Visibility { Kind = VisibilityKind.Confidential });
        var made = await _all.Lab.CreateAsync(TestSeed.IndustryEngineer, wish);
        await _all.Lab.As(TestSeed.LabManager).CancelBookingAsync(new CancelBookingRequest { Name = made.Name, Reason = "CANARY" }, cancellationToken: Cancel);
        await _all.SweepAsync("outbox");
        var types = new List<string>();
        var secret = Convert.FromBase64String(webhook.Secret["whsec_".Length..]);
        foreach (var (headers, body) in _posts)
        {
            Assert.Equal("application/cloudevents+json; charset=utf-8", headers.ContentType);
            var signed = Encoding.UTF8.GetBytes($"{headers["webhook-id"]}.{headers["webhook-timestamp"]}.").Concat(body).ToArray();
            Assert.Equal("v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, signed)), headers["webhook-signature"]);
            var json = JsonDocument.Parse(body).RootElement;
            Assert.Equal(("1.0", headers["webhook-id"].ToString(), "/" + TestSeed.Lab, made.Name),
                (json.GetProperty("specversion").GetString(), json.GetProperty("id").GetString(), json.GetProperty("source").GetString(), json.GetProperty("subject").GetString()));
            Assert.Equal(TestSeed.CyclerChannel(1), json.GetProperty("data").GetProperty("channels")[0].GetString());
            types.Add(json.GetProperty("type").GetString()!);
            var text = Encoding.UTF8.GetString(body);
            Assert.All(new[] { "CANARY", "engineer", "organisations/" }, m => Assert.DoesNotContain(m, text));
        }
        Assert.Equal(["no.battkomp.lab.booking.confirmed", "no.battkomp.lab.booking.cancelled"], types);
        var listed = Assert.Single((await _all.As(TestSeed.LabManager).ListWebhooksAsync(new ListWebhooksRequest { Lab = TestSeed.Lab }, cancellationToken: Cancel)).Webhooks);
        Assert.Equal(("", "", 0, true), (listed.Secret, listed.LastError, listed.Waiting, listed.LastDeliveryTime is not null));
    }

    [Fact]
    public async Task What_is_not_taken_waits_and_comes_again_with_its_id_and_redirects_are_not_followed()
    {
        await CreateAsync();
        _answer = 302;
        await _all.Lab.BookAsync(30, 2);
        await _all.SweepAsync("outbox");
        var listed = Assert.Single((await _all.As(TestSeed.LabManager).ListWebhooksAsync(new ListWebhooksRequest { Lab = TestSeed.Lab }, cancellationToken: Cancel)).Webhooks);
        Assert.Equal(("it answered 302", 1), (listed.LastError, listed.Waiting));
        _answer = 204;
        await _all.SweepAsync("outbox");
        Assert.Single(_posts);
        _all.Time.Forward(TimeSpan.FromMinutes(1.1));
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _all.SweepAsync("outbox")));
        Assert.Equal(2, _posts.Count);
        Assert.Single(_posts.Select(p => p.Headers["webhook-id"].ToString()).Distinct());
    }

    [Fact]
    public async Task A_webhook_ends_when_it_is_revoked_or_when_its_receiver_says_gone()
    {
        var (first, second) = (await CreateAsync(), await CreateAsync());
        await BookingLab.RefusedAsync(Reason.NotAllowed, async () => await _all.As(TestSeed.Teacher).RevokeWebhookAsync(new RevokeWebhookRequest { Name = first.Name }, cancellationToken: Cancel));
        Assert.NotNull((await _all.As(TestSeed.LabManager).RevokeWebhookAsync(new RevokeWebhookRequest { Name = first.Name }, cancellationToken: Cancel)).RevokeTime);
        _answer = 410;
        await _all.Lab.BookAsync(30, 2);
        await _all.SweepAsync("outbox");
        Assert.Single(_posts);
        Assert.Empty((await _all.As(TestSeed.LabManager).ListWebhooksAsync(new ListWebhooksRequest { Lab = TestSeed.Lab }, cancellationToken: Cancel)).Webhooks);
        Assert.Equal(0, await _all.Lab.CountAsync("SELECT count(*) FROM webhook_events"));
        Assert.NotNull((await _all.As(TestSeed.LabManager).RevokeWebhookAsync(new RevokeWebhookRequest { Name = second.Name }, cancellationToken: Cancel)).RevokeTime);
    }

    [Fact]
    public async Task The_cli_makes_lists_and_revokes_webhooks()
    {
        Task<Ran> Run(params string[] args) => Battlab.AsAsync(_all.Lab.Lab.GrpcAddress, TestSeed.LabManager, args);
        var made = await Run("webhook", "create", TestSeed.Lab, Url, "--json");
        var name = made.Json.GetProperty("name").GetString()!;
        Assert.StartsWith("whsec_", made.Json.GetProperty("secret").GetString());
        Assert.Contains($"{name}: {Url}, 0 waiting, nothing taken yet", (await Run("webhook", "list", TestSeed.Lab)).Text);
        Assert.Contains("is revoked", (await Run("webhook", "revoke", name)).Text);
    }

    private async Task<Webhook> CreateAsync() =>
        await _all.As(TestSeed.LabManager).CreateWebhookAsync(new CreateWebhookRequest { Lab = TestSeed.Lab, Url = Url }, cancellationToken: Cancel);
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteWebhookTests() : WebhookContract("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresWebhookTests() : WebhookContract("postgres");

/// <summary>Where a webhook may go.</summary>
public sealed class WebhookAddressTests
{
    [Theory]
    [InlineData("https://hooks.example.no/a", true)]
    [InlineData("https://8.8.8.8/a", true)]
    [InlineData("http://hooks.example.no/a", false)]
    [InlineData("https://user:word@example.no/", false)]
    [InlineData("https://127.0.0.1/", false)]
    [InlineData("https://10.1.2.3/", false)]
    [InlineData("https://172.20.0.1/", false)]
    [InlineData("https://192.168.1.1/", false)]
    [InlineData("https://169.254.169.254/latest/meta-data", false)]
    [InlineData("https://100.64.0.1/", false)]
    [InlineData("https://[::1]/", false)]
    [InlineData("https://[fd00::1]/", false)]
    [InlineData("https://[::ffff:10.0.0.1]/", false)]
    [InlineData("https://0x7f000001/", false)]
    [InlineData("ftp://example.no/", false)]
    [InlineData("file:///etc/passwd", false)]
    [InlineData("hooks", false)]
    public void Only_https_to_public_addresses(string url, bool allowed) => Assert.Equal(allowed, WebhookAddress.Problem(url, privateToo: false) is null);

    [Fact]
    public async Task A_name_that_leads_inside_is_not_connected_to()
    {
        using var http = new HttpClient(new SocketsHttpHandler { ConnectCallback = (context, cancel) => WebhookAddress.ConnectAsync(context, privateToo: false, cancel) });
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync($"http://localhost:{IPEndPoint.MinPort + 80}/", TestContext.Current.CancellationToken));
        Assert.Contains("has no public address", refused.ToString());
    }
}
