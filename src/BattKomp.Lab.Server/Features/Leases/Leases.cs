using BattKomp.Lab.Server.Features.Agents;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.Leases;

/// <summary>A lease as the register knows it; instants in microseconds of machine time.</summary>
/// <param name="Name">leases/{lease}</param>
/// <param name="Booking">bookings/{booking}</param>
/// <param name="Agent">agents/… it is made out to.</param>
/// <param name="StartUs">Start of its window, inclusive.</param>
/// <param name="EndUs">End of its window, exclusive.</param>
/// <param name="TakenUs">When the agent said that it has it.</param>
public sealed record LeaseRow(string Name, string Booking, string Agent, long StartUs, long EndUs, long? TakenUs);

/// <summary>Leases that are out: given, taken, ended. The slice's one public interface.</summary>
public sealed class Leases(CalendarDatabase database, Orders orders, RunRegister runs, MachineClock clock, ILogger<Leases> log) : ILeasesOfBookings
{
    private const string Columns = "name, booking, agent, start_us, end_us, taken_us";

    /// <summary>The lease without a sending time; null when there is none of that name.</summary>
    public async Task<Lease?> FindAsync(string name, CancellationToken cancel) => (await database.ReadAsync(
        tx => tx.QueryAsync("SELECT doc FROM leases WHERE name = @n", r => Lease.Parser.ParseFrom(r.GetFieldValue<byte[]>(0)), cancel, ("n", name)), cancel)).SingleOrDefault();

    /// <summary>Every lease that is out, by name.</summary>
    public Task<List<LeaseRow>> OpenAsync(CancellationToken cancel) => database.ReadAsync(
        tx => tx.QueryAsync($"SELECT {Columns} FROM leases WHERE ended_us IS NULL ORDER BY name", Map, cancel), cancel);

    /// <summary>The window of a lease, microseconds, half-open; null when there is none of that name.</summary>
    public static async Task<(long StartUs, long EndUs)?> WindowAsync(CalendarTransaction tx, string name, CancellationToken cancel)
    {
        var rows = await tx.QueryAsync("SELECT start_us, end_us FROM leases WHERE name = @n", r => (r.GetInt64(0), r.GetInt64(1)), cancel, ("n", name));
        return rows.Count == 0 ? null : rows[0];
    }

    /// <summary>When a lease ended; null while it is out.</summary>
    public async Task<long?> EndedUsAsync(string name, CancellationToken cancel) => (await database.ReadAsync(
        tx => tx.QueryAsync("SELECT ended_us FROM leases WHERE name = @n", r => r.IsDBNull(0) ? (long?)null : r.GetInt64(0), cancel, ("n", name)), cancel)).SingleOrDefault();

    /// <summary>True when the booking has had a lease, whatever became of it.</summary>
    public async Task<bool> HasAnyAsync(string booking, CancellationToken cancel) => (await database.ReadAsync(
        tx => tx.QueryAsync("SELECT name FROM leases WHERE booking = @b LIMIT 1", r => r.GetString(0), cancel, ("b", booking)), cancel)).Count > 0;

    /// <summary>
    /// Keeps the lease and orders its sending. False, and nothing kept, when the booking has a lease for this agent already:
    /// this is what makes the sweep idempotent.
    /// </summary>
    public async Task<bool> TryGiveAsync(CalendarTransaction tx, Lease lease, CancellationToken cancel)
    {
        var kept = await tx.ExecuteAsync(
            "INSERT INTO leases (name, booking, agent, start_us, end_us, created_us, doc) VALUES (@n, @b, @a, @s, @e, @t, @d) ON CONFLICT (booking, agent) DO NOTHING", cancel,
            ("n", lease.Name), ("b", lease.Booking), ("a", lease.Agent), ("s", lease.Window.Start.ToMicros()), ("e", lease.Window.End.ToMicros()),
            ("t", Micros.FromInstant(clock.Now)), ("d", lease.ToByteArray()));
        if (kept == 1) await OrderAsync(tx, OrderKind.Lease, lease.Agent, lease.Name, new AgentOrder(), cancel);
        return kept == 1;
    }

    /// <summary>Ends a lease that is out and orders its safe stop; nothing happens when it has ended already.</summary>
    public async Task EndAsync(CalendarTransaction tx, string lease, string agent, string reason, CancellationToken cancel)
    {
        var ended = await tx.ExecuteAsync("UPDATE leases SET ended_us = @t, end_reason = @r WHERE name = @n AND ended_us IS NULL", cancel,
            ("t", Micros.FromInstant(clock.Now)), ("r", reason), ("n", lease));
        if (ended == 0) return;
        await orders.WithdrawAsync(tx, OrderKind.Lease, lease, reason, cancel);
        await OrderAsync(tx, OrderKind.EndLease, agent, lease, new AgentOrder { EndLease = new EndLease { Lease = lease, Reason = reason } }, cancel);
    }

