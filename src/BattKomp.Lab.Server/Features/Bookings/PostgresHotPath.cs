using System.Data.Common;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Idempotency;
using Npgsql;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>
/// PostgreSQL: one batch to lock and look, one to write, because round trips are what a create costs. Each statement of a
/// batch takes its own snapshot, so the look after the lock sees what the lock waited for.
/// </summary>
internal sealed class PostgresHotPath : CalendarHotPath
{
    internal override async Task<HotFacts> LockAndLoadAsync(CalendarTransaction tx, HotQuery query, CancellationToken cancel)
    {
        await using var batch = Batch(tx);
        Add(batch, RequestLog.PostgresLockSql, ("k", RequestLog.LockKey(query.Subject, query.RequestId)));
        Add(batch, RequestLog.FindSql, ("s", query.Subject), ("r", query.RequestId));
        Add(batch, "SELECT pg_advisory_xact_lock(k) FROM unnest(@keys) AS k", ("keys", LockKeys(query.Resources)));
        Add(batch, "SELECT name FROM rigs WHERE locked_us IS NOT NULL AND name = ANY (@rigs)", ("rigs", query.Rigs.ToArray()));
        AddOccupied(batch, query.Resources, query.Window);
        if (query.RequestId.Length == 0)
        {
            batch.BatchCommands.RemoveAt(1);
            batch.BatchCommands.RemoveAt(0);
        }
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        EarlierAnswer? earlier = null;
        if (query.RequestId.Length > 0)
        {
            await reader.NextResultAsync(cancel);
            if (await reader.ReadAsync(cancel)) earlier = new EarlierAnswer(reader.GetString(0), reader.GetFieldValue<byte[]>(1));
            await reader.NextResultAsync(cancel);
        }
        await reader.NextResultAsync(cancel);
        var locked = new HashSet<string>();
        while (await reader.ReadAsync(cancel)) locked.Add(reader.GetString(0));
        await reader.NextResultAsync(cancel);
        return new HotFacts(earlier, await ReadOccupiedAsync(reader, cancel), locked);
    }

    internal override async Task<List<Occupied>> OccupiedAsync(CalendarTransaction tx, IReadOnlyList<string> resources, TimeWindow window, CancellationToken cancel)
    {
        await using var batch = Batch(tx);
        AddOccupied(batch, resources, window);
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        return await ReadOccupiedAsync(reader, cancel);
    }

    internal override async Task InsertAsync(CalendarTransaction tx, StoredBooking booking, long nowUs, RequestAnswer? answer, CancellationToken cancel)
    {
        await using var batch = Batch(tx);
        Add(batch, BookingStore.InsertBooking, BookingStore.BookingValues(booking, nowUs));
        AddOccupy(batch, booking.Name, OccupancyKind.Booking, booking.Message.Channels, booking.Window);
        Add(batch, BookingStore.InsertUsage, BookingStore.UsageValues(booking, nowUs));
        if (answer is not null)
            Add(batch, RequestLog.StoreSql, ("s", answer.Subject), ("r", answer.RequestId), ("m", answer.Method), ("c", answer.ContentSha256), ("b", answer.Response), ("t", nowUs));
        await batch.ExecuteNonQueryAsync(cancel);
    }

    internal override async Task OccupyAsync(CalendarTransaction tx, string owner, OccupancyKind kind, IReadOnlyList<string> resources, TimeWindow window, CancellationToken cancel)
    {
        await using var batch = Batch(tx);
        AddOccupy(batch, owner, kind, resources, window);
        await batch.ExecuteNonQueryAsync(cancel);
    }

    internal override bool IsOverlap(Exception error) =>
        error is PostgresException { SqlState: PostgresErrorCodes.ExclusionViolation, ConstraintName: "occupancy_no_overlap" };

    private static void AddOccupied(NpgsqlBatch batch, IReadOnlyList<string> resources, TimeWindow window) => Add(batch,
        // "occupies = 1" repeats the partial index's WHERE; without it the index is not used.
        "SELECT resource, lower(during), upper(during), kind FROM occupancy WHERE resource = ANY (@resources) AND during && int8range(@start, @end) AND occupies = 1",
        ("resources", resources.ToArray()), ("start", Micros.FromInstant(window.Start)), ("end", Micros.FromInstant(window.End)));

    private static void AddOccupy(NpgsqlBatch batch, string owner, OccupancyKind kind, IReadOnlyList<string> resources, TimeWindow window) => Add(batch,
        "INSERT INTO occupancy (booking, resource, during, kind, occupies) SELECT @owner, r, int8range(@start, @end), @kind, 1 FROM unnest(@resources) AS r ORDER BY r",
        ("owner", owner), ("start", Micros.FromInstant(window.Start)), ("end", Micros.FromInstant(window.End)), ("kind", (int)kind), ("resources", resources.ToArray()));

    private static async Task<List<Occupied>> ReadOccupiedAsync(DbDataReader reader, CancellationToken cancel)
    {
        var found = new List<Occupied>();
        while (await reader.ReadAsync(cancel))
            found.Add(new Occupied(reader.GetString(0), BookingTimes.Window(reader.GetInt64(1), reader.GetInt64(2)), (OccupancyKind)reader.GetInt32(3)));
        return found;
    }

    private static NpgsqlBatch Batch(CalendarTransaction tx) => new((NpgsqlConnection)tx.Connection, (NpgsqlTransaction?)tx.Transaction);

    private static void Add(NpgsqlBatch batch, string sql, params (string Name, object? Value)[] values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var (name, value) in values) command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        batch.BatchCommands.Add(command);
    }
}
