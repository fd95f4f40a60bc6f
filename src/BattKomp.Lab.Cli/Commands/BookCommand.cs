using System.CommandLine;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>book: one booking on one or more channels, all or none.</summary>
internal static class BookCommand
{
    public static Command Create(Globals globals)
    {
        var o = new Options();
        var command = new Command("book", "Book one or more channels: all of them or none. Times are half-open: the end is not part of the booking.");
        o.AddTo(command);
        globals.Run(command, async session =>
        {
            var request = new CreateBookingRequest
            {
                Booking = o.Booking(session),
                RequestId = session.Get(o.RequestId) ?? Names.NewRequestId(),
                ValidateOnly = session.Get(o.DryRun),
            };
            var booking = await session.Connection.Bookings.CreateBookingAsync(request, session.Connection.Question(session.Cancel));
            var zone = await Catalogue.ZonesAsync(session);
            session.Report.Answer(booking, () =>
            {
                session.Report.Line(request.ValidateOnly ? "This would be accepted; nothing was booked." : "Booked.");
                foreach (var notice in booking.Notices) session.Report.Line("NOTE: " + notice);
                BookingText.Write(session.Report, booking, zone);
            });
        });
        return command;
    }

    private sealed class Options
    {
        private readonly Option<string[]> _channels = new("--channel") { Description = "rigs/…/channels/…; repeat it to book several together", Required = true };
        private readonly Option<string> _start = new("--start") { Description = $"start: {TimeText.Forms}", Required = true };
        private readonly Option<string?> _end = new("--end") { Description = "end, written like the start" };
        private readonly Option<string?> _for = new("--for") { Description = "length instead of an end: 2h, 90m, 1d" };
        private readonly Option<string> _purpose = new("--purpose") { Description = "code: teaching, thesis, research, service, training, demonstration", Required = true };
        private readonly Option<string> _activity = new("--activity") { Description = "code: education, research, economic, maintenance", Required = true };
        private readonly Option<string> _level = new("--level") { Description = "education level code, e.g. vg2, bachelor, phd, none", Required = true };
        private readonly Option<int> _headcount = new("--headcount") { Description = "learners and staff, at least 1", Required = true };
        private readonly Option<string[]> _stages = new("--stage") { Description = "value-chain stage code; may be repeated", DefaultValueFactory = _ => [] };
        private readonly Option<string> _presence = new("--presence") { Description = "on-site, remote-view or remote-operate", DefaultValueFactory = _ => "on-site" };
        private readonly Option<string> _visibility = new("--visibility") { Description = "open, embargo, consortium or confidential", DefaultValueFactory = _ => "open" };
        private readonly Option<string?> _until = new("--embargo-until") { Description = "when an embargo opens, written like the start" };
        private readonly Option<string[]> _consortium = new("--consortium") { Description = "organisations/… of a consortium; may be repeated", DefaultValueFactory = _ => [] };
        private readonly Option<string?> _procedure = new("--procedure") { Description = "procedures/…/versions/… that the lease will carry" };
        private readonly Option<string?> _cellTest = new("--cell-test") { Description = "cellTests/… the runs will belong to" };
        private readonly Option<string?> _affiliation = new("--affiliation") { Description = "affiliations/… under which the time is used, when you have several" };
        private readonly Option<string?> _project = new("--project") { Description = "project that the time belongs to" };
        private readonly Option<string?> _title = new("--title") { Description = "a short title" };

        public Option<string?> RequestId { get; } = new("--request-id") { Description = "repeat the same id to get the same booking instead of a second one" };

        public Option<bool> DryRun { get; } = new("--dry-run") { Description = "only say whether it would be accepted" };

        public Options()
        {
            _presence.AcceptOnlyFromAmong("on-site", "remote-view", "remote-operate");
            _visibility.AcceptOnlyFromAmong("open", "embargo", "consortium", "confidential");
        }

        public void AddTo(Command command)
        {
            System.CommandLine.Option[] all =
            [
                _channels, _start, _end, _for, _purpose, _activity, _level, _headcount, _stages, _presence, _visibility, _until,
                _consortium, _procedure, _cellTest, _affiliation, _project, _title, RequestId, DryRun,
            ];
            foreach (var option in all) command.Add(option);
        }

        public Booking Booking(Session session)
        {
            var booking = new Booking
            {
                Window = Window(session),
                Purpose = session.Get(_purpose)!,
                ActivityClass = session.Get(_activity)!,
                EducationLevel = session.Get(_level)!,
                Headcount = session.Get(_headcount),
                Presence = session.Get(_presence) switch { "remote-view" => Presence.RemoteView, "remote-operate" => Presence.RemoteOperate, _ => Presence.OnSite },
                Visibility = Visibility(session),
                Procedure = session.Get(_procedure) ?? "",
                CellTest = session.Get(_cellTest) ?? "",
                Affiliation = session.Get(_affiliation) ?? "",
                Project = session.Get(_project) ?? "",
                Title = session.Get(_title) ?? "",
            };
            booking.Channels.AddRange(session.Get(_channels)!);
            booking.Stages.AddRange(session.Get(_stages)!);
            return booking;
        }

        private TimeWindow Window(Session session)
        {
            var start = TimeText.Instant(session.Get(_start)!, "--start", session.Host.Time);
            var end = (session.Get(_end), session.Get(_for)) switch
            {
                ({ } at, null) => TimeText.Instant(at, "--end", session.Host.Time),
                (null, { } length) => start + TimeText.Duration(length, "--for"),
                (null, null) => throw CliException.Invalid("FIELDS_INVALID", "The booking has no end.", "Give --end, or a length with --for 2h."),
                _ => throw CliException.Invalid("FIELDS_INVALID", "Both --end and --for are given.", "Give one of them."),
            };
            return new TimeWindow { Start = Timestamp.FromDateTimeOffset(start), End = Timestamp.FromDateTimeOffset(end) };
        }

        private Visibility Visibility(Session session)
        {
            var visibility = new Visibility
            {
                Kind = session.Get(_visibility) switch
                {
                    "embargo" => VisibilityKind.Embargo,
                    "consortium" => VisibilityKind.Consortium,
                    "confidential" => VisibilityKind.Confidential,
                    _ => VisibilityKind.Open,
                },
            };
            if (session.Get(_until) is { } until) visibility.EmbargoUntil = Timestamp.FromDateTimeOffset(TimeText.Instant(until, "--embargo-until", session.Host.Time));
            visibility.Consortium.AddRange(session.Get(_consortium)!);
            return visibility;
        }
    }
}
