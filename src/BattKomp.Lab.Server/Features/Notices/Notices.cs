using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Notices;

/// <summary>Something that a person is to be told.</summary>
/// <param name="Recipient">persons/…</param>
/// <param name="Kind">A word of docs/notices.md.</param>
/// <param name="Subject">The thing it tells of.</param>
/// <param name="Title">One line.</param>
/// <param name="Text">What, when, and what can be done.</param>
/// <param name="OnceKey">Told once per person: telling it again changes nothing.</param>
public sealed record NewNotice(string Recipient, string Kind, string Subject, string Title, string Text, string OnceKey);

/// <summary>Notices: written in the transaction of what they tell, read by their recipients.</summary>
public sealed class Notices(CalendarDatabase database, OutboxOptions options, MachineClock clock)
{
    private const string Columns = "name, kind, subject, title, body, created_us, read_us, mailed_us, mail_error";

    /// <summary>Keeps a notice, and its mail where the person has an address, the mail is on and there is a server. A person whom nobody knows is told nothing.</summary>
    internal Task TellAsync(CalendarTransaction tx, NewNotice notice, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO notices (name, recipient, kind, subject, title, body, once_key, created_us, mail_due_us) " +
        "SELECT @n, @r, @k, @s, @title, @body, @once, @t, CASE WHEN @mail = 1 AND p.emails <> '' AND p.mail_off = 0 THEN @due ELSE NULL END FROM persons p WHERE p.name = @r " +
        "ON CONFLICT (recipient, once_key) DO NOTHING", cancel,
        ("n", "notifications/" + Guid.CreateVersion7().ToString("N")), ("r", notice.Recipient), ("k", notice.Kind), ("s", notice.Subject), ("title", OneLine(notice.Title)), ("body", notice.Text),
        ("once", notice.OnceKey), ("t", Micros.FromInstant(clock.Now)), ("due", Micros.FromInstant(clock.Now)), ("mail", options.Smtp.Host.Length > 0 ? 1 : 0));

    internal async Task<ListNotificationsResponse> ListAsync(string person, ListNotificationsRequest request, CancellationToken cancel)
    {
        var size = Paging.Size(request.PageSize, 50, 200);
        var after = Paging.Count(request.PageToken);
        return await database.ReadAsync(async tx =>
        {
            var rows = await tx.QueryAsync(
                $"SELECT {Columns} FROM notices WHERE recipient = @r {(request.UnreadOnly ? "AND read_us IS NULL" : "")} ORDER BY created_us DESC, name DESC LIMIT @l OFFSET @o", Map, cancel,
                ("r", person), ("l", size + 1), ("o", after));
            var answer = new ListNotificationsResponse { Unread = await UnreadAsync(tx, person, cancel), NextPageToken = rows.Count > size ? Paging.Token($"{after + size}") : "" };
            answer.Notifications.AddRange(rows.Take(size));
            return answer;
        }, cancel);
    }

    internal Task<int> ReadAsync(string person, string until, CancellationToken cancel) => database.WriteAsync(async tx =>
    {
        var last = until.Length == 0 ? (long?)null : (await tx.QueryAsync("SELECT created_us FROM notices WHERE name = @n AND recipient = @r", r => (long?)r.GetInt64(0), cancel, ("n", until), ("r", person))).SingleOrDefault()
            ?? throw LabErrors.NotFound(until);
        // Two of one microsecond are told apart by their names, which grow.
        await tx.ExecuteAsync($"UPDATE notices SET read_us = @t WHERE recipient = @r AND read_us IS NULL {(last is null ? "" : "AND (created_us < @u OR (created_us = @u AND name <= @n))")}", cancel,
            ("t", Micros.FromInstant(clock.Now)), ("r", person), ("u", last ?? 0), ("n", until));
        return await UnreadAsync(tx, person, cancel);
    }, cancel);

    internal async Task<MailSettings> SettingsAsync(string person, CancellationToken cancel) => await database.ReadAsync(tx => SettingsAsync(tx, person, cancel), cancel);

    internal Task<MailSettings> SetAsync(string person, bool off, CancellationToken cancel) => database.WriteAsync(async tx =>
    {
        await tx.ExecuteAsync("UPDATE persons SET mail_off = @o WHERE name = @n", cancel, ("o", off ? 1 : 0), ("n", person));
        if (off) await tx.ExecuteAsync("UPDATE notices SET mail_due_us = NULL WHERE recipient = @n AND mail_due_us IS NOT NULL", cancel, ("n", person));
        return await SettingsAsync(tx, person, cancel);
    }, cancel);

    /// <summary>Forgets notices that are older than they need to be.</summary>
    internal Task<int> PurgeAsync(CancellationToken cancel) => database.WriteAsync(tx => tx.ExecuteAsync(
        "DELETE FROM notices WHERE created_us < @t", cancel, ("t", Micros.FromInstant(clock.Now - NodaTime.Duration.FromDays(options.KeepDays)))), cancel);

    /// <summary>Addresses as a person's row keeps them: commas between.</summary>
    internal static IReadOnlyList<string> Addresses(string emails) => emails.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private async Task<MailSettings> SettingsAsync(CalendarTransaction tx, string person, CancellationToken cancel)
    {
        var (emails, off) = (await tx.QueryAsync("SELECT emails, mail_off FROM persons WHERE name = @n", r => (r.GetString(0), r.GetInt32(1) != 0), cancel, ("n", person))).SingleOrDefault(("", false));
        return new MailSettings { Addresses = { Addresses(emails) }, MailOff = off, ServerSends = options.Smtp.Host.Length > 0 };
    }

    private static async Task<int> UnreadAsync(CalendarTransaction tx, string person, CancellationToken cancel) =>
        (await tx.QueryAsync("SELECT count(*) FROM notices WHERE recipient = @r AND read_us IS NULL", r => (int)r.GetInt64(0), cancel, ("r", person))).Single();

    private static string OneLine(string title) => title.ReplaceLineEndings(" ");

    private static Notification Map(System.Data.Common.DbDataReader row) => new()
    {
        Name = row.GetString(0),
        Kind = row.GetString(1),
        Subject = row.GetString(2),
        Title = row.GetString(3),
        Text = row.GetString(4),
        CreateTime = Timestamps.FromMicros(row.GetInt64(5)),
        ReadTime = Timestamps.FromMicros(row.IsDBNull(6) ? null : row.GetInt64(6)),
        MailTime = Timestamps.FromMicros(row.IsDBNull(7) ? null : row.GetInt64(7)),
        MailError = row.GetString(8),
    };
}
