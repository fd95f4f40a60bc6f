using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Incidents;

/// <summary>Rows of incidents.</summary>
internal static class IncidentStore
{
    private const string Columns = "name, lab, rig, channel, cause, detail, opened_by, opened_us, agent_utc_ns, released_us, released_by, release_reason";

    /// <summary>False, and nothing kept, when this source has told of it before.</summary>
    internal static async Task<bool> TryInsertAsync(CalendarTransaction tx, Incident i, string source, long nowUs, CancellationToken cancel)
    {
        var made = await tx.ExecuteAsync(
            "INSERT INTO incidents (name, source, lab, rig, channel, cause, detail, opened_by, opened_us, agent_utc_ns) " +
            "VALUES (@n, @s, @l, @g, @c, @w, @d, @b, @t, @u) ON CONFLICT (source) DO NOTHING", cancel,
            ("n", i.Name), ("s", source), ("l", i.Lab), ("g", i.Rig), ("c", i.Channel), ("w", i.Cause), ("d", i.Detail), ("b", i.OpenedBy), ("t", nowUs), ("u", i.AgentUtcNs));
        if (made == 0) return false;
        foreach (var run in i.Runs.Distinct())
            await tx.ExecuteAsync("INSERT INTO incident_runs (incident, run) VALUES (@i, @r)", cancel, ("i", i.Name), ("r", run));
        return true;
    }

    internal static Task<Incident?> FindAsync(CalendarTransaction tx, string name, CancellationToken cancel) => OneAsync(tx, "name = @v", name, cancel);

    internal static Task<Incident?> OfSourceAsync(CalendarTransaction tx, string source, CancellationToken cancel) => OneAsync(tx, "source = @v", source, cancel);

    /// <summary>A page by name; the conditions come from this slice only.</summary>
    internal static async Task<List<Incident>> AfterAsync(CalendarTransaction tx, string condition, string value, bool openOnly, string after, int limit, CancellationToken cancel)
    {
        var open = openOnly ? " AND released_us IS NULL" : "";
        var page = await tx.QueryAsync($"SELECT {Columns} FROM incidents WHERE {condition}{open} AND name > @a ORDER BY name LIMIT @l", Map, cancel,
            ("v", value), ("a", after), ("l", limit));
        foreach (var incident in page) await WithRunsAsync(tx, incident, cancel);
        return page;
    }

    internal static async Task<bool> AnyOpenAsync(CalendarTransaction tx, string rig, CancellationToken cancel) =>
        (await tx.QueryAsync("SELECT name FROM incidents WHERE rig = @r AND released_us IS NULL LIMIT 1", r => r.GetString(0), cancel, ("r", rig))).Count > 0;

    /// <summary>Closes every open incident that the condition names.</summary>
    internal static Task CloseAsync(CalendarTransaction tx, string column, string value, long nowUs, string by, string reason, CancellationToken cancel) => tx.ExecuteAsync(
        $"UPDATE incidents SET released_us = @t, released_by = @b, release_reason = @w WHERE {column} = @v AND released_us IS NULL", cancel,
        ("t", nowUs), ("b", by), ("w", reason), ("v", value));

    internal static async Task<bool> IsFrozenAsync(CalendarTransaction tx, string run, CancellationToken cancel) => (await tx.QueryAsync(
        "SELECT i.name FROM incident_runs r JOIN incidents i ON i.name = r.incident WHERE r.run = @r AND i.released_us IS NULL LIMIT 1", r => r.GetString(0), cancel,
        ("r", run))).Count > 0;

    private static async Task<Incident?> OneAsync(CalendarTransaction tx, string condition, string value, CancellationToken cancel)
    {
        var hold = tx is { Dialect: "postgres", Transaction: not null } ? " FOR UPDATE" : "";
        var found = (await tx.QueryAsync($"SELECT {Columns} FROM incidents WHERE {condition}{hold}", Map, cancel, ("v", value))).SingleOrDefault();
        if (found is not null) await WithRunsAsync(tx, found, cancel);
        return found;
    }

    private static async Task WithRunsAsync(CalendarTransaction tx, Incident incident, CancellationToken cancel) =>
        incident.Runs.AddRange(await tx.QueryAsync("SELECT run FROM incident_runs WHERE incident = @i ORDER BY run", r => r.GetString(0), cancel, ("i", incident.Name)));

    private static Incident Map(System.Data.Common.DbDataReader row) => new()
    {
        Name = row.GetString(0),
        Lab = row.GetString(1),
        Rig = row.GetString(2),
        Channel = row.GetString(3),
        Cause = row.GetString(4),
        Detail = row.GetString(5),
        OpenedBy = row.GetString(6),
        OpenTime = Timestamps.FromMicros(row.GetInt64(7)),
        AgentUtcNs = row.GetInt64(8),
        State = row.IsDBNull(9) ? Incident.Types.State.Open : Incident.Types.State.Released,
        ReleaseTime = Timestamps.FromMicros(row.IsDBNull(9) ? null : row.GetInt64(9)),
        ReleasedBy = row.GetString(10),
        ReleaseReason = row.GetString(11),
    };
}
