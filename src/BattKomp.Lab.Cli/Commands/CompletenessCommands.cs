using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>runs completeness | gaps</summary>
internal static class CompletenessCommands
{
    public static Command Completeness(Globals globals)
    {
        var run = new Argument<string>("run") { Description = "runs/…" };
        var command = new Command("completeness", "The server's account of a run: expected, stored, missing, outages, kept aside.") { run };
        globals.Run(command, async session =>
        {
            var account = await session.Connection.Runs.GetCompletenessAsync(
                new GetCompletenessRequest { Name = Names.Full(session.Get(run), "runs") }, session.Connection.Question(session.Cancel));
            session.Report.Answer(account, () => Text(session.Report, account));
        });
        return command;
    }

    public static Command Gaps(Globals globals)
    {
        var run = new Argument<string>("run") { Description = "runs/…" };
        var stream = new Option<string?>("--stream") { Description = "only of this stream, agent/boot/stream" };
        var command = new Command("gaps", "Every sequence that the server misses of a run.") { run, stream };
        globals.Run(command, async session =>
        {
            var all = new ListGapsResponse();
            var request = new ListGapsRequest { Name = Names.Full(session.Get(run), "runs"), Stream = session.Get(stream) ?? "", PageSize = 1000 };
            do
            {
                var page = await session.Connection.Runs.ListGapsAsync(request, session.Connection.Question(session.Cancel));
                all.Gaps.Add(page.Gaps);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            session.Report.Answer(all, () =>
            {
                session.Report.Line(all.Gaps.Count == 0 ? "No gaps." : $"{Words.Count(all.Gaps.Count, "gap")}, {Words.Count(all.Gaps.Sum(g => g.Last - g.First + 1), "sequence")} missing:");
                foreach (var g in all.Gaps) session.Report.Line($"{g.Stream}: {g.First} to {g.Last}", 2);
            });
        });
        return command;
    }

    private static void Text(Report report, Completeness account)
    {
        report.Line($"{account.Run}: {(account.Complete ? "complete" : "NOT complete, or not yet known to be")}.");
        report.Line(account.Sentence + ".");
        foreach (var s in account.Streams)
        {
            report.Line();
            report.Line($"{s.Agent}/{s.Boot}/{s.Stream}: expected {(s.Expected < 0 ? "unknown" : $"{s.Expected}")}, stored {s.Stored}, {Words.Count(s.Gaps.Count, "gap")}");
            report.Line(s.Expected < 0 ? "not closed yet" : $"closed: {s.CloseReason}", 2);
            report.Line(s.ProvedFrom == "device_counter" ? "proved from the device's own counter" : "proved from the agent on; what the device said before is not known", 2);
            if (s.LedgerSha256.Length > 0) report.Line($"ledger {s.LedgerSha256}", 2);
        }
        foreach (var o in account.Outages) report.Line($"outage: {o.Cause}, {Words.Number((o.ToUtcNs - o.FromUtcNs) / 1e9)} s, {o.Stream}");
        foreach (var q in account.Quarantine) report.Line($"kept aside: {q.Stream} {q.Sequence}: {q.Reason}");
    }
}
