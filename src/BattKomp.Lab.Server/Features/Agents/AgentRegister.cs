using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Agents;

/// <summary>The agents this service knows, whether they are trusted, and which boot of each holds the line. The slice's interface for others.</summary>
public sealed class AgentRegister(CalendarDatabase database, AgentLines lines, Audit audit, MachineClock clock)
{
    private const string Columns = "name, lab, revoked_us, boot, last_seen_us, enrolled_us";

    // Stands for no boot at all and yet differs from every boot: the lines of the agent's earlier keys are no longer current.
    private const string NoBoot = "(enrolled)";

    /// <summary>The agent; null when nobody enrolled it.</summary>
    public async Task<Agent?> FindAsync(string name, CancellationToken cancel) => (await database.ReadAsync(
        tx => tx.QueryAsync($"SELECT {Columns} FROM agents WHERE name = @n", Map, cancel, ("n", name)), cancel)).SingleOrDefault();

    /// <summary>Up to <paramref name="limit"/> agents after a name.</summary>
    public Task<List<Agent>> AfterAsync(string after, int limit, CancellationToken cancel) => database.ReadAsync(
        tx => tx.QueryAsync($"SELECT {Columns} FROM agents WHERE name > @a ORDER BY name LIMIT @l", Map, cancel, ("a", after), ("l", limit)), cancel);

    /// <summary>The lab of an agent; null when there is none of that name.</summary>
    public static async Task<string?> LabOfAsync(CalendarTransaction tx, string name, CancellationToken cancel) =>
        (await tx.QueryAsync("SELECT lab FROM agents WHERE name = @n", r => r.GetString(0), cancel, ("n", name))).SingleOrDefault();

    /// <summary>True when the agent exists and is trusted; read in the transaction of the decision.</summary>
    public static async Task<bool> IsTrustedAsync(CalendarTransaction tx, string name, CancellationToken cancel) =>
        (await tx.QueryAsync("SELECT name FROM agents WHERE name = @n AND revoked_us IS NULL", r => r.GetString(0), cancel, ("n", name))).Count == 1;

    /// <summary>True when <paramref name="boot"/> is the newest boot that said hello, or none has yet.</summary>
    public async Task<bool> IsCurrentBootAsync(string name, string boot, CancellationToken cancel)
    {
        var current = await database.ReadAsync(tx => tx.QueryAsync("SELECT boot FROM agents WHERE name = @n", r => r.GetString(0), cancel, ("n", name)), cancel);
        return current.Count == 1 && (current[0].Length == 0 || current[0] == boot);
    }

    /// <summary>Stops trusting an agent; false when it was not trusted already.</summary>
    public async Task<bool> RevokeAsync(CalendarTransaction tx, string name, string by, string reason, CancellationToken cancel)
    {
        var rows = await tx.ExecuteAsync("UPDATE agents SET revoked_us = @t, revoked_reason = @r WHERE name = @n AND revoked_us IS NULL", cancel,
            ("t", Micros.FromInstant(clock.Now)), ("r", reason), ("n", name));
        if (rows == 0) return false;
        await tx.ExecuteAsync("DELETE FROM tokens WHERE subject = @n AND expires_us IS NOT NULL", cancel, ("n", name));
        await audit.WriteAsync(tx, by, "revoke-agent", name, reason, "", cancel);
        return true;
    }

    /// <summary>
    /// Makes or re-keys an agent: it is trusted, every token and session it had before ends, and boots are counted anew (the machine may be another).
    /// </summary>
    internal async Task GiveKeyAsync(CalendarTransaction tx, string name, string lab, byte[] publicKey, CancellationToken cancel)
    {
        var now = Micros.FromInstant(clock.Now);
        await tx.ExecuteAsync(
            "INSERT INTO agents (name, lab, public_key, enrolled_us, boot) VALUES (@n, @l, @k, @t, @b) ON CONFLICT (name) DO UPDATE SET " +
            "public_key = @k, enrolled_us = @t, boot = @b, boot_order = 0, revoked_us = NULL, revoked_reason = ''", cancel,
            ("n", name), ("l", lab), ("k", publicKey), ("t", now), ("b", NoBoot));
        await tx.ExecuteAsync("UPDATE tokens SET revoked_us = @t WHERE subject = @n AND revoked_us IS NULL", cancel, ("t", now), ("n", name));
        await audit.WriteAsync(tx, name, "enrol-agent", name, "", "", cancel);
    }

