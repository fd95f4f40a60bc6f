using System.Collections.Concurrent;
using BattKomp.Lab.Domain.Bookings.Search;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Availability;

/// <summary>
/// What is taken, by channel, in memory. Read whole once; then new bookings, steps and outages of any server are followed: rows younger than the overlap are
/// looked at again and again, so that a transaction that commits late is not missed, and what they touched is read anew. Read whole again every few
/// minutes, whatever happened. A search that sees a second too little offers a window that the create then refuses.
/// </summary>
public sealed class AvailabilityIndex(CalendarDatabase database, MachineClock clock) : IDisposable
{
    private static readonly Duration Overlap = Duration.FromSeconds(30);
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan WholeEvery = TimeSpan.FromMinutes(10);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly HashSet<string> _seen = [];
    private volatile State? _state;

    private sealed record State(ConcurrentDictionary<string, ChannelTimes> Times, long Whole, long At, Instant AsOf, long LastId, long Committed);

    /// <summary>The times as of at most half a second ago, or now where this server has written since, and when that was.</summary>
    public async Task<(Func<string, ChannelTimes> Times, Instant AsOf)> GetAsync(CancellationToken cancel)
    {
        if (!IsFresh(_state))
        {
            await _turn.WaitAsync(cancel);
            try
            {
                if (!IsFresh(_state)) _state = await RefreshAsync(_state, cancel);
            }
            finally
            {
                _turn.Release();
            }
        }
        var current = _state!;
        return (channel => current.Times.GetValueOrDefault(channel, ChannelTimes.Free), current.AsOf);
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private bool IsFresh(State? state) => state is not null && clock.Provider.GetElapsedTime(state.At) <= Fresh && state.Committed == database.Committed;

    private Task<State> RefreshAsync(State? state, CancellationToken cancel) =>
        state is null || clock.Provider.GetElapsedTime(state.Whole) > WholeEvery ? WholeAsync(cancel) : FollowAsync(state, cancel);

    private async Task<State> WholeAsync(CancellationToken cancel)
    {
        var (stamp, now, committed) = (clock.Provider.GetTimestamp(), clock.Now, database.Committed);
        return await database.ReadAsync(async tx =>
        {
            var lastId = (await tx.QueryAsync("SELECT coalesce(max(id), 0) FROM bookings WHERE created_us < @t", r => r.GetInt64(0), cancel, ("t", Micros.FromInstant(now - Overlap)))).Single();
            _seen.Clear();
            return new State(new(await ReadAsync(tx, null, now, cancel)), stamp, clock.Provider.GetTimestamp(), now, lastId, committed);
        }, cancel);
    }

    private async Task<State> FollowAsync(State state, CancellationToken cancel)
    {
        var (now, committed) = (clock.Now, database.Committed);
        return await database.ReadAsync(async tx =>
        {
            var since = Micros.FromInstant(now - Overlap);
            var rows = await tx.QueryAsync(
                "SELECT id, created_us, name, 'new' FROM bookings WHERE id > @id UNION ALL SELECT 0, at_us, booking, CAST(version AS TEXT) FROM booking_steps WHERE at_us >= @t " +
                "UNION ALL SELECT 0, created_us, name, 'new' FROM outages WHERE created_us >= @t",
                r => (Id: r.GetInt64(0), At: r.GetInt64(1), Name: r.GetString(2), What: r.GetString(3)), cancel, ("id", state.LastId), ("t", since));
            var fresh = rows.Where(r => !_seen.Contains($"{r.Name} {r.What}")).ToList();
            if (fresh.Count > 0)
            {
                var postgres = tx.Dialect == "postgres";
                var touched = await tx.QueryAsync($"SELECT DISTINCT resource FROM occupancy WHERE booking {BookingStore.In(postgres, "names")}", r => r.GetString(0), cancel,
                    ("names", BookingStore.List(postgres, fresh.Select(f => f.Name).Distinct())));
                var times = await ReadAsync(tx, touched, now, cancel);
                foreach (var channel in touched) state.Times[channel] = times.GetValueOrDefault(channel, ChannelTimes.Free);
            }
            _seen.Clear();
            foreach (var row in rows) _seen.Add($"{row.Name} {row.What}");
            // Rows old enough that nothing older can still commit are not looked at again.
            var settled = rows.Where(r => r.Id > 0 && r.At < since).Select(r => r.Id).DefaultIfEmpty(state.LastId).Max();
            return state with { At = clock.Provider.GetTimestamp(), AsOf = now, LastId = settled, Committed = committed };
        }, cancel);
    }

    private static async Task<Dictionary<string, ChannelTimes>> ReadAsync(CalendarTransaction tx, IReadOnlyList<string>? channels, Instant now, CancellationToken cancel)
    {
        var postgres = tx.Dialect == "postgres";
        var (start, end, future) = postgres ? ("lower(during)", "upper(during)", "during && int8range(@t, NULL)") : ("start_us", "end_us", "end_us > @t");
        var which = channels is null ? "" : $" AND resource {BookingStore.In(postgres, "channels")}";
        var rows = await tx.QueryAsync($"SELECT resource, {start}, {end} FROM occupancy WHERE occupies = 1 AND {future}{which}", r => (Channel: r.GetString(0), Start: r.GetInt64(1), End: r.GetInt64(2)), cancel,
            ("t", Micros.FromInstant(now)), ("channels", BookingStore.List(postgres, channels ?? [])));
        return rows.GroupBy(r => r.Channel).ToDictionary(g => g.Key, g => new ChannelTimes(g.Select(r => (r.Start, r.End))));
    }
}
