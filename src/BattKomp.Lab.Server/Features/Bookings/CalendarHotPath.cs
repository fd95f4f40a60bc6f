using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Platform.Database;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>
/// The statements on the way of every create, in each dialect's best form. The order is the contract: lock the request id,
/// lock the resources, look, decide, write, all in the caller's transaction.
/// </summary>
internal abstract class CalendarHotPath
{
    /// <summary>The path of a dialect.</summary>
    internal static CalendarHotPath Of(CalendarDatabase database) => database.Dialect == "postgres" ? new PostgresHotPath() : new SqliteHotPath();

    /// <summary>Locks the resources for this transaction's writes and reads what stands against taking them.</summary>
    internal abstract Task<HotFacts> LockAndLoadAsync(CalendarTransaction tx, HotQuery query, CancellationToken cancel);

    /// <summary>What occupies the resources in the window, without a lock; the time of <paramref name="except"/> (bookings/…) does not count.</summary>
    internal abstract Task<List<Occupied>> OccupiedAsync(CalendarTransaction tx, IReadOnlyList<string> resources, TimeWindow window, CancellationToken cancel, string except = "");

    /// <summary>What counts against quotas, without a lock.</summary>
    internal static async Task<IReadOnlyList<IReadOnlyList<UseRow>>> UsesAsync(CalendarTransaction tx, IReadOnlyList<UseQuery> queries, CancellationToken cancel)
    {
        var found = new List<IReadOnlyList<UseRow>>();
        foreach (var query in queries) found.Add(await tx.QueryAsync(query.Sql, UseQuery.Row, cancel, query.Values));
        return found;
    }

    /// <summary>Writes a booking with its occupancy and usage rows and the answer to its request id.</summary>
    internal abstract Task InsertAsync(CalendarTransaction tx, StoredBooking booking, long nowUs, RequestAnswer? answer, CancellationToken cancel);

    /// <summary>Writes occupancy rows alone (outages).</summary>
    internal abstract Task OccupyAsync(CalendarTransaction tx, string owner, OccupancyKind kind, IReadOnlyList<string> resources, TimeWindow window, CancellationToken cancel);

    /// <summary>True when the store's own constraint refused an overlap that the check before it did not see (a stray writer).</summary>
    internal abstract bool IsOverlap(Exception error);

    /// <summary>Lock keys of resources: sorted, so that two bundles in opposite order queue instead of deadlocking.</summary>
    internal static long[] LockKeys(IEnumerable<string> resources) => [.. resources.Select(LockKey).Distinct().Order()];

    private static long LockKey(string resource) => BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes("occupancy\n" + resource)));
}

/// <summary>What to lock and to look at.</summary>
/// <param name="Subject">Whose request id.</param>
/// <param name="RequestId">Empty = none.</param>
/// <param name="Resources">Channels.</param>
/// <param name="Rigs">Rigs whose lock counts.</param>
/// <param name="Window">Looked at; the asked window with the buffer around it.</param>
internal sealed record HotQuery(string Subject, string RequestId, IReadOnlyList<string> Resources, IReadOnlyList<string> Rigs, TimeWindow Window)
{
    /// <summary>What else is locked with the resources, in the same order: what is counted over more than one resource, such as a person's holds.</summary>
    internal IReadOnlyList<string> Guards { get; init; } = [];

    /// <summary>What is added up besides, read with the rest.</summary>
    internal IReadOnlyList<UseQuery> Uses { get; init; } = [];
}

/// <summary>Bookings of one subject that count against a quota and overlap a stretch of time.</summary>
/// <param name="Column">"holder", "cohort" or "organisation".</param>
/// <param name="Subject">Its value.</param>
/// <param name="FromUs">Microseconds.</param>
/// <param name="ToUs">Microseconds, exclusive.</param>
internal sealed record UseQuery(string Column, string Subject, long FromUs, long ToUs)
{
    /// <summary>
    /// What was cancelled in time does not count, what nobody came to does. Found by the end, since what ends after the period begins is little and what came before is not.
    /// </summary>
    internal string Sql => $"SELECT b.start_us, b.end_us, b.state, b.rigs FROM bookings b WHERE b.{Column} = @s{(Column == "cohort" ? " AND b.cohort <> ''" : "")} AND b.end_us > @from AND b.start_us < @to AND (b.state IN (1, 2, 3, 4, 5, 8) OR b.late = 1)";

    internal (string, object?)[] Values => [("s", Subject), ("from", FromUs), ("to", ToUs)];

    internal static UseRow Row(System.Data.Common.DbDataReader row) => new(BookingTimes.Window(row.GetInt64(0), row.GetInt64(1)), (Domain.Bookings.BookingState)row.GetInt32(2), row.GetString(3));
}

/// <summary>One of them; <paramref name="Rigs"/> a line each.</summary>
internal sealed record UseRow(TimeWindow Window, Domain.Bookings.BookingState State, string Rigs);

/// <summary>What stands there.</summary>
internal sealed record HotFacts(EarlierAnswer? Earlier, List<Occupied> Occupied, HashSet<string> LockedRigs)
{
    /// <summary>What each of <see cref="HotQuery.Uses"/> found, in order.</summary>
    internal IReadOnlyList<IReadOnlyList<UseRow>> Uses { get; init; } = [];
}

/// <summary>An answer stored under the request id.</summary>
internal sealed record EarlierAnswer(string ContentSha256, byte[] Response);

/// <summary>The answer to store under a request id.</summary>
internal sealed record RequestAnswer(string Subject, string RequestId, string Method, string ContentSha256, byte[] Response);