    /// <summary>True when this boot is the newest of the agent; it is noted as such. Equal order with another boot is a copy.</summary>
    public async Task<bool> IsNewestAsync(string name, string boot, long order, CancellationToken cancel)
    {
        if (!IsBoot(boot)) throw AgentErrors.Malformed("hello.boot must be 1–64 letters, digits or '-', unique for each start.");
        var current = await database.ReadAsync(tx => tx.QueryAsync("SELECT boot, boot_order FROM agents WHERE name = @n", r => (Boot: r.GetString(0), Order: r.GetInt64(1)), cancel,
            ("n", name)), cancel);
        if (current.Count == 1 && current[0] == (boot, order)) return true;
        return await database.WriteAsync(tx => TakeAsync(tx, name, boot, order, cancel), cancel);
    }

    /// <summary>
    /// Gives the line to this boot unless a newer one has had it: then it is refused and the attempt is recorded. Equal order
    /// with another boot is a copy and refused like an older one.
    /// </summary>
    /// <exception cref="Platform.Errors.LabException">AGENT_FENCED.</exception>
    public async Task TakeOverAsync(AgentCaller agent, Hello hello, CancellationToken cancel)
    {
        if (hello.Agent != agent.Name) throw await RefusedAsync(agent, hello, $"it says it is '{hello.Agent}'.", cancel);
        if (!IsBoot(hello.Boot)) throw AgentErrors.Malformed("hello.boot must be 1–64 letters, digits or '-', unique for each start.");
        if (!await database.WriteAsync(tx => TakeAsync(tx, agent.Name, hello.Boot, hello.BootOrder, cancel), cancel)) throw await RefusedAsync(agent, hello, $"a newer boot than '{hello.Boot}' has the line.", cancel);
    }

    /// <summary>Notes that the agent was heard.</summary>
    public Task SeenAsync(string name, CancellationToken cancel) => database.WriteAsync(
        tx => tx.ExecuteAsync("UPDATE agents SET last_seen_us = @t WHERE name = @n", cancel, ("t", Micros.FromInstant(clock.Now)), ("n", name)), cancel);

    private async Task<bool> TakeAsync(CalendarTransaction tx, string name, string boot, long order, CancellationToken cancel) => await tx.ExecuteAsync(
        "UPDATE agents SET boot = @b, boot_order = @o, last_seen_us = @t WHERE name = @n AND (boot_order < @o OR boot = '' OR (boot_order = @o AND boot = @b))", cancel,
        ("b", boot), ("o", order), ("t", Micros.FromInstant(clock.Now)), ("n", name)) == 1;

    private static bool IsBoot(string boot) => boot.Length is > 0 and <= 64 && boot.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private async Task<Platform.Errors.LabException> RefusedAsync(AgentCaller agent, Hello hello, string why, CancellationToken cancel)
    {
        await database.WriteAsync(tx => audit.WriteAsync(tx, agent.Name, "agent-fenced", agent.Name, why, $"boot {hello.Boot}, order {hello.BootOrder}", cancel), cancel);
        return AgentErrors.Fenced(agent.Name, why);
    }

    private Agent Map(System.Data.Common.DbDataReader row)
    {
        var name = row.GetString(0);
        return new Agent
        {
            Name = name,
            Lab = row.GetString(1),
            Revoked = !row.IsDBNull(2),
            Boot = row.GetString(3) is NoBoot ? "" : row.GetString(3),
            LastSeen = row.IsDBNull(4) ? null : Timestamps.FromMicros(row.GetInt64(4)),
            EnrolTime = Timestamps.FromMicros(row.IsDBNull(5) ? null : row.GetInt64(5)),
            Connected = lines.IsOpen(name),
        };
    }
}