    /// <inheritdoc/>
    public async Task FollowAsync(CalendarTransaction tx, string booking, StoredBooking successor, CancellationToken cancel)
    {
        var open = await tx.QueryAsync("SELECT agent, doc FROM leases WHERE booking = @b AND ended_us IS NULL", r => (Agent: r.GetString(0), Lease: Lease.Parser.ParseFrom(r.GetFieldValue<byte[]>(1))), cancel,
            ("b", booking));
        foreach (var (agent, lease) in open)
        {
            (lease.Booking, lease.Window) = (successor.Name, successor.Message.Window);
            await tx.ExecuteAsync("UPDATE leases SET booking = @b, start_us = @s, end_us = @e, doc = @d WHERE name = @n", cancel,
                ("b", successor.Name), ("s", lease.Window.Start.ToMicros()), ("e", lease.Window.End.ToMicros()), ("d", lease.ToByteArray()), ("n", lease.Name));
            // A copy with the new end takes the place of the one that the agent holds.
            if (await orders.FindLeaseOrderAsync(tx, agent, lease.Name, cancel) is null) await OrderAsync(tx, OrderKind.Lease, agent, lease.Name, new AgentOrder(), cancel);
        }
        await runs.FollowAsync(tx, booking, successor.Name, cancel);
    }

    /// <inheritdoc/>
    public void Wake() => orders.Wake();

    /// <inheritdoc/>
    public async Task<bool> IsIdleAsync(CalendarTransaction tx, string booking, long sinceUs, CancellationToken cancel)
    {
        var silent = await tx.QueryAsync(
            "SELECT l.name FROM leases l JOIN agents a ON a.name = l.agent WHERE l.booking = @b AND l.ended_us IS NULL AND (a.last_seen_us IS NULL OR a.last_seen_us < @t)",
            r => r.GetString(0), cancel, ("b", booking), ("t", sinceUs));
        return silent.Count == 0 && !await runs.AnyStartedAsync(tx, booking, cancel);
    }

    /// <inheritdoc/>
    public async Task<bool> WereGivenAsync(CalendarTransaction tx, string booking, CancellationToken cancel)
    {
        return (await tx.QueryAsync("SELECT count(*) FROM leases WHERE booking = @b", r => r.GetInt64(0), cancel, ("b", booking))).Single() > 0;
    }

    /// <summary>Ends every lease of an agent that is out.</summary>
    public async Task EndOfAgentAsync(CalendarTransaction tx, string agent, string reason, CancellationToken cancel)
    {
        foreach (var lease in await tx.QueryAsync($"SELECT {Columns} FROM leases WHERE agent = @a AND ended_us IS NULL", Map, cancel, ("a", agent)))
            await EndAsync(tx, lease.Name, agent, reason, cancel);
    }

    /// <summary>The agent has the lease, or says why not: then the lease is over and its runs have missed.</summary>
    internal async Task TakenAsync(string agent, LeaseTaken taken, CancellationToken cancel)
    {
        if (!taken.Accepted) log.LogWarning("{Agent} refused {Lease}: {Detail}", agent, taken.Lease, taken.Detail);
        await database.WriteAsync(async tx =>
        {
            if (await orders.FindLeaseOrderAsync(tx, agent, taken.Lease, cancel) is not { } order) return;
            await orders.AnswerAsync(tx, agent, order.Id, taken.Accepted, 0, taken.Detail, cancel);
            var now = Micros.FromInstant(clock.Now);
            if (taken.Accepted)
            {
                await tx.ExecuteAsync("UPDATE leases SET taken_us = @t WHERE name = @n AND taken_us IS NULL", cancel, ("t", now), ("n", taken.Lease));
                return;
            }
            await tx.ExecuteAsync("UPDATE leases SET ended_us = @t, end_reason = 'refused_by_agent', detail = @d WHERE name = @n AND ended_us IS NULL", cancel,
                ("t", now), ("d", taken.Detail), ("n", taken.Lease));
            await runs.MissAsync(tx, taken.Lease, "refused_by_agent: " + taken.Detail, cancel);
        }, cancel);
    }

    /// <summary>
    /// At hello: a lease the agent holds but must not is ended again, and one that it took but has lost (its disk was replaced)
    /// is sent again.
    /// </summary>
    internal Task ResumeAsync(string agent, IReadOnlyList<string> held, CancellationToken cancel) => database.WriteAsync(async tx =>
    {
        var open = await tx.QueryAsync($"SELECT {Columns} FROM leases WHERE agent = @a AND ended_us IS NULL", Map, cancel, ("a", agent));
        foreach (var stale in held.Where(h => open.All(o => o.Name != h)).Distinct().Take(1000))
        {
            await orders.WithdrawAsync(tx, OrderKind.EndLease, stale, "given again", cancel);
            await OrderAsync(tx, OrderKind.EndLease, agent, stale, new AgentOrder { EndLease = new EndLease { Lease = stale, Reason = "not_in_force" } }, cancel);
        }
        foreach (var lost in open.Where(o => o.TakenUs is not null && !held.Contains(o.Name)))
            if (await orders.FindLeaseOrderAsync(tx, agent, lost.Name, cancel) is null)
                await OrderAsync(tx, OrderKind.Lease, agent, lost.Name, new AgentOrder(), cancel);
    }, cancel);

    private Task OrderAsync(CalendarTransaction tx, OrderKind kind, string agent, string lease, AgentOrder message, CancellationToken cancel) =>
        orders.GiveAsync(tx, new Order("", lease, agent, kind, "", "", lease, message), cancel);

    private static LeaseRow Map(System.Data.Common.DbDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetInt64(4), row.IsDBNull(5) ? null : row.GetInt64(5));
}
