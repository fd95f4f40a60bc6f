using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>find: the first windows in which a booking would be accepted.</summary>
internal static class FindCommand
{
    public static Command Create(Globals globals)
    {
        var length = new Option<string>("--for") { Description = "length: 2h, 90m, 3d", Required = true };
        var count = new Option<int>("--count") { Description = "channels of one rig, together", DefaultValueFactory = _ => 1 };
        var from = new Option<string>("--from") { Description = $"from when: {TimeText.Forms}", DefaultValueFactory = _ => "now" };
        var to = new Option<string?>("--to") { Description = "until when starts are sought; 90 days after --from when not given" };
        var place = new Option<string?>("--at") { Description = "only at this lab (labs/…) or rig (rigs/…)" };
        var stage = new Option<string?>("--stage") { Description = "value-chain stage code" };
        var kind = new Option<string?>("--kind") { Description = "rig kind code, e.g. cell-cycler" };
        var charge = new Option<double>("--charge") { Description = "charging current that each channel must be able to, A" };
        var discharge = new Option<double>("--discharge") { Description = "discharging current, A" };
        var volt = new Option<double>("--volt") { Description = "voltage, V" };
        var celsius = new Option<double?>("--celsius") { Description = "temperature that each channel must allow, °C" };
        var presence = new Option<string>("--presence") { Description = "on-site, remote-view or remote-operate", DefaultValueFactory = _ => "on-site" };
        presence.AcceptOnlyFromAmong("on-site", "remote-view", "remote-operate");
        var heads = new Option<int>("--headcount") { Description = "learners and staff", DefaultValueFactory = _ => 1 };
        var activity = new Option<string?>("--activity") { Description = "activity class code, whose policies bind" };
        var most = new Option<int>("--most") { Description = "windows at most", DefaultValueFactory = _ => 10 };
        var command = new Command("find", "The first windows in which a booking would be accepted, over all labs unless said.")
        {
            length, count, from, to, place, stage, kind, charge, discharge, volt, celsius, presence, heads, activity, most,
        };
        globals.Run(command, async session =>
        {
            var start = TimeText.Instant(session.Get(from)!, "--from", session.Host.Time);
            var end = session.Get(to) is { } text ? TimeText.Instant(text, "--to", session.Host.Time) : start.AddDays(90);
            var request = new SearchAvailabilityRequest
            {
                Count = session.Get(count),
                LengthMinutes = (int)Math.Min(TimeText.Duration(session.Get(length)!, "--for").TotalMinutes, int.MaxValue),
                Within = new TimeWindow { Start = Timestamp.FromDateTimeOffset(start), End = Timestamp.FromDateTimeOffset(end) },
                Place = session.Get(place) ?? "",
                Stage = session.Get(stage) ?? "",
                RigKind = session.Get(kind) ?? "",
                ChargeAmpere = session.Get(charge),
                DischargeAmpere = session.Get(discharge),
                Volt = session.Get(volt),
                Presence = session.Get(presence) switch { "remote-view" => Presence.RemoteView, "remote-operate" => Presence.RemoteOperate, _ => Presence.OnSite },
                Headcount = session.Get(heads),
                ActivityClass = session.Get(activity) ?? "",
                MaxWindows = session.Get(most),
            };
            if (session.Get(celsius) is { } degrees) request.Celsius = degrees;
            var found = await session.Connection.Availability.SearchAvailabilityAsync(request, session.Connection.Question(session.Cancel));
            var zone = await Catalogue.ZonesAsync(session);
            session.Report.Answer(found, () => Text(session.Report, found, zone));
        });
        return command;
    }

    private static void Text(Report report, SearchAvailabilityResponse found, Func<string, TimeZoneInfo> zone)
    {
        report.Line(found.Windows.Count == 0 ? "No window." : $"{Words.Count(found.Windows.Count, "window")}.");
        foreach (var offer in found.Windows)
        {
            report.Line();
            report.Line($"{BookingText.When(offer.Window, zone(offer.Rig))}  {offer.Lab}");
            foreach (var channel in offer.Channels) report.Line(channel, 2);
        }
        foreach (var miss in found.NearMisses) report.Line($"not offered: {Words.Count(miss.Rigs, "rig")}, {miss.Reason}");
    }
}
