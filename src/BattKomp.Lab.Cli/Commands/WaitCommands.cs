using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>waits join | list | leave</summary>
internal static class WaitCommands
{
    public static Command Create(Globals globals) => new("waits", "The line for time that is taken now.") { Join(globals), List(globals), Leave(globals) };

    private static Command Join(Globals globals)
    {
        var length = new Option<string>("--for") { Description = "length: 2h, 90m, 3d", Required = true };
        var from = new Option<string>("--from") { Description = $"from when: {TimeText.Forms}", DefaultValueFactory = _ => "now" };
        var to = new Option<string>("--to") { Description = "until when it would still be of use", Required = true };
        var place = new Option<string?>("--at") { Description = "only at this lab (labs/…) or rig (rigs/…)" };
        var count = new Option<int>("--count") { Description = "channels of one rig, together", DefaultValueFactory = _ => 1 };
        var purpose = new Option<string>("--purpose") { Description = "code: teaching, thesis, research, service, training, demonstration", Required = true };
        var activity = new Option<string>("--activity") { Description = "code: education, research, economic, maintenance", Required = true };
        var level = new Option<string>("--level") { Description = "education level code, e.g. vg2, bachelor, phd, none", Required = true };
        var heads = new Option<int>("--headcount") { Description = "learners and staff", DefaultValueFactory = _ => 1 };
        var affiliation = new Option<string?>("--affiliation") { Description = "affiliations/… when you have several" };
        var command = new Command("join", "Wait; when time comes free it is held for you for a while, and 'battlab bookings confirm' takes it.") { length, from, to, place, count, purpose, activity, level, heads, affiliation };
        globals.Run(command, async session =>
        {
            var request = new JoinWaitListRequest
            {
                Search = new SearchAvailabilityRequest
                {
                    LengthMinutes = (int)Math.Min(TimeText.Duration(session.Get(length)!, "--for").TotalMinutes, int.MaxValue),
                    Within = new TimeWindow
                    {
                        Start = Timestamp.FromDateTimeOffset(TimeText.Instant(session.Get(from)!, "--from", session.Host.Time)),
                        End = Timestamp.FromDateTimeOffset(TimeText.Instant(session.Get(to)!, "--to", session.Host.Time)),
                    },
                    Place = session.Get(place) ?? "",
                    Count = session.Get(count),
                    Headcount = session.Get(heads),
                    ActivityClass = session.Get(activity)!,
                },
                Booking = new Booking
                {
                    Purpose = session.Get(purpose)!,
                    ActivityClass = session.Get(activity)!,
                    EducationLevel = session.Get(level)!,
                    Headcount = session.Get(heads),
                    Presence = Presence.OnSite,
                    Affiliation = session.Get(affiliation) ?? "",
                },
                RequestId = Names.NewRequestId(),
            };
            var wait = await session.Connection.Waits.JoinWaitListAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(wait, () => session.Report.Line($"{wait.Name}: you wait. See 'battlab waits list'."));
        });
        return command;
    }

    private static Command List(Globals globals)
    {
        var all = new Option<bool>("--all") { Description = "also those that are over" };
        var command = new Command("list", "Your waits, and what is offered to you.") { all };
        globals.Run(command, async session =>
        {
            var found = await session.Connection.Waits.ListWaitsAsync(new ListWaitsRequest { IncludeEnded = session.Get(all) }, session.Connection.Question(session.Cancel));
            var zone = await Catalogue.ZonesAsync(session);
            session.Report.Answer(found, () =>
            {
                session.Report.Line($"{Words.Count(found.Waits.Count, "wait")}.");
                foreach (var wait in found.Waits)
                {
                    session.Report.Line($"{wait.Name}: {Words.Of(wait.State)}{(wait.State is WaitState.Waiting ? $", {wait.Ahead} ahead" : "")}{(wait.Displaced ? ", displaced by an outage" : "")}");
                    if (wait.State is WaitState.Offered) session.Report.Line($"{wait.Offer} is held for you until {TimeText.Local(wait.OfferExpireTime, zone(wait.Search.Place))}; battlab bookings confirm {wait.Offer}", 2);
                }
            });
        });
        return command;
    }

    private static Command Leave(Globals globals)
    {
        var name = new Argument<string>("wait") { Description = "waits/…" };
        var command = new Command("leave", "Leave the line; what is held for you is let go.") { name };
        globals.Run(command, async session =>
        {
            var left = await session.Connection.Waits.LeaveWaitListAsync(new LeaveWaitListRequest { Name = Names.Full(session.Get(name), "waits"), RequestId = Names.NewRequestId() }, session.Connection.Question(session.Cancel));
            session.Report.Answer(left, () => session.Report.Line($"{left.Name} is left."));
        });
        return command;
    }
}
