using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>incidents list | release</summary>
internal static class IncidentCommands
{
    public static Command Create(Globals globals) => new("incidents", "What stopped a rig and keeps it locked (lab staff).") { List(globals), Release(globals) };

    private static Command List(Globals globals)
    {
        var of = new Option<string?>("--of") { Description = "only of this lab or rig" };
        var all = new Option<bool>("--all") { Description = "also those that are released" };
        var command = new Command("list", "List incidents that wait for a release.") { of, all };
        globals.Run(command, async session =>
        {
            var found = new ListIncidentsResponse();
            var request = new ListIncidentsRequest { Of = session.Get(of) ?? "", OpenOnly = !session.Get(all) };
            do
            {
                var page = await session.Connection.Incidents.ListIncidentsAsync(request, session.Connection.Question(session.Cancel));
                found.Incidents.Add(page.Incidents);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            session.Report.Answer(found, () => Text(session.Report, found));
        });
        return command;
    }

    private static Command Release(Globals globals)
    {
        var incident = new Argument<string>("incident") { Description = "incidents/…" };
        var reason = new Option<string>("--reason") { Description = "why it is safe to go on; kept in the audit", Required = true };
        var command = new Command("release", "Release an incident; with the last one of a rig the rig is unlocked (lab managers).") { incident, reason };
        globals.Run(command, async session =>
        {
            var request = new ReleaseIncidentRequest { Name = Names.Full(session.Get(incident), "incidents"), Reason = session.Get(reason)!, RequestId = Names.NewRequestId() };
            var released = await session.Connection.Incidents.ReleaseIncidentAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(released, () => session.Report.Line($"{released.Name} of {released.Rig} is released."));
        });
        return command;
    }

    private static void Text(Report report, ListIncidentsResponse found)
    {
        report.Line(found.Incidents.Count == 0 ? "There are no incidents to see." : $"{Words.Count(found.Incidents.Count, "incident")}:");
        foreach (var i in found.Incidents)
        {
            report.Line();
            report.Line($"{i.Name}: {(i.State == Incident.Types.State.Open ? "OPEN, its rig is locked" : $"released by {i.ReleasedBy}: {i.ReleaseReason}")}");
            report.Line($"{i.Cause} on {(i.Channel.Length > 0 ? i.Channel : i.Rig)}, {i.OpenTime.ToDateTime():yyyy-MM-dd HH:mm:ss} UTC, by {i.OpenedBy}", 2);
            if (i.Detail.Length > 0) report.Line(i.Detail, 2);
            if (i.Runs.Count > 0) report.Line($"evidence kept: {string.Join(", ", i.Runs)}", 2);
        }
    }
}
