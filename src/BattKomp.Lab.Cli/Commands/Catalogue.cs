using BattKomp.Lab.Contracts;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>What text answers need of the catalogue: each lab's own time zone.</summary>
internal static class Catalogue
{
    /// <summary>Every lab by name.</summary>
    public static async Task<IReadOnlyDictionary<string, V1.Lab>> LabsAsync(Session session)
    {
        var labs = new Dictionary<string, V1.Lab>();
        var request = new ListLabsRequest();
        do
        {
            var page = await session.Connection.Labs.ListLabsAsync(request, session.Connection.Question(session.Cancel));
            foreach (var lab in page.Labs) labs[lab.Name] = lab;
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return labs;
    }

    /// <summary>The zone of the lab in which a rig or channel stands, by rig name; JSON answers need none and ask for none.</summary>
    public static async Task<Func<string, TimeZoneInfo>> ZonesAsync(Session session)
    {
        if (session.Report.Json) return _ => TimeZoneInfo.Utc;
        var labs = await LabsAsync(session);
        var zones = new Dictionary<string, TimeZoneInfo>();
        var request = new ListRigsRequest();
        do
        {
            var page = await session.Connection.Labs.ListRigsAsync(request, session.Connection.Question(session.Cancel));
            foreach (var rig in page.Rigs)
                if (labs.TryGetValue(rig.Lab, out var lab)) zones[rig.Name] = TimeText.Zone(lab.TimeZone);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return resource => zones.GetValueOrDefault(ResourceNames.RigOf(resource), TimeZoneInfo.Utc);
    }
}
