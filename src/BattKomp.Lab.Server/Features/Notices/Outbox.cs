using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;

namespace BattKomp.Lab.Server.Features.Notices;

/// <summary>Tells what the clock brings (escalations, closures), then sends what is due by mail and webhook, within a bound that keeps the sweeps beside it in time.</summary>
internal sealed class Outbox(CalendarDatabase database, BookingNews news, ClosureAlerts closures, Mailer mailer, WebhookSender webhooks, Notices notices, TimeProvider time, ILogger<Outbox> log) : ISweep
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(15);
    private long _purged;

    /// <inheritdoc/>
    public string Name => "outbox";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        await database.WriteAsync(tx => news.EscalateAsync(tx, cancel), cancel);
        await closures.TellAsync(cancel);
        if (_purged == 0 || time.GetElapsedTime(_purged) > TimeSpan.FromHours(1))
        {
            await notices.PurgeAsync(cancel);
            _purged = time.GetTimestamp();
        }
        using var bound = new CancellationTokenSource(Bound, time);
        using var within = CancellationTokenSource.CreateLinkedTokenSource(cancel, bound.Token);
        try
        {
            await Task.WhenAll(mailer.SendAsync(within.Token), webhooks.SendAsync(within.Token));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            log.LogWarning("The outbox did not come to its end within {Seconds} s; the rest goes next time", Bound.TotalSeconds);
        }
    }
}
