using BattKomp.Lab.Server.Features.Agents;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Incidents;

/// <summary>
/// Incidents lock their rig and freeze the evidence of its runs until a lab manager has released them. The slice's one public
/// interface: agents report here, the human stop opens here, and every unlocking of a rig goes through here.
/// </summary>
public sealed class Incidents(
    CalendarDatabase database, Catalogue.Catalogue catalogue, RunRegister runs, Orders orders, Audit audit, MachineClock clock, ILogger<Incidents> log)
{
    /// <summary>Cause of an incident that a person opened by stopping a rig or a lab.</summary>
    public const string HumanStop = "human_stop";

    private const int LongestId = 200, LongestDetail = 2000;

    /// <summary>True while an open incident needs the records of the run.</summary>
    public Task<bool> IsFrozenAsync(string run, CancellationToken cancel) => database.ReadAsync(tx => IncidentStore.IsFrozenAsync(tx, run, cancel), cancel);

    /// <summary>
    /// An agent says that something stopped one of its channels. Told again it changes nothing, unless a person has released it
    /// meanwhile: then the agent is told so again.
    /// </summary>
    internal async Task ReportedAsync(string agent, IncidentReport report, CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        var channel = snapshot.Channel(report.Channel);
        if (channel is null || channel.Agent != agent || report.Id.Length is 0 or > LongestId)
        {
            log.LogWarning("{Agent} reports incident '{Id}' on {Channel}, which it does not serve, or without an id.", agent, report.Id, report.Channel);
            return;
        }
        var rig = snapshot.RigOfChannel(channel.Name)!;
        await database.WriteAsync(async tx =>
        {
            var incident = New(rig, agent, report.Cause.Length > 0 ? report.Cause : "unknown", report.Detail);
            (incident.Channel, incident.AgentUtcNs) = (channel.Name, report.UtcNs);
            incident.Runs.AddRange(await RunRegister.ActiveOnRigAsync(tx, rig.Name, cancel));
            if (await RunRegister.IsOfChannelAsync(tx, report.Run, channel.Name, cancel)) incident.Runs.Add(report.Run);
            var source = agent + "/" + report.Id;
            if (await OpenAsync(tx, incident, source, cancel)) await StopOthersAsync(tx, rig, incident, cancel);
            else await TellReleasedAsync(tx, source, agent, channel.Name, cancel);
        }, cancel);
        catalogue.Forget();
        runs.NoteChanged();
        orders.Wake();
    }

    /// <summary>A person has stopped a rig; the same stop told again is the same incident.</summary>
    internal async Task StoppedAsync(CalendarTransaction tx, Rig rig, string person, string reason, string stop, CancellationToken cancel)
    {
        var incident = New(rig, person, HumanStop, reason);
        incident.Runs.AddRange(await RunRegister.ActiveOnRigAsync(tx, rig.Name, cancel));
        await OpenAsync(tx, incident, $"stop/{stop}/{rig.Name}", cancel);
    }

    /// <summary>Closes one incident; the rig is unlocked with its last one.</summary>
    internal async Task ReleaseAsync(CalendarTransaction tx, Incident incident, Rig rig, string person, string reason, CancellationToken cancel)
    {
        await IncidentStore.CloseAsync(tx, "name", incident.Name, Micros.FromInstant(clock.Now), person, reason, cancel);
        await audit.WriteAsync(tx, person, "release-incident", incident.Name, reason, rig.Name, cancel);
        if (!await IncidentStore.AnyOpenAsync(tx, rig.Name, cancel)) await UnlockAsync(tx, rig, person, reason, cancel);
    }

    /// <summary>Closes every incident of a rig and unlocks it.</summary>
    internal async Task ReleaseRigAsync(CalendarTransaction tx, Rig rig, string person, string reason, CancellationToken cancel)
    {
        await IncidentStore.CloseAsync(tx, "rig", rig.Name, Micros.FromInstant(clock.Now), person, reason, cancel);
        await UnlockAsync(tx, rig, person, reason, cancel);
    }

    private static Incident New(Rig rig, string by, string cause, string detail) => new()
    {
        Name = "incidents/" + Guid.CreateVersion7().ToString("N"),
        Lab = rig.Lab,
        Rig = rig.Name,
        Cause = Cut(cause, LongestId),
        Detail = Cut(detail, LongestDetail),
        OpenedBy = by,
    };

    private async Task<bool> OpenAsync(CalendarTransaction tx, Incident incident, string source, CancellationToken cancel)
    {
        var now = Micros.FromInstant(clock.Now);
        if (!await IncidentStore.TryInsertAsync(tx, incident, source, now, cancel)) return false;
        await catalogue.SetLockAsync(tx, incident.Rig, now, incident.OpenedBy, incident.Cause, cancel);
        await audit.WriteAsync(tx, incident.OpenedBy, "open-incident", incident.Name, incident.Cause, incident.Detail, cancel);
        return true;
    }

    // What stopped one channel may concern its neighbours: they go to their safe step and wait for the same release.
    private async Task StopOthersAsync(CalendarTransaction tx, Rig rig, Incident incident, CancellationToken cancel)
    {
        var batch = Guid.NewGuid().ToString("N");
        foreach (var other in rig.Channels.Where(c => c.Agent.Length > 0 && c.Name != incident.Channel))
        {
            var run = await RunRegister.ActiveOnChannelAsync(tx, other.Name, cancel);
            var message = new AgentOrder { Stop = new StopChannel { Channel = other.Name, Mode = StopMode.Safe, Reason = $"{incident.Cause} on {incident.Channel}", Lock = true } };
            await orders.GiveAsync(tx, new Order("", batch, other.Agent, OrderKind.Stop, other.Name, run?.Name ?? "", run?.Lease ?? "", message), cancel);
        }
    }

    private async Task TellReleasedAsync(CalendarTransaction tx, string source, string agent, string channel, CancellationToken cancel)
    {
        if (await IncidentStore.OfSourceAsync(tx, source, cancel) is not { State: Incident.Types.State.Released } known) return;
        // The rig may have been locked again by something else: then the channel stays as it is.
        if (await IncidentStore.AnyOpenAsync(tx, known.Rig, cancel) || await Catalogue.Catalogue.IsLockedAsync(tx, known.Rig, cancel)) return;
        await orders.WithdrawOfChannelAsync(tx, OrderKind.Release, channel, "given again", cancel);
        await GiveReleaseAsync(tx, agent, channel, known.ReleaseReason, cancel);
    }

    private async Task UnlockAsync(CalendarTransaction tx, Rig rig, string person, string reason, CancellationToken cancel)
    {
        await catalogue.SetLockAsync(tx, rig.Name, null, "", "", cancel);
        await audit.WriteAsync(tx, person, "release-rig", rig.Name, reason, "", cancel);
        foreach (var channel in rig.Channels.Where(c => c.Agent.Length > 0))
        {
            await orders.WithdrawOfChannelAsync(tx, OrderKind.Stop, channel.Name, "released", cancel);
            await GiveReleaseAsync(tx, channel.Agent, channel.Name, reason, cancel);
        }
    }

    private Task GiveReleaseAsync(CalendarTransaction tx, string agent, string channel, string reason, CancellationToken cancel) => orders.GiveAsync(
        tx, new Order("", Guid.NewGuid().ToString("N"), agent, OrderKind.Release, channel, "", "", new AgentOrder { Release = new ReleaseChannel { Channel = channel, Reason = reason } }),
        cancel);

    private static string Cut(string text, int most) => text.Length <= most ? text : text[..most];
}
