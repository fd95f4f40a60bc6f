using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Notices;

/// <summary>
/// Sends the mail of notices that are due. A mail is claimed by moving its time on before it is sent, so that two servers send once, and a server that dies
/// in between leaves it to be sent again under the same Message-ID. What a mail server refuses for good is not tried again; all else is, for three days.
/// </summary>
internal sealed class Mailer(CalendarDatabase database, OutboxOptions options, MachineClock clock, ILogger<Mailer> log)
{
    private const int AtATime = 100;
    private static readonly Duration GiveUpAfter = Duration.FromDays(3);

    private sealed record Due(string Name, string Title, string Body, long DueUs, int Attempts, long CreatedUs, string Emails, string Person);

    /// <summary>Sends what is due now.</summary>
    internal async Task SendAsync(CancellationToken cancel)
    {
        if (options.Smtp.Host.Length == 0) return;
        var due = await database.ReadAsync(tx => tx.QueryAsync(
            "SELECT n.name, n.title, n.body, n.mail_due_us, n.mail_attempts, n.created_us, p.emails, p.display_name FROM notices n JOIN persons p ON p.name = n.recipient " +
            $"WHERE n.mail_due_us <= @t ORDER BY n.mail_due_us, n.name LIMIT {AtATime}",
            r => new Due(r.GetString(0), r.GetString(1), r.GetString(2), r.GetInt64(3), r.GetInt32(4), r.GetInt64(5), r.GetString(6), r.GetString(7)), cancel, ("t", Micros.FromInstant(clock.Now))), cancel);
        if (due.Count == 0) return;
        using var client = new SmtpClient { Timeout = 10_000 };
        foreach (var mail in due)
        {
            if (!await ClaimAsync(mail, cancel)) continue;
            try
            {
                if (!client.IsConnected) await ConnectAsync(client, cancel);
                await client.SendAsync(MessageOf(mail), cancel);
                await EndAsync(mail, sent: true, "", cancel);
            }
            catch (SmtpCommandException refused) when ((int)refused.StatusCode >= 500)
            {
                log.LogWarning("The mail server refuses {Notice} for good: {Why}", mail.Name, refused.Message);
                await EndAsync(mail, sent: false, $"refused: {refused.Message}", cancel);
            }
            catch (Exception e) when (e is IOException or ProtocolException or CommandException or AuthenticationException or System.Net.Sockets.SocketException or TimeoutException or ServiceNotConnectedException or ServiceNotAuthenticatedException or SslHandshakeException)
            {
                await LaterAsync(mail, e.Message, cancel);
                // One that the server takes later is its own; a server that is away keeps the rest waiting as well.
                if (e is not SmtpCommandException) return;
            }
        }
        if (client.IsConnected) await client.DisconnectAsync(quit: true, cancel);
    }

    /// <summary>Pause before the next attempt: doubling from a minute to four hours.</summary>
    internal static Duration Pause(int attempts) => Duration.Min(Duration.FromHours(4), Duration.FromMinutes(1 << Math.Min(attempts, 10)));

    private async Task ConnectAsync(SmtpClient client, CancellationToken cancel)
    {
        var smtp = options.Smtp;
        await client.ConnectAsync(smtp.Host, smtp.Port, smtp.Security switch { "tls" => SecureSocketOptions.SslOnConnect, "none" => SecureSocketOptions.None, _ => SecureSocketOptions.StartTls }, cancel);
        if (smtp.User.Length > 0) await client.AuthenticateAsync(smtp.User, smtp.Password, cancel);
    }

    private MimeMessage MessageOf(Due mail)
    {
        var from = MailboxAddress.Parse(options.Smtp.From);
        var message = new MimeMessage
        {
            Subject = $"[BattKomp.Lab] {mail.Title}",
            Date = Micros.ToInstant(mail.CreatedUs).ToDateTimeOffset(),
            MessageId = $"{mail.Name.Split('/')[1]}@{from.Domain}",
            Body = new TextPart("plain") { Text = mail.Body + "\n--\nYou get this because it concerns you. To get no mail: battlab notices mail off\n" },
        };
        message.From.Add(from);
        foreach (var address in Notices.Addresses(mail.Emails))
            message.To.Add(new MailboxAddress(mail.Person, address));
        // Absence notes and mailing lists must not answer it (RFC 3834).
        message.Headers.Add("Auto-Submitted", "auto-generated");
        return message;
    }

    private async Task<bool> ClaimAsync(Due mail, CancellationToken cancel) => await database.WriteAsync(tx => tx.ExecuteAsync(
        "UPDATE notices SET mail_due_us = @later, mail_attempts = mail_attempts + 1 WHERE name = @n AND mail_due_us = @due", cancel,
        ("later", Micros.FromInstant(clock.Now + Pause(mail.Attempts))), ("n", mail.Name), ("due", mail.DueUs)), cancel) == 1;

    private Task EndAsync(Due mail, bool sent, string error, CancellationToken cancel) => database.WriteAsync(tx => tx.ExecuteAsync(
        "UPDATE notices SET mail_due_us = NULL, mailed_us = @at, mail_error = @e WHERE name = @n", cancel,
        ("at", sent ? Micros.FromInstant(clock.Now) : null), ("e", Cut(error)), ("n", mail.Name)), cancel);

    private async Task LaterAsync(Due mail, string error, CancellationToken cancel)
    {
        log.LogWarning("{Notice} could not be mailed and is tried again: {Why}", mail.Name, error);
        if (clock.Now - Micros.ToInstant(mail.CreatedUs) > GiveUpAfter) await EndAsync(mail, sent: false, $"given up: {error}", cancel);
        else await database.WriteAsync(tx => tx.ExecuteAsync("UPDATE notices SET mail_error = @e WHERE name = @n", cancel, ("e", Cut($"tried again: {error}")), ("n", mail.Name)), cancel);
    }

    private static string Cut(string text) => text.Length <= 300 ? text : text[..300];
}
