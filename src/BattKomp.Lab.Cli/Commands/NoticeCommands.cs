using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>notices [list] | read | mail</summary>
internal static class NoticeCommands
{
    public static Command Create(Globals globals) => new("notices", "What you were told: offers, approvals, cancellations, closures, qualifications.")
    {
        List(globals), Read(globals), Mail(globals),
    };

    private static Command List(Globals globals)
    {
        var unread = new Option<bool>("--unread") { Description = "only what you have not read" };
        var limit = new Option<int>("--limit") { Description = "how many, newest first (at most 200)", DefaultValueFactory = _ => 20 };
        var command = new Command("list", "Your notices, newest first.") { unread, limit };
        globals.Run(command, async session =>
        {
            var request = new ListNotificationsRequest { UnreadOnly = session.Get(unread), PageSize = session.Get(limit) };
            var found = await session.Connection.Notices.ListNotificationsAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(found, () =>
            {
                session.Report.Line(found.Notifications.Count == 0 ? "Nothing was told to you." : $"{Words.Count(found.Notifications.Count, "notice")}, {found.Unread} unread in all:");
                foreach (var notice in found.Notifications)
                {
                    session.Report.Line($"{(notice.ReadTime is null ? "* " : "  ")}{TimeText.Utc(notice.CreateTime)}  {notice.Title}{(notice.MailError.Length > 0 ? $"  (mail: {notice.MailError})" : "")}");
                    foreach (var line in notice.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries)) session.Report.Line($"    {line}");
                }
                if (found.NextPageToken.Length > 0) session.Report.Line("There are older ones: raise --limit.");
            });
        });
        return command;
    }

    private static Command Read(Globals globals)
    {
        var until = new Argument<string>("until") { Description = "notifications/…: it and all older; nothing = all", DefaultValueFactory = _ => "" };
        var command = new Command("read", "Mark notices as read.") { until };
        globals.Run(command, async session =>
        {
            var name = session.Get(until) is { Length: > 0 } text ? Names.Full(text, "notifications") : "";
            var done = await session.Connection.Notices.MarkNotificationsReadAsync(new MarkNotificationsReadRequest { Until = name }, session.Connection.Question(session.Cancel));
            session.Report.Answer(done, () => session.Report.Line($"Marked; {done.Unread} unread."));
        });
        return command;
    }

    private static Command Mail(Globals globals)
    {
        var set = new Argument<string>("set") { Description = "on or off; nothing = only show", DefaultValueFactory = _ => "" };
        set.AcceptOnlyFromAmong("on", "off", "");
        var command = new Command("mail", "Whether notices come by e-mail too, and where to.") { set };
        globals.Run(command, async session =>
        {
            var question = session.Connection.Question(session.Cancel);
            var settings = session.Get(set) is { Length: > 0 } word
                ? await session.Connection.Notices.SetMailSettingsAsync(new SetMailSettingsRequest { MailOff = word == "off" }, question)
                : await session.Connection.Notices.GetMailSettingsAsync(new GetMailSettingsRequest(), question);
            session.Report.Answer(settings, () => session.Report.Line(
                !settings.ServerSends ? "This server sends no mail."
                : settings.Addresses.Count == 0 ? "Your organisation has told no address of yours."
                : $"Mail is {(settings.MailOff ? "off" : "on")}: {string.Join(", ", settings.Addresses)}"));
        });
        return command;
    }
}

/// <summary>webhook create | list | revoke</summary>
internal static class WebhookCommands
{
    public static Command Create(Globals globals) => new("webhook", "Changes of a lab's bookings, posted to other programs as CloudEvents (lab managers).")
    {
        CreateWebhook(globals), List(globals), Revoke(globals),
    };

    private static Command CreateWebhook(Globals globals)
    {
        var lab = new Argument<string>("lab") { Description = "labs/…" };
        var url = new Argument<string>("url") { Description = "https://…" };
        var command = new Command("create", "Post changes from now on. The secret that signs them is told once.") { lab, url };
        globals.Run(command, async session =>
        {
            var made = await session.Connection.Notices.CreateWebhookAsync(new CreateWebhookRequest { Lab = Names.Full(session.Get(lab)!, "labs"), Url = session.Get(url)! }, session.Connection.Question(session.Cancel));
            session.Report.Answer(made, () =>
            {
                session.Report.Line($"{made.Name} posts changes of bookings at {made.Lab} to {made.Url}. Its secret, not told again:");
                session.Report.Line(made.Secret);
            });
        });
        return command;
    }

    private static Command List(Globals globals)
    {
        var lab = new Argument<string>("lab") { Description = "labs/…" };
        var command = new Command("list", "Webhooks of a lab, and how their last delivery went.") { lab };
        globals.Run(command, async session =>
        {
            var found = await session.Connection.Notices.ListWebhooksAsync(new ListWebhooksRequest { Lab = Names.Full(session.Get(lab)!, "labs") }, session.Connection.Question(session.Cancel));
            session.Report.Answer(found, () =>
            {
                session.Report.Line(found.Webhooks.Count == 0 ? "There are none." : $"{Words.Count(found.Webhooks.Count, "webhook")}:");
                foreach (var w in found.Webhooks)
                    session.Report.Line($"{w.Name}: {w.Url}, {w.Waiting} waiting, {(w.LastDeliveryTime is { } at ? $"last taken {TimeText.Utc(at)}" : "nothing taken yet")}{(w.LastError.Length > 0 ? $"; last attempt: {w.LastError}" : "")}");
            });
        });
        return command;
    }

    private static Command Revoke(Globals globals)
    {
        var name = new Argument<string>("webhook") { Description = "webhooks/…" };
        var command = new Command("revoke", "End a webhook; what waits is dropped.") { name };
        globals.Run(command, async session =>
        {
            var done = await session.Connection.Notices.RevokeWebhookAsync(new RevokeWebhookRequest { Name = Names.Full(session.Get(name)!, "webhooks") }, session.Connection.Question(session.Cancel));
            session.Report.Answer(done, () => session.Report.Line($"{done.Name} of {done.Lab} is revoked."));
        });
        return command;
    }
}
