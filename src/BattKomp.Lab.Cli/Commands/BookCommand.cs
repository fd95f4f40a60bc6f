using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>book: one booking on one or more channels, all or none; with --every a series of them.</summary>
internal static class BookCommand
{
    public static Command Create(Globals globals)
    {
        var o = new Options();
        var command = new Command("book", "Book one or more channels: all of them or none. Times are half-open: the end is not part of the booking.");
        o.AddTo(command);
        globals.Run(command, async session =>
        {
            if (session.Get(o.Every) is { } rule)
            {
                await SeriesAsync(session, o, rule);
                return;
            }
            var request = new CreateBookingRequest
            {
                Booking = o.Booking(session),
                RequestId = session.Get(o.RequestId) ?? Names.NewRequestId(),
                ValidateOnly = session.Get(o.DryRun),
                HoldMinutes = session.Get(o.Hold),
                Any = { o.Parts(session) },
            };
            var booking = await session.Connection.Bookings.CreateBookingAsync(request, session.Connection.Question(session.Cancel));
            var zone = await Catalogue.ZonesAsync(session);
            session.Report.Answer(booking, () =>
            {
                session.Report.Line(request.ValidateOnly ? "This would be accepted; nothing was booked." : booking.State switch { BookingState.Held => "Held.", BookingState.Pending => "Asked; the time is kept until the lab answers.", _ => "Booked." });
                foreach (var notice in booking.Notices) session.Report.Line("NOTE: " + notice);
                BookingText.Write(session.Report, booking, zone);
            });
        });
        return command;
    }

    private static async Task SeriesAsync(Session session, Options o, string rule)
    {
        var request = new CreateSeriesRequest
        {
            Booking = o.Booking(session, series: true),
            FirstStart = session.Get(o.Start)!,
            WallMinutes = o.WallMinutes(session),
            Rrule = rule.Replace("\\n", "\n", StringComparison.Ordinal),
            OnConflict = session.Get(o.SkipRefused) ? OnConflict.SkipRefused : OnConflict.RefuseAll,
            WhenTwice = session.Get(o.WhenTwice) switch { "earlier" => V1.WhenTwice.Earlier, "later" => V1.WhenTwice.Later, _ => V1.WhenTwice.Unspecified },
            RequestId = session.Get(o.RequestId) ?? Names.NewRequestId(),
            ValidateOnly = session.Get(o.DryRun),
        };
        var series = await session.Connection.Bookings.CreateSeriesAsync(request, session.Connection.Question(session.Cancel));
        session.Report.Answer(series, () =>
        {
            session.Report.Line(request.ValidateOnly ? $"Nothing was booked; {series.Booked} would be." : series.Booked == 0 ? "Nothing is kept:" : $"Booked {Words.Count(series.Booked, "instance")} as {series.Name}.");
            foreach (var item in series.Items)
            {
                session.Report.Line($"{item.Start}  {(item.Violations.Count > 0 ? "refused" : item.Booking.Length > 0 ? item.Booking : "free")}");
                foreach (var violation in item.Violations) session.Report.Line($"{violation.Reason}: {violation.Message}", 2);
            }
        });
        if (series.Booked == 0)
            throw new CliException(new Failure(ExitCodes.Refused, "SERIES_REFUSED", $"Nothing was booked: {Words.Count(series.Refused, "instance")} of {series.Items.Count} refused.")
            {
                Remedy = "Book the others with --skip-refused, or leave days out with an EXDATE line in --every.",
            });
    }

    private sealed class Options
    {
        private readonly Option<string[]> _channels = new("--channel") { Description = "rigs/…/channels/…; repeat it to book several together", DefaultValueFactory = _ => [] };
        private readonly Option<string> _start = new("--start") { Description = $"start: {TimeText.Forms}", Required = true };
        private readonly Option<string?> _end = new("--end") { Description = "end, written like the start" };
        private readonly Option<string?> _for = new("--for") { Description = "length instead of an end: 2h, 90m, 1d" };
        private readonly Option<string> _purpose = new("--purpose") { Description = "code: teaching, thesis, research, service, training, demonstration", Required = true };
        private readonly Option<string> _activity = new("--activity") { Description = "code: education, research, economic, maintenance", Required = true };
        private readonly Option<string> _level = new("--level") { Description = "education level code, e.g. vg2, bachelor, phd, none", Required = true };
        private readonly Option<int> _headcount = new("--headcount") { Description = "learners and staff, at least 1", Required = true };
        private readonly Option<int> _under15 = new("--under-15") { Description = "how many of them are below 15 or of compulsory school age" };
        private readonly Option<int> _from15 = new("--from-15-to-17") { Description = "how many of them are from 15 to 17" };
        private readonly Option<int> _instructors = new("--instructors") { Description = "how many of them are adults who teach and watch; say it where some are under 18" };
        private readonly Option<string> _track = new("--track") { Description = "what people under 18 are there for: none, school or apprenticeship", DefaultValueFactory = _ => "none" };
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

