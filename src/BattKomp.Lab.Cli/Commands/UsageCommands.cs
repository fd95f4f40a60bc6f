using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>usage list | get | economic | lost</summary>
internal static class UsageCommands
{
    public static Command Create(Globals globals) => new("usage", "Accounts of use by month: capacity, booked, energised, lost, wished for in vain.") { List(globals), Get(globals), Economic(globals), Lost(globals) };

    private static Command List(Globals globals)
    {
        var command = new Command("list", "Months that are closed.");
        globals.Run(command, async session =>
        {
            var found = await session.Connection.Usage.ListUsageSnapshotsAsync(new ListUsageSnapshotsRequest(), session.Connection.Question(session.Cancel));
            session.Report.Answer(found, () =>
            {
                session.Report.Line(found.Snapshots.Count == 0 ? "No month is closed yet." : $"{Words.Count(found.Snapshots.Count, "month")}:");
                foreach (var month in found.Snapshots) session.Report.Line($"{month.Name}, closed {TimeText.Utc(month.CreateTime)}");
            });
        });
        return command;
    }

    private static Command Get(Globals globals)
    {
        var month = new Argument<string>("month") { Description = "2026-11" };
        var folder = new Option<string>("--out", "-o") { Description = "folder for the files; made if it is not there", DefaultValueFactory = _ => "." };
        var command = new Command("get", "Save the files of a month, with the dictionary of their columns.") { month, folder };
        globals.Run(command, async session =>
        {
            var request = new GetUsageSnapshotRequest { Name = Names.Full(session.Get(month)!, "usageSnapshots") };
            var found = await session.Connection.Usage.GetUsageSnapshotAsync(request, session.Connection.Question(session.Cancel));
            var to = Path.Combine(session.Get(folder)!, $"usage-{found.Name[(found.Name.LastIndexOf('/') + 1)..]}");
            Directory.CreateDirectory(to);
            foreach (var file in found.Files) await File.WriteAllTextAsync(Path.Combine(to, Path.GetFileName(file.Name)), file.Text, session.Cancel);
            session.Report.Answer(found, () => session.Report.Line($"{found.Name}: {string.Join(", ", found.Files.Select(f => f.Name))} in {to}"));
        });
        return command;
    }

    private static Command Economic(Globals globals)
    {
        var lab = new Argument<string>("lab") { Description = "labs/…" };
        var year = new Option<int>("--year") { Description = "calendar year", Required = true };
        var command = new Command("economic", "Part of a lab's capacity that economic activity took, against its ceiling.") { lab, year };
        globals.Run(command, async session =>
        {
            var request = new GetEconomicShareRequest { Lab = Names.Full(session.Get(lab)!, "labs"), Year = session.Get(year) };
            var told = await session.Connection.Usage.GetEconomicShareAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(told, () => session.Report.Line(Sentence(told)));
        });
        return command;
    }

    private static Command Lost(Globals globals)
    {
        var booking = new Argument<string>("booking") { Description = "bookings/…" };
        var from = new Option<string>("--from") { Description = $"when it began: {TimeText.Forms}", Required = true };
        var to = new Option<string>("--to") { Description = "when it ended", Required = true };
        var why = new Option<string>("--why") { Description = "kept in the audit", Required = true };
        var overlap = new Option<bool>("--overlap") { Description = "log it although it overlaps what is logged" };
        var command = new Command("lost", "Log time that a booking's holder lost through no fault of theirs (lab staff).") { booking, from, to, why, overlap };
        globals.Run(command, async session =>
        {
            V1.TimeWindow Window() => new()
            {
                Start = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(TimeText.Instant(session.Get(from)!, "--from", session.Host.Time)),
                End = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(TimeText.Instant(session.Get(to)!, "--to", session.Host.Time)),
            };
            var request = new LogLostTimeRequest { Booking = Names.Full(session.Get(booking)!, "bookings"), Window = Window(), Why = session.Get(why)!, ConfirmOverlap = session.Get(overlap), RequestId = Names.NewRequestId() };
            var lost = await session.Connection.Usage.LogLostTimeAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(lost, () => session.Report.Line($"{lost.Name}: {TimeText.Utc(lost.Window.Start)} to {TimeText.Utc(lost.Window.End)} of {lost.Booking} is logged as lost."));
        });
        return command;
    }

    private static string Sentence(EconomicShare s)
    {
        if (!s.HasShareAtLeast) return $"{s.Lab} has no closed month with capacity in {s.Year}.";
        var share = !s.HasShareAtMost ? $"at least {Percent(s.ShareAtLeast)}" : s.ShareAtLeast == s.ShareAtMost ? $"{Percent(s.ShareAtLeast)}" : $"{Percent(s.ShareAtLeast)} to {Percent(s.ShareAtMost)}";
        return $"{s.Lab} in {s.Year} ({Words.Count(s.Months.Count, "closed month")}): economic activity took {share} of {Words.Number(s.CapacityHours)} channel-hours; " +
            $"the ceiling is {Percent(s.Ceiling)}: {Words.Of(s.Verdict)}.";
    }

    private static string Percent(double part) => $"{Words.Number(Math.Round(part * 100, 1))} %";
}
