using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>rigs list | stop | release</summary>
internal static class RigCommands
{
    public static Command Create(Globals globals) => new("rigs", "Rigs and their channels.") { List(globals), Stop(globals), Release(globals) };

    private static Command List(Globals globals)
    {
        var lab = new Option<string?>("--lab") { Description = "only rigs of this lab, e.g. labs/halden" };
        var command = new Command("list", "List rigs with their channels, limits and state.") { lab };
        globals.Run(command, async session =>
        {
            var labs = await Catalogue.LabsAsync(session);
            var all = new ListRigsResponse();
            var request = new ListRigsRequest { Lab = session.Get(lab) ?? "" };
            do
            {
                var page = await session.Connection.Labs.ListRigsAsync(request, session.Connection.Question(session.Cancel));
                all.Rigs.Add(page.Rigs);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            session.Report.Answer(all, () => Text(session.Report, all, labs));
        });
        return command;
    }

    private static Command Stop(Globals globals)
    {
        var rig = new Argument<string>("rig") { Description = "rigs/…" };
        var stop = new StopOptions();
        var command = new Command("stop", "Stop every run of a rig and lock the rig until it is released.") { rig };
        stop.AddTo(command);
        globals.Run(command, async session =>
        {
            var request = new StopRigRequest
            {
                Name = Names.Full(session.Get(rig), "rigs"),
                Mode = stop.Mode(session),
                Reason = stop.Reason(session),
                WaitSeconds = stop.Wait(session).TotalSeconds,
                RequestId = Names.NewRequestId(),
            };
            var result = await session.Connection.Runs.StopRigAsync(request, session.Connection.Question(session.Cancel, stop.Wait(session)));
            session.Report.Answer(result, () => StopText.Write(session.Report, $"{request.Name} is locked until a lab manager releases it.", result));
        });
        return command;
    }

    private static Command Release(Globals globals)
    {
        var rig = new Argument<string>("rig") { Description = "rigs/…" };
        var reason = new Option<string>("--reason") { Description = "why it is safe to go on; kept in the audit", Required = true };
        var command = new Command("release", "Unlock a stopped rig (lab managers).") { rig, reason };
        globals.Run(command, async session =>
        {
            var request = new ReleaseRigRequest { Name = Names.Full(session.Get(rig), "rigs"), Reason = session.Get(reason)!, RequestId = Names.NewRequestId() };
            var released = await session.Connection.Runs.ReleaseRigAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(released, () => session.Report.Line($"{released.Name} is released."));
        });
        return command;
    }

    private static void Text(Report report, ListRigsResponse all, IReadOnlyDictionary<string, V1.Lab> labs)
    {
        report.Line(all.Rigs.Count == 0 ? "There are no rigs to see." : $"{Words.Count(all.Rigs.Count, "rig")}:");
        foreach (var rig in all.Rigs)
        {
            var lab = labs.GetValueOrDefault(rig.Lab);
            report.Line();
            report.Line($"{rig.Name}: {rig.Title}");
            report.Line($"state: {(rig.Locked ? "LOCKED until a lab manager releases it" : "ready")}", 2);
            report.Line($"lab: {rig.Lab}{(lab is null ? "" : $", {lab.Title}, time zone {lab.TimeZone}")}{(lab?.Kind == LabKind.Virtual ? ", SIMULATED" : "")}", 2);
            report.Line($"kind: {rig.RigKind}, at most {Words.Number(rig.MaxVolt)} V, {Words.Number(rig.MaxWattHour)} Wh, hazard class {rig.HazardClass}", 2);
            if (rig.AttendedOnly) report.Line("attended only: someone must be present while it is energised", 2);
            foreach (var channel in rig.Channels) report.Line($"channel {channel.Name}: {Limits(channel.Limits)}", 2);
        }
    }

    private static string Limits(ChannelLimits? limits) => limits is null
        ? "no limits given"
        : $"{Words.Number(limits.MinVolt)} to {Words.Number(limits.MaxVolt)} V, charge {Words.Number(limits.MaxChargeAmpere)} A, " +
          $"discharge {Words.Number(limits.MaxDischargeAmpere)} A, {Words.Number(limits.MaxWatt)} W";
}