        public Option<string> Start => _start;

        public Option<string?> Every { get; } = new("--every")
        {
            Description = "repeat by an RFC 5545 rule, e.g. \"FREQ=WEEKLY;BYDAY=MO,WE;COUNT=20\"; --start is then the lab's wall time, 2026-11-30T08:15, and --for the length on that clock",
        };

        public Option<bool> SkipRefused { get; } = new("--skip-refused") { Description = "of a series: book the instances that can be" };

        public Option<string?> WhenTwice { get; } = new("--when-twice") { Description = "of a series: earlier or later, where the clocks go back over a start or end" };

        private readonly Option<string[]> _any = new("--any")
        {
            Description = "instead of --channel: so many channels of one rig that can do so much, e.g. \"8 x 5A\" or \"1 x 45C\" or \"2 x 4.2V,60W at labs/trondheim\"; repeat it for parts on other rigs of the same lab",
            DefaultValueFactory = _ => [],
        };

        public Option<int> Hold { get; } = new("--hold") { Description = "only hold the time for so many minutes; 'battlab bookings confirm' makes it firm" };

        public Option<string?> RequestId { get; } = new("--request-id") { Description = "repeat the same id to get the same booking instead of a second one" };

        public Option<bool> DryRun { get; } = new("--dry-run") { Description = "only say whether it would be accepted" };

        public Options()
        {
            _presence.AcceptOnlyFromAmong("on-site", "remote-view", "remote-operate");
            WhenTwice.AcceptOnlyFromAmong("earlier", "later");
            _visibility.AcceptOnlyFromAmong("open", "embargo", "consortium", "confidential");
        }

        public void AddTo(Command command)
        {
            System.CommandLine.Option[] all =
            [
                _channels, _any, _start, _end, _for, _purpose, _activity, _level, _headcount, _under15, _from15, _instructors, _track, _stages, _presence, _visibility, _until,
                _consortium, _procedure, _cellTest, _affiliation, _project, _title, Every, SkipRefused, WhenTwice, Hold, RequestId, DryRun,
            ];
            foreach (var option in all) command.Add(option);
        }

        /// <summary>Length on the wall clock, minutes.</summary>
        public int WallMinutes(Session session) => session.Get(_for) is { } length && session.Get(_end) is null
            ? (int)Math.Min(TimeText.Duration(length, "--for").TotalMinutes, int.MaxValue)
            : throw CliException.Invalid("FIELDS_INVALID", "A series has no length.", "Give it with --for 2h, and no --end.");

        private YoungPeople? Young(Session session) => session.Get(_under15) == 0 && session.Get(_from15) == 0 ? null : new YoungPeople
        {
            Under15 = session.Get(_under15),
            From15To17 = session.Get(_from15),
            Instructors = session.Get(_instructors),
            Track = session.Get(_track)!,
        };

        /// <summary>Parts of a bundle, as typed: "8 x 5A,4.2V at labs/…"; charge current counts for A.</summary>
        public IEnumerable<BookingPart> Parts(Session session) => session.Get(_any)!.Select(Part);

        private static BookingPart Part(string typed)
        {
            var match = System.Text.RegularExpressions.Regex.Match(typed, @"^\s*(\d+)\s*x\s*([\d.,AVWC\s]*?)(?:\s+at\s+(\S+))?\s*$", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1));
            var part = match.Success && int.TryParse(match.Groups[1].Value, out var count) ? new BookingPart { Count = count, Place = match.Groups[3].Value } : throw Unreadable(typed);
            foreach (var able in match.Groups[2].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                if (!double.TryParse(able[..^1], System.Globalization.CultureInfo.InvariantCulture, out var value)) throw Unreadable(typed);
                switch (able[^1])
                {
                    case 'A': part.ChargeAmpere = value; break;
                    case 'V': part.Volt = value; break;
                    case 'W': part.Watt = value; break;
                    case 'C': part.Celsius = value; break;
                    default: throw Unreadable(typed);
                }
            }
            return part;
        }

        private static CliException Unreadable(string typed) => CliException.Invalid("FIELDS_INVALID", $"'{typed}' is no part of a bundle.", "Write it like \"8 x 5A,4.2V\" or \"1 x 45C at labs/trondheim\".");

        public Booking Booking(Session session, bool series = false)
        {
            var booking = new Booking
            {
                Window = series ? null : Window(session),
                Purpose = session.Get(_purpose)!,
                ActivityClass = session.Get(_activity)!,
                EducationLevel = session.Get(_level)!,
                Headcount = session.Get(_headcount),
                YoungPeople = Young(session),
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
