using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Idempotency;
using Microsoft.Data.Sqlite;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>SQLite: the writer gate is the lock; a statement costs microseconds, so they are sent one by one.</summary>
internal sealed class SqliteHotPath : CalendarHotPath
{
    private const int SqliteConstraint = 19;

    internal override async Task<HotFacts> LockAndLoadAsync(CalendarTransaction tx, HotQuery query, CancellationToken cancel)
    {
        EarlierAnswer? earlier = null;
        if (query.RequestId.Length > 0)
            earlier = (await tx.QueryAsync(RequestLog.FindSql, r => new EarlierAnswer(r.GetString(0), r.GetFieldValue<byte[]>(1)), cancel,
                ("s", query.Subject), ("r", query.RequestId))).SingleOrDefault();
        if (earlier is not null) return new HotFacts(earlier, [], []);
        var locked = await tx.QueryAsync("SELECT name FROM rigs WHERE locked_us IS NOT NULL AND name IN (SELECT value FROM json_each(@rigs))", r => r.GetString(0), cancel,
            ("rigs", BookingStore.List(false, query.Rigs)));
        return new HotFacts(null, await OccupiedAsync(tx, query.Resources, query.Window, cancel), [.. locked]) { Uses = await UsesAsync(tx, query.Uses, cancel) };
    }

    // Occupying rows of one resource never overlap, so of all that start before the window only the last can reach into it.
    internal override Task<List<Occupied>> OccupiedAsync(CalendarTransaction tx, IReadOnlyList<string> resources, TimeWindow window, CancellationToken cancel, string except = "") => tx.QueryAsync(
        "SELECT o.resource, o.start_us, o.end_us, o.kind FROM json_each(@resources) j JOIN occupancy o ON o.resource = j.value " +
        "WHERE o.occupies = 1 AND o.start_us < @end AND o.end_us > @start AND o.start_us >= coalesce(" +
        "(SELECT max(p.start_us) FROM occupancy p WHERE p.occupies = 1 AND p.resource = j.value AND p.start_us <= @start), @start)" + (except.Length > 0 ? " AND o.booking <> @except" : ""),
        r => new Occupied(r.GetString(0), BookingTimes.Window(r.GetInt64(1), r.GetInt64(2)), (OccupancyKind)r.GetInt32(3)), cancel,
        ("resources", BookingStore.List(false, resources.Distinct())), ("start", Micros.FromInstant(window.Start)), ("end", Micros.FromInstant(window.End)), ("except", except));

    internal override async Task InsertAsync(CalendarTransaction tx, StoredBooking booking, long nowUs, RequestAnswer? answer, CancellationToken cancel)
    {
        await tx.ExecuteAsync(BookingStore.InsertBooking, cancel, BookingStore.BookingValues(booking, nowUs));
        await OccupyAsync(tx, booking.Name, OccupancyKind.Booking, booking.Message.Channels, booking.Window, cancel);
        if (BookingStore.IsFirm(booking)) await tx.ExecuteAsync(BookingStore.InsertUsage, cancel, BookingStore.UsageValues(booking, nowUs));
        if (answer is not null)
            await tx.ExecuteAsync(RequestLog.StoreSql, cancel, ("s", answer.Subject), ("r", answer.RequestId), ("m", answer.Method),
                ("c", answer.ContentSha256), ("b", answer.Response), ("t", nowUs));
    }

    internal override Task OccupyAsync(CalendarTransaction tx, string owner, OccupancyKind kind, IReadOnlyList<string> resources, TimeWindow window, CancellationToken cancel) =>
        tx.ExecuteAsync("INSERT INTO occupancy (booking, resource, start_us, end_us, kind, occupies) SELECT @owner, value, @start, @end, @kind, 1 FROM json_each(@resources)", cancel,
            ("owner", owner), ("start", Micros.FromInstant(window.Start)), ("end", Micros.FromInstant(window.End)), ("kind", (int)kind),
            ("resources", BookingStore.List(false, resources)));

    internal override bool IsOverlap(Exception error) =>
        error is SqliteException { SqliteErrorCode: SqliteConstraint } e && e.Message.Contains("occupancy_no_overlap", StringComparison.Ordinal);
}
