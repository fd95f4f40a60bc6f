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
    // The locks come first and alone: what stands in the same statement would look with a snapshot from before the wait.
    private const string Lock = "SELECT pg_advisory_xact_lock(k) FROM unnest(@keys) AS k";

    private const string LockWithRequest = "SELECT pg_advisory_xact_lock(k) FROM unnest(ARRAY[hashtextextended(@request, 7)] || @keys) AS k";

    // One statement a resource: GiST cannot search for a list, and a join leaves the planner (on a new database, without
    // statistics) free to read every resource's rows in the window. "occupies = 1" repeats the partial index's WHERE.
    private const string OccupyingRows = "FROM occupancy o WHERE o.resource = @resource AND o.during && int8range(@start, @end) AND o.occupies = 1";

    private const string Occupying = $"SELECT o.resource, lower(o.during), upper(o.during), o.kind {OccupyingRows}";

    private const string OccupyingByOthers = Occupying + " AND o.booking <> @except";

    private const string Look =
        "SELECT content_sha256, NULL::bigint, NULL::bigint, -1, response FROM requests WHERE subject = @subject AND request_id = @request_id " +
        "UNION ALL SELECT name, NULL, NULL, 0, NULL FROM rigs WHERE locked_us IS NOT NULL AND name = ANY (@rigs) " +
        $"UNION ALL SELECT o.resource, lower(o.during), upper(o.during), o.kind, NULL {OccupyingRows}";

    private const string Occupy =
        "INSERT INTO occupancy (booking, resource, during, kind, occupies) SELECT @name, r, int8range(@start, @end), @kind, 1 FROM unnest(@resources) AS r";

    internal override async Task<HotFacts> LockAndLoadAsync(CalendarTransaction tx, HotQuery query, CancellationToken cancel)
    {
        await using var batch = Batch(tx);
        if (query.RequestId.Length > 0)
            Add(batch, LockWithRequest, ("request", RequestLog.LockKey(query.Subject, query.RequestId)), ("keys", LockKeys(query.Resources.Concat(query.Guards))));
        else
            Add(batch, Lock, ("keys", LockKeys(query.Resources.Concat(query.Guards))));
        var resources = query.Resources.Distinct().ToList();
        Add(batch, Look, ("subject", query.Subject), ("request_id", query.RequestId), ("rigs", query.Rigs.ToArray()), ("resource", resources[0]),
            ("start", Micros.FromInstant(query.Window.Start)), ("end", Micros.FromInstant(query.Window.End)));
        AddOccupying(batch, resources.Skip(1), query.Window);
        foreach (var use in query.Uses) Add(batch, use.Sql, use.Values);
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        await reader.NextResultAsync(cancel);
        var (earlier, occupied, locked) = ((EarlierAnswer?)null, new List<Occupied>(), new HashSet<string>());
        while (await reader.ReadAsync(cancel))
            switch (reader.GetInt32(3))
            {
                case -1:
                    earlier = new EarlierAnswer(reader.GetString(0), reader.GetFieldValue<byte[]>(4));
                    break;
                case 0:
                    locked.Add(reader.GetString(0));
                    break;
                default:
                    occupied.Add(Row(reader));
                    break;
            }
        for (var i = 1; i < resources.Count && await reader.NextResultAsync(cancel); i++) await ReadAsync(reader, occupied, cancel);
        var uses = new List<IReadOnlyList<UseRow>>();
        while (await reader.NextResultAsync(cancel))
        {
            var rows = new List<UseRow>();
            while (await reader.ReadAsync(cancel)) rows.Add(UseQuery.Row(reader));
            uses.Add(rows);
        }
        return new HotFacts(earlier, occupied, locked) { Uses = uses };
    }

    internal override async Task<List<Occupied>> OccupiedAsync(CalendarTransaction tx, IReadOnlyList<string> resources, TimeWindow window, CancellationToken cancel, string except = "")
    {
        await using var batch = Batch(tx);
        AddOccupying(batch, resources.Distinct(), window, except);
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        var found = new List<Occupied>();
        do await ReadAsync(reader, found, cancel);
        while (await reader.NextResultAsync(cancel));
        return found;
    }

    internal override async Task InsertAsync(CalendarTransaction tx, StoredBooking booking, long nowUs, RequestAnswer? answer, CancellationToken cancel)
    {
        await using var batch = Batch(tx);
        // The same names mean the same values in all of them.
        var values = BookingStore.BookingValues(booking, nowUs).Concat(BookingStore.UsageValues(booking, nowUs)).DistinctBy(v => v.Item1)
            .Append(("kind", (int)OccupancyKind.Booking)).Append(("resources", booking.Message.Channels.ToArray()));
        if (answer is not null)
            values = values.Concat([("s", answer.Subject), ("r", answer.RequestId), ("m", answer.Method), ("c", answer.ContentSha256), ("b", answer.Response), ("t", nowUs)]);
        Add(batch, Insert(BookingStore.IsFirm(booking), answer is not null), [.. values]);
        await batch.ExecuteNonQueryAsync(cancel);
    }

    internal override async Task OccupyAsync(CalendarTransaction tx, string owner, OccupancyKind kind, IReadOnlyList<string> resources, TimeWindow window, CancellationToken cancel)
    {
        await using var batch = Batch(tx);
        Add(batch, Occupy, ("name", owner), ("start", Micros.FromInstant(window.Start)), ("end", Micros.FromInstant(window.End)), ("kind", (int)kind), ("resources", resources.ToArray()));
        await batch.ExecuteNonQueryAsync(cancel);
    }

    internal override bool IsOverlap(Exception error) =>
        error is PostgresException { SqlState: PostgresErrorCodes.ExclusionViolation, ConstraintName: "occupancy_no_overlap" };

    private static void AddOccupying(NpgsqlBatch batch, IEnumerable<string> resources, TimeWindow window, string except = "")
    {
        foreach (var resource in resources)
            Add(batch, except.Length > 0 ? OccupyingByOthers : Occupying, ("resource", resource), ("except", except), ("start", Micros.FromInstant(window.Start)), ("end", Micros.FromInstant(window.End)));
    }

    private static async Task ReadAsync(DbDataReader reader, List<Occupied> into, CancellationToken cancel)
    {
        while (await reader.ReadAsync(cancel)) into.Add(Row(reader));
    }

    private static Occupied Row(DbDataReader row) => new(row.GetString(0), BookingTimes.Window(row.GetInt64(1), row.GetInt64(2)), (OccupancyKind)row.GetInt32(3));

    private static string Insert(bool firm, bool answered) =>
        $"WITH b AS ({BookingStore.InsertBooking}){(firm ? $", u AS ({BookingStore.InsertUsage})" : "")}{(answered ? $", a AS ({RequestLog.StoreSql})" : "")} {Occupy}";

    private static NpgsqlBatch Batch(CalendarTransaction tx) => new((NpgsqlConnection)tx.Connection, (NpgsqlTransaction?)tx.Transaction);

    private static void Add(NpgsqlBatch batch, string sql, params (string Name, object? Value)[] values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var (name, value) in values) command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        batch.BatchCommands.Add(command);
    }
}
