using System.Net;
using System.Net.Http.Headers;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Notices;

/// <summary>
/// Posts events that are due, each webhook's in order of their making, several webhooks at once. An event is claimed by moving its time on before it is
/// posted; the first failure of a webhook ends its turn. An answer 410 revokes it; what is not taken within three days is dropped.
/// </summary>
internal sealed class WebhookSender(CalendarDatabase database, OutboxOptions options, MachineClock clock, ILogger<WebhookSender> log) : IDisposable
{
    private const int AtATime = 200;
    private const int AtOnce = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly Duration GiveUpAfter = Duration.FromDays(3);
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        MaxResponseHeadersLength = 16,
        ConnectCallback = (context, cancel) => WebhookAddress.ConnectAsync(context, options.PrivateWebhooks, cancel),
    })
    { Timeout = Patience };

    private sealed record Due(string Id, string Webhook, byte[] Body, long DueUs, int Attempts, long CreatedUs, string Url, byte[] Secret);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>Posts what is due now.</summary>
    internal async Task SendAsync(CancellationToken cancel)
    {
        var due = await database.ReadAsync(tx => tx.QueryAsync(
            "SELECT e.id, e.webhook, e.body, e.due_us, e.attempts, e.created_us, w.url, w.secret FROM webhook_events e JOIN webhooks w ON w.name = e.webhook " +
            $"WHERE e.due_us <= @t AND w.revoked_us IS NULL ORDER BY e.created_us, e.id LIMIT {AtATime}",
            r => new Due(r.GetString(0), r.GetString(1), r.GetFieldValue<byte[]>(2), r.GetInt64(3), r.GetInt32(4), r.GetInt64(5), r.GetString(6), r.GetFieldValue<byte[]>(7)), cancel,
            ("t", Micros.FromInstant(clock.Now))), cancel);
        await Parallel.ForEachAsync(due.GroupBy(d => d.Webhook), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (turn, ct) =>
        {
            foreach (var one in turn)
                if (!await TryAsync(one, ct)) return;
        });
    }

    private async Task<bool> TryAsync(Due one, CancellationToken cancel)
    {
        var claimed = await database.WriteAsync(tx => tx.ExecuteAsync("UPDATE webhook_events SET due_us = @later, attempts = attempts + 1 WHERE id = @i AND due_us = @due", cancel,
            ("later", Micros.FromInstant(clock.Now + Mailer.Pause(one.Attempts))), ("i", one.Id), ("due", one.DueUs)), cancel);
        if (claimed == 0) return true;
        var (taken, gone, error) = await PostAsync(one, cancel);
        var late = clock.Now - Micros.ToInstant(one.CreatedUs) > GiveUpAfter;
        if (!taken) log.LogWarning("{Webhook} did not take {Event}: {Why}", one.Webhook, one.Id, error);
        await database.WriteAsync(async tx =>
        {
            if (taken || gone || late) await tx.ExecuteAsync("DELETE FROM webhook_events WHERE id = @i", cancel, ("i", one.Id));
            await tx.ExecuteAsync("UPDATE webhooks SET last_error = @e, delivered_us = coalesce(@d, delivered_us), revoked_us = coalesce(@r, revoked_us) WHERE name = @n", cancel,
                ("e", error), ("d", taken ? Micros.FromInstant(clock.Now) : null), ("r", gone ? Micros.FromInstant(clock.Now) : null), ("n", one.Webhook));
        }, cancel);
        return taken;
    }

    private async Task<(bool Taken, bool Gone, string Error)> PostAsync(Due one, CancellationToken cancel)
    {
        var seconds = clock.Now.ToUnixTimeSeconds();
        using var request = new HttpRequestMessage(HttpMethod.Post, one.Url) { Content = new ByteArrayContent(one.Body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/cloudevents+json") { CharSet = "utf-8" };
        request.Headers.Add("webhook-id", one.Id);
        request.Headers.Add("webhook-timestamp", $"{seconds}");
        request.Headers.Add("webhook-signature", WebhookSignature.Of(one.Secret, one.Id, seconds, one.Body));
        try
        {
            using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
            return answer.IsSuccessStatusCode ? (true, false, "") : (false, answer.StatusCode == HttpStatusCode.Gone, $"it answered {(int)answer.StatusCode}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            // What the address answered, or where it leads, is not for the one who gave it to learn in detail.
            return (false, false, e is OperationCanceledException ? $"no answer within {Patience.TotalSeconds:0} s" : "it could not be reached");
        }
    }
}
