using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>runs list | watch | events | completeness | gaps | stop</summary>
internal static class RunCommands
{
    public static Command Create(Globals globals) => new("runs", "What happens and happened on channels.") { List(globals), WatchCommand.Create(globals), Events(globals), CompletenessCommands.Completeness(globals), CompletenessCommands.Gaps(globals), Stop(globals) };

    private static Command List(Globals globals)
    {
        var of = new Option<string?>("--of") { Description = "only of this booking, cell test, rig or channel" };
        var active = new Option<bool>("--active") { Description = "only those that are not over" };
        var command = new Command("list", "List runs with their state.") { of, active };
        globals.Run(command, async session =>
        {
            var request = new ListRunsRequest { Of = session.Get(of) ?? "", ActiveOnly = session.Get(active) };
            var all = new ListRunsResponse();
            do
            {
                var page = await session.Connection.Runs.ListRunsAsync(request, session.Connection.Question(session.Cancel));
                all.Runs.Add(page.Runs);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            var zone = await Catalogue.ZonesAsync(session);
            session.Report.Answer(all, () => Text(session.Report, all, zone));
        });
        return command;
    }

    private static Command Events(Globals globals)
    {
        var run = new Argument<string>("run") { Description = "runs/…" };
        var command = new Command("events", "What happened in a run beside its records: steps, alarms, incidents, outages.") { run };
        globals.Run(command, async session =>
        {
            var all = new ListRunEventsResponse();
            var request = new ListRunEventsRequest { Name = Names.Full(session.Get(run), "runs"), PageSize = 1000 };
            do
            {
                var page = await session.Connection.Runs.ListRunEventsAsync(request, session.Connection.Question(session.Cancel));
                all.Events.Add(page.Events);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            session.Report.Answer(all, () =>
            {
                session.Report.Line($"{Words.Count(all.Events.Count, "event")} in {request.Name}.");
                foreach (var e in all.Events) session.Report.Line(EventText.Of(e));
            });
        });
        return command;
    }

    private static Command Stop(Globals globals)
    {
        var run = new Argument<string>("run") { Description = "runs/…" };
        var stop = new StopOptions();
        var command = new Command("stop", "Stop one run.") { run };
        stop.AddTo(command);
        globals.Run(command, async session =>
        {
            var request = new StopRunRequest
            {
                Name = Names.Full(session.Get(run), "runs"),
                Mode = stop.Mode(session),
                Reason = stop.Reason(session),
                WaitSeconds = stop.Wait(session).TotalSeconds,
                RequestId = Names.NewRequestId(),
            };
            var result = await session.Connection.Runs.StopRunAsync(request, session.Connection.Question(session.Cancel, stop.Wait(session)));
            session.Report.Answer(result, () => StopText.Write(session.Report, $"{request.Name} was told to stop.", result));
        });
        return command;
    }

    private static void Text(Report report, ListRunsResponse all, Func<string, TimeZoneInfo> zone)
    {
        report.Line($"{Words.Count(all.Runs.Count, "run")}.");
        foreach (var run in all.Runs)
        {
            report.Line();
            report.Line($"{run.Name}: {State(run)}");
            report.Line($"channel {run.Channel}", 2);
            report.Line($"from {TimeText.Local(run.StartTime, zone(run.Channel))}", 2);
            if (run.EndTime is not null) report.Line($"to   {TimeText.Local(run.EndTime, zone(run.Channel))}", 2);
            report.Line($"{Words.Count(run.RecordsStored, "record")} stored, {Words.Count(run.Segments.Count, "segment")}", 2);
            if (run.Flags.Count > 0) report.Line($"note: {string.Join(", ", run.Flags)}", 2);
        }
    }

    /// <summary>State, and why it ended when it has.</summary>
    public static string State(Run run) => Words.Of(run.State) + (run.EndReason.Length > 0 ? $" ({run.EndReason})" : "");
}
