using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>bookings show | confirm | change | hand-over | check-in | release | approve | decline | approvals</summary>
internal static class BookingStepCommands
{
    public static IEnumerable<Command> All(Globals globals) =>
    [
        Step(globals, "show", "One booking, with whose approval it needs.", (c, name, _, options) => c.GetBookingAsync(new GetBookingRequest { Name = name }, options)),
        Step(globals, "confirm", "Make a hold firm.", (c, name, _, options) => c.ConfirmBookingAsync(new ConfirmBookingRequest { Name = name, RequestId = Names.NewRequestId() }, options)),
        Step(globals, "check-in", "Say that you have come; a run says so by itself.", (c, name, _, options) => c.CheckInAsync(new CheckInRequest { Name = name, RequestId = Names.NewRequestId() }, options)),
        Step(globals, "release", "Give the rest of the time back after checking in.", (c, name, _, options) => c.ReleaseBookingAsync(new ReleaseBookingRequest { Name = name, RequestId = Names.NewRequestId() }, options)),
        Step(globals, "approve", "Say yes for your lab to a booking that waits.", (c, name, why, options) => c.ApproveBookingAsync(new ApproveBookingRequest { Name = name, Reason = why, RequestId = Names.NewRequestId() }, options)),
        Step(globals, "decline", "Say no, with a reason that its holder is told.", (c, name, why, options) => c.DeclineBookingAsync(new DeclineBookingRequest { Name = name, Reason = why, RequestId = Names.NewRequestId() }, options)),
        Change(globals), HandOver(globals), Approvals(globals), CancelSeries(globals),
    ];

    private static Command Step(Globals globals, string verb, string description, Func<BookingService.BookingServiceClient, string, string, CallOptions, AsyncUnaryCall<Booking>> call)
    {
        var name = new Argument<string>("booking") { Description = "bookings/…" };
        var reason = new Option<string?>("--reason") { Description = "why" };
        var command = new Command(verb, description) { name };
        if (verb is "approve" or "decline") command.Add(reason);
        globals.Run(command, async session =>
        {
            var why = verb is "approve" or "decline" ? session.Get(reason) ?? "" : "";
            await TellAsync(session, await call(session.Connection.Bookings, Names.Full(session.Get(name), "bookings"), why, session.Connection.Question(session.Cancel)));
        });
        return command;
    }

    private static Command Change(Globals globals)
    {
        var name = new Argument<string>("booking") { Description = "bookings/…" };
        var start = new Option<string?>("--start") { Description = $"new start: {TimeText.Forms}" };
        var end = new Option<string?>("--end") { Description = "new end, written like the start" };
        var channels = new Option<string[]>("--channel") { Description = "the channels it takes instead; repeat it for several", DefaultValueFactory = _ => [] };
        var title = new Option<string?>("--title") { Description = "new title" };
        var reason = new Option<string?>("--reason") { Description = "why; required from staff who change another's booking" };
        var dry = new Option<bool>("--dry-run") { Description = "only say whether it would be accepted" };
        var command = new Command("change", "Move, lengthen, shorten or rename a booking, by all rules; its time is never free in between.") { name, start, end, channels, title, reason, dry };
        globals.Run(command, async session =>
        {
            var full = Names.Full(session.Get(name), "bookings");
            var former = await session.Connection.Bookings.GetBookingAsync(new GetBookingRequest { Name = full }, session.Connection.Question(session.Cancel));
            var request = new ChangeBookingRequest { Name = full, Booking = new Booking(), UpdateMask = new FieldMask(), Etag = former.Etag, Reason = session.Get(reason) ?? "", ValidateOnly = session.Get(dry), RequestId = Names.NewRequestId() };
            if (session.Get(start) is not null || session.Get(end) is not null)
            {
                request.UpdateMask.Paths.Add("window");
                request.Booking.Window = new TimeWindow { Start = At(session, start, "--start", former.Window.Start), End = At(session, end, "--end", former.Window.End) };
            }
            if (session.Get(channels) is { Length: > 0 } named)
            {
                request.UpdateMask.Paths.Add("channels");
                request.Booking.Channels.AddRange(named);
            }
            if (session.Get(title) is { } text)
            {
                request.UpdateMask.Paths.Add("title");
                request.Booking.Title = text;
            }
            var changed = await session.Connection.Bookings.ChangeBookingAsync(request, session.Connection.Question(session.Cancel));
            if (request.ValidateOnly) session.Report.Note("This would be accepted; nothing was changed.");
            await TellAsync(session, changed);
        });
        return command;
    }

    private static Command HandOver(Globals globals)
    {
        var name = new Argument<string>("booking") { Description = "bookings/…" };
        var to = new Option<string>("--to") { Description = "affiliations/… of the person who takes over", Required = true };
        var reason = new Option<string?>("--reason") { Description = "why; required from staff" };
        var command = new Command("hand-over", "Give a booking to another person, before it begins.") { name, to, reason };
        globals.Run(command, async session => await TellAsync(session, await session.Connection.Bookings.HandOverBookingAsync(
            new HandOverBookingRequest { Name = Names.Full(session.Get(name), "bookings"), Affiliation = Names.Full(session.Get(to)!, "affiliations"), Reason = session.Get(reason) ?? "", RequestId = Names.NewRequestId() },
            session.Connection.Question(session.Cancel))));
        return command;
    }

    private static Command CancelSeries(Globals globals)
    {
        var name = new Argument<string>("series") { Description = "series/…" };
        var from = new Option<string?>("--from") { Description = "bookings/…: only this instance and those after it" };
        var reason = new Option<string?>("--reason") { Description = "why; required from staff" };
        var command = new Command("cancel-series", "Cancel the instances of a series that have not begun.") { name, from, reason };
        globals.Run(command, async session =>
        {
            var request = new CancelSeriesRequest { Name = Names.Full(session.Get(name)!, "series"), From = session.Get(from) is { } f ? Names.Full(f, "bookings") : "", Reason = session.Get(reason) ?? "", RequestId = Names.NewRequestId() };
            var cancelled = await session.Connection.Bookings.CancelSeriesAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(cancelled, () => session.Report.Line($"{Words.Count(cancelled.Bookings.Count, "booking")} of {cancelled.Name} cancelled."));
        });
        return command;
    }

    private static Command Approvals(Globals globals)
    {
        var command = new Command("approvals", "Bookings that wait for your answer, longest waiting first.");
        globals.Run(command, async session =>
        {
            var waiting = await session.Connection.Bookings.ListApprovalsAsync(new ListApprovalsRequest(), session.Connection.Question(session.Cancel));
            var zone = await Catalogue.ZonesAsync(session);
            session.Report.Answer(waiting, () =>
            {
                session.Report.Line($"{Words.Count(waiting.Bookings.Count, "booking")} waiting.");
                foreach (var booking in waiting.Bookings)
                {
                    session.Report.Line();
                    BookingText.Write(session.Report, booking, zone);
                }
            });
        });
        return command;
    }

    private static Timestamp At(Session session, Option<string?> option, string flag, Timestamp otherwise) =>
        session.Get(option) is { } text ? Timestamp.FromDateTimeOffset(TimeText.Instant(text, flag, session.Host.Time)) : otherwise;

    private static async Task TellAsync(Session session, Booking booking)
    {
        var zone = await Catalogue.ZonesAsync(session);
        session.Report.Answer(booking, () =>
        {
            foreach (var notice in booking.Notices) session.Report.Line("NOTE: " + notice);
            BookingText.Write(session.Report, booking, zone);
        });
    }
}
