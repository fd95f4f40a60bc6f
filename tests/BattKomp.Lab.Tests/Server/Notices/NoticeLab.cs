using System.Text.Json.Nodes;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.Tests.Server.Bookings;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Microsoft.Extensions.DependencyInjection;
using MimeKit;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Notices;

/// <summary>A lab with a mail server, in which everyone has an address and one rig asks for approval.</summary>
internal sealed class NoticeLab : IAsyncDisposable
{
    private NoticeLab(BookingLab lab, SmtpPeer smtp, ShiftedTime time) => (Lab, Smtp, Time) = (lab, smtp, time);

    public BookingLab Lab { get; }

    public SmtpPeer Smtp { get; }

    public ShiftedTime Time { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<NoticeLab> StartAsync(string dialect, Action<LabOptions>? settings = null)
    {
        var (smtp, time) = (new SmtpPeer(), new ShiftedTime());
        var lab = await BookingLab.StartAsync(dialect, o =>
        {
            File.WriteAllText(o.SeedFile, WithAddresses(TestSeed.JsonWithGuardedRig));
            (o.Outbox.Smtp.Host, o.Outbox.Smtp.Port, o.Outbox.Smtp.Security, o.Outbox.Smtp.From) = ("127.0.0.1", smtp.Port, "none", "battlab@lab.example.no");
            o.Outbox.PrivateWebhooks = true;
            o.Bookings.CheckInLeadMinutes = 5;
            // Sweeps run when a test says so.
            o.Runs.SweepSeconds = 0;
            settings?.Invoke(o);
        }, time: time);
        return new NoticeLab(lab, smtp, time);
    }

    public NotificationService.NotificationServiceClient As(string token) => new(Lab.Lab.As(token));

    public async Task<IReadOnlyList<Notification>> ToldAsync(string token) =>
        (await As(token).ListNotificationsAsync(new ListNotificationsRequest(), cancellationToken: Cancel)).Notifications;

    public Task SweepAsync(string name) => Lab.Lab.Services.GetServices<ISweep>().Single(s => s.Name == name).RunAsync(Cancel);

    /// <summary>What the mail server took, read by a library as a mail program would.</summary>
    public async Task<IReadOnlyList<MimeMessage>> MailsAsync()
    {
        await SweepAsync("outbox");
        return [.. Smtp.Mails.Select(m => MimeMessage.Load(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(m.Data)), Cancel))];
    }

    public async ValueTask DisposeAsync()
    {
        await Lab.DisposeAsync();
        await Smtp.DisposeAsync();
    }

    private static string WithAddresses(string json)
    {
        var seed = JsonNode.Parse(json)!;
        foreach (var person in seed["persons"]!.AsArray())
        {
            var id = person!["name"]!.GetValue<string>().Split('/')[1];
            person["emails"] = new JsonArray($"{id}@work.example.no", $"{id}@home.example.no");
        }
        return seed.ToJsonString();
    }
}
