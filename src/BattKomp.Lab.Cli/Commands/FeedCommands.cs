using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>feed create | list | revoke | import</summary>
internal static class FeedCommands
{
    public static Command Create(Globals globals) => new("feed", "Your bookings, a rig or a lab in any calendar program; closures of a lab from a file.")
    {
        CreateFeed(globals), List(globals), Revoke(globals), Import(globals),
    };

    private static Command CreateFeed(Globals globals)
    {
        var of = new Argument<string>("of") { Description = "rigs/…, rigs/…/channels/… or labs/…; nothing = your own bookings", DefaultValueFactory = _ => "" };
        var command = new Command("create", "Make a feed. Its address is told once: whoever has it sees what you see.") { of };
        globals.Run(command, async session =>
        {
            var feed = await session.Connection.Feeds.CreateFeedAsync(new CreateFeedRequest { Of = session.Get(of) ?? "" }, session.Connection.Question(session.Cancel));
            session.Report.Answer(feed, () =>
            {
                session.Report.Line($"{feed.Name} shows {feed.Of}. Subscribe to this address, which is not told again:");
                session.Report.Line(feed.Url);
                session.Report.Line($"Whoever has it sees what you see. To end it: battlab feed revoke {feed.Name}");
            });
        });
        return command;
    }

    private static Command List(Globals globals)
    {
        var command = new Command("list", "Your feeds that are not revoked.");
        globals.Run(command, async session =>
        {
            var found = await session.Connection.Feeds.ListFeedsAsync(new ListFeedsRequest(), session.Connection.Question(session.Cancel));
            session.Report.Answer(found, () =>
            {
                session.Report.Line(found.Feeds.Count == 0 ? "You have no feeds." : $"{Words.Count(found.Feeds.Count, "feed")}:");
                foreach (var feed in found.Feeds) session.Report.Line($"{feed.Name}: {feed.Of}, since {TimeText.Utc(feed.CreateTime)}");
            });
        });
        return command;
    }

    private static Command Revoke(Globals globals)
    {
        var name = new Argument<string>("feed") { Description = "feeds/…" };
        var command = new Command("revoke", "End a feed: its address is answered like one that never was.") { name };
        globals.Run(command, async session =>
        {
            var request = new RevokeFeedRequest { Name = Names.Full(session.Get(name)!, "feeds"), RequestId = Names.NewRequestId() };
            var feed = await session.Connection.Feeds.RevokeFeedAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(feed, () => session.Report.Line($"{feed.Name} of {feed.Of} is revoked."));
        });
        return command;
    }

    private static Command Import(Globals globals)
    {
        var lab = new Argument<string>("lab") { Description = "labs/…" };
        var file = new Argument<string>("file") { Description = "iCalendar file of whole-day events" };
        var check = new Option<bool>("--check") { Description = "only say what would be imported" };
        var command = new Command("import", "Close a lab on the days of an iCalendar file (lab managers).") { lab, file, check };
        globals.Run(command, async session =>
        {
            var ics = await File.ReadAllTextAsync(session.Get(file)!, session.Cancel);
            var request = new ImportClosuresRequest { Lab = Names.Full(session.Get(lab)!, "labs"), Ics = ics, ValidateOnly = session.Get(check), RequestId = Names.NewRequestId() };
            var done = await session.Connection.Feeds.ImportClosuresAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(done, () => session.Report.Line(
                $"{(request.ValidateOnly ? "Would be: " : "")}{Words.Count(done.Imported, "closure")} imported, {done.Removed} removed; {Words.Count(done.BookingsAffected, "booking")} on those days."));
        });
        return command;
    }
}
