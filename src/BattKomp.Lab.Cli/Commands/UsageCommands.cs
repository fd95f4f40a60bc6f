using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>usage list | get | economic</summary>
internal static class UsageCommands
{
    public static Command Create(Globals globals) => new("usage", "Accounts of use by month: capacity, booked, energised, lost, wished for in vain.") { List(globals), Get(globals), Economic(globals) };

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

    private static string Sentence(EconomicShare s)
    {
        if (!s.HasShareAtLeast) return $"{s.Lab} has no closed month with capacity in {s.Year}.";
        var share = !s.HasShareAtMost ? $"at least {Percent(s.ShareAtLeast)}" : s.ShareAtLeast == s.ShareAtMost ? $"{Percent(s.ShareAtLeast)}" : $"{Percent(s.ShareAtLeast)} to {Percent(s.ShareAtMost)}";
        return $"{s.Lab} in {s.Year} ({Words.Count(s.Months.Count, "closed month")}): economic activity took {share} of {Words.Number(s.CapacityHours)} channel-hours; " +
            $"the ceiling is {Percent(s.Ceiling)}: {Words.Of(s.Verdict)}.";
    }

    private static string Percent(double part) => $"{Words.Number(Math.Round(part * 100, 1))} %";
}
