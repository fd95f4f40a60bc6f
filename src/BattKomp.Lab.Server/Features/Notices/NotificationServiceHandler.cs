using BattKomp.Lab.Contracts;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Notices;

/// <summary>Registers the slice.</summary>
public static class NoticesFeature
{
    /// <summary>Notices, the outbox, and their handler.</summary>
    public static IServiceCollection AddNotices(this IServiceCollection services) => services
        .AddSingleton(provider => provider.GetRequiredService<LabOptions>().Outbox)
        .AddSingleton<Notices>().AddSingleton<WebhookQueue>().AddSingleton<BookingNews>().AddSingleton<IBookingNews>(provider => provider.GetRequiredService<BookingNews>())
        .AddSingleton<Mailer>().AddSingleton<WebhookSender>().AddSingleton<ClosureAlerts>().AddSweep<Outbox>();
}

/// <summary>notices.proto on the wire.</summary>
public sealed class NotificationServiceHandler(Notices notices, WebhookQueue webhooks, Catalogue.Catalogue catalogue, Policy policy) : NotificationService.NotificationServiceBase
{
    /// <inheritdoc/>
    public override Task<ListNotificationsResponse> ListNotifications(ListNotificationsRequest request, ServerCallContext context) =>
        notices.ListAsync(context.Person().Name, request, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<MarkNotificationsReadResponse> MarkNotificationsRead(MarkNotificationsReadRequest request, ServerCallContext context) =>
        new() { Unread = await notices.ReadAsync(context.Person().Name, request.Until, context.CancellationToken) };

    /// <inheritdoc/>
    public override Task<MailSettings> GetMailSettings(GetMailSettingsRequest request, ServerCallContext context) => notices.SettingsAsync(context.Person().Name, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<MailSettings> SetMailSettings(SetMailSettingsRequest request, ServerCallContext context) => notices.SetAsync(context.Person().Name, request.MailOff, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<Webhook> CreateWebhook(CreateWebhookRequest request, ServerCallContext context)
    {
        await RequireManagerAsync(request.Lab, context);
        return await webhooks.CreateAsync(context.Person(), request.Lab, request.Url, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override async Task<ListWebhooksResponse> ListWebhooks(ListWebhooksRequest request, ServerCallContext context)
    {
        await RequireManagerAsync(request.Lab, context);
        return new ListWebhooksResponse { Webhooks = { await webhooks.ListAsync(request.Lab, context.CancellationToken) } };
    }

    /// <inheritdoc/>
    public override Task<Webhook> RevokeWebhook(RevokeWebhookRequest request, ServerCallContext context) => webhooks.RevokeAsync(context.Person(), request.Name, context.CancellationToken);

    private async Task RequireManagerAsync(string lab, ServerCallContext context)
    {
        new FieldChecks().Require(ResourceNames.Is(lab, "labs"), "lab", "must be a name like labs/trondheim.").ThrowIfAny();
        if ((await catalogue.GetAsync(context.CancellationToken)).Lab(lab) is null) throw LabErrors.NotFound(lab);
        policy.RequireManager(context.Person(), lab, $"manage webhooks of {lab}");
    }
}
