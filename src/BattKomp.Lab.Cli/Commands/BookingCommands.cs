using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>bookings list | cancel, and the steps of <see cref="BookingStepCommands"/></summary>
internal static class BookingCommands
{
    public static Command Create(Globals globals)
    {
        var command = new Command("bookings", "The calendar.") { List(globals), Cancel(globals) };
        foreach (var step in BookingStepCommands.All(globals)) command.Add(step);
        return command;
    }

    private static Command List(Globals globals)
    {
        var from = new Option<string>("--from") { Description = $"start of the window: {TimeText.Forms}", DefaultValueFactory = _ => "now" };
        var to = new Option<string?>("--to") { Description = "end of the window; 7 days after its start when not given" };
        var resource = new Option<string?>("--resource") { Description = "only this rig or channel" };
        var mine = new Option<bool>("--mine") { Description = "only my own" };
        var ended = new Option<bool>("--all") { Description = "also cancelled, expired and ended ones" };
        var command = new Command("list", "Bookings and outages that overlap a window, as far as you may see them.") { from, to, resource, mine, ended };
        globals.Run(command, async session =>
        {
            var start = TimeText.Instant(session.Get(from)!, "--from", session.Host.Time);
            var end = session.Get(to) is { } text ? TimeText.Instant(text, "--to", session.Host.Time) : start.AddDays(7);
            var request = new ListBookingsRequest
            {
                Window = new TimeWindow { Start = Timestamp.FromDateTimeOffset(start), End = Timestamp.FromDateTimeOffset(end) },
                Resource = session.Get(resource) ?? "",
                Mine = session.Get(mine),
                IncludeEnded = session.Get(ended),
            };
            var all = await AllAsync(session, request);
            var zone = await Catalogue.ZonesAsync(session);
            session.Report.Answer(all, () => Text(session.Report, all, zone));
        });
        return command;
    }

    private static Command Cancel(Globals globals)
    {
        var name = new Argument<string>("booking") { Description = "bookings/…" };
        var reason = new Option<string?>("--reason") { Description = "why; required from staff who cancel another's booking" };
        var command = new Command("cancel", "Cancel a booking and free its time.") { name, reason };
        globals.Run(command, async session =>
        {
            var request = new CancelBookingRequest { Name = Names.Full(session.Get(name), "bookings"), Reason = session.Get(reason) ?? "", RequestId = Names.NewRequestId() };
            var booking = await session.Connection.Bookings.CancelBookingAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(booking, () => session.Report.Line($"{booking.Name} is {Words.Of(booking.State)}; its time is free.{(booking.LateCancel ? " It was so late that it counts as use." : "")}"));
        });
        return command;
    }

    private static async Task<ListBookingsResponse> AllAsync(Session session, ListBookingsRequest request)
    {
        var all = new ListBookingsResponse();
        do
        {
            var page = await session.Connection.Bookings.ListBookingsAsync(request, session.Connection.Question(session.Cancel));
            all.Bookings.Add(page.Bookings);
            // Outages may come with every page; each is listed once.
            all.Outages.AddRange(page.Outages.Where(o => all.Outages.All(seen => seen.Name != o.Name)));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return all;
    }

    private static void Text(Report report, ListBookingsResponse all, Func<string, TimeZoneInfo> zone)
    {
        report.Line($"{Words.Count(all.Bookings.Count, "booking")}, {Words.Count(all.Outages.Count, "outage")}.");
        foreach (var booking in all.Bookings.OrderBy(b => b.Window.Start.ToDateTimeOffset()))
        {
            report.Line();
            BookingText.Write(report, booking, zone);
        }
        foreach (var outage in all.Outages)
        {
            report.Line();
            report.Line($"{outage.Name}: outage");
            report.Line(BookingText.When(outage.Window, zone(outage.Resources.FirstOrDefault() ?? "")), 2);
            foreach (var resource in outage.Resources) report.Line(resource, 2);
            if (outage.Why.Length > 0) report.Line($"why: {outage.Why}", 2);
        }
    }
}

/// <summary>One booking as lines.</summary>
internal static class BookingText
{
    public static void Write(Report report, Booking booking, Func<string, TimeZoneInfo> zone)
    {
        report.Line(booking.BusyOnly ? "busy" : $"{(booking.Name.Length > 0 ? booking.Name : "booking")}: {Words.Of(booking.State)}{(booking.Title.Length > 0 ? $", {booking.Title}" : "")}");
        report.Line(When(booking.Window, zone(booking.Channels.FirstOrDefault() ?? "")), 2);
        foreach (var channel in booking.Channels) report.Line(channel, 2);
        if (booking.BusyOnly) return;
        if (booking.Holder.Length > 0) report.Line($"held by {booking.Holder}", 2);
        if (booking.Purpose.Length > 0)
            report.Line($"purpose {booking.Purpose}, activity {booking.ActivityClass}, level {booking.EducationLevel}, {Words.Count(booking.Headcount, "person")}", 2);
        if (booking.StateReason.Length > 0) report.Line($"reason: {booking.StateReason}", 2);
        var local = zone(booking.Channels.FirstOrDefault() ?? "");
        if (booking.ExpireTime is { } expires) report.Line($"ends by itself {TimeText.Local(expires, local)} unless {(booking.State is BookingState.Held ? "you confirm it" : "it is approved")}", 2);
        if (booking.CheckInTime is { } came) report.Line($"checked in {TimeText.Local(came, local)}", 2);
        foreach (var approval in booking.Approvals)
            report.Line($"approval of {approval.Owner}: {(approval.Decision is Decision.OpenDecision ? approval.Escalated ? "open, also to the coordinator" : "open" : $"{Words.Of(approval.Decision)} by {approval.DecidedBy}")}", 2);
        if (booking.Predecessor.Length > 0) report.Line($"takes the place of {booking.Predecessor}", 2);
        if (booking.Successor.Length > 0) report.Line($"its place was taken by {booking.Successor}", 2);
    }

    public static string When(TimeWindow window, TimeZoneInfo zone) =>
        $"{TimeText.Local(window.Start, zone)} to {TimeText.Local(window.End, zone)} " +
        $"({TimeText.Words(window.End.ToDateTimeOffset() - window.Start.ToDateTimeOffset())})";
}
