using System.Data.Common;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Google.Protobuf;
using NodaTime;
using State = BattKomp.Lab.Domain.Bookings.BookingState;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>Rows of bookings and outages, in the SQL that both dialects share; the hot paths stand in <see cref="CalendarHotPath"/>.</summary>
internal static class BookingStore
{
    internal const string InsertBooking =
        "INSERT INTO bookings (name, state, start_us, end_us, holder, organisation, version, created_us, changed_us, predecessor, successor, state_reason, doc, expire_us, checked_in_us, cohort, rigs, series) " +
        "VALUES (@name, @state, @start, @end, @holder, @organisation, 1, @now, @now, @predecessor, '', @why, @doc, @expire, @checked_in, @cohort, @rigs, @series)";

    internal const string InsertUsage =
        "INSERT INTO booking_usage (booking, confirmed_us, start_us, end_us, channels, purpose, activity_class, education_level, stages, headcount, presence, " +
        "visibility, affiliation, organisation, project, module, cohort, allocation, cell_test, procedure) VALUES (@name, @now, @start, @end, @channels, @purpose, " +
        "@activity, @education, @stages, @headcount, @presence, @visibility, @affiliation, @organisation, @project, @module, @cohort, @allocation, @cell_test, @procedure)";

    private const string Columns = "b.id, b.state, b.version, b.organisation, b.created_us, b.predecessor, b.successor, b.state_reason, b.doc, b.expire_us, b.checked_in_us, b.late";

    /// <summary>True when its facts are history: a hold or a pending booking is not, yet.</summary>
    internal static bool IsFirm(StoredBooking booking) => booking.State is not (State.Held or State.Pending);

    internal static (string, object?)[] BookingValues(StoredBooking b, long nowUs) =>
    [
        ("name", b.Name), ("state", (int)b.State), ("start", Micros.FromInstant(b.Window.Start)), ("end", Micros.FromInstant(b.Window.End)),
        ("holder", b.Message.Holder), ("organisation", b.Organisation), ("now", nowUs), ("predecessor", b.Message.Predecessor),
        ("why", b.Message.StateReason), ("doc", b.Message.ToByteArray()), ("expire", Us(b.Message.ExpireTime)), ("checked_in", Us(b.Message.CheckInTime)), ("cohort", b.Message.Cohort), ("series", b.Message.Series), ("rigs", Join(b.Message.Channels.Select(Contracts.ResourceNames.RigOf).Distinct())),
    ];

    internal static (string, object?)[] UsageValues(StoredBooking b, long nowUs) =>
    [
        ("name", b.Name), ("now", nowUs), ("start", Micros.FromInstant(b.Window.Start)), ("end", Micros.FromInstant(b.Window.End)),
        ("channels", Join(b.Message.Channels)), ("purpose", b.Message.Purpose), ("activity", b.Message.ActivityClass), ("education", b.Message.EducationLevel),
        ("stages", Join(b.Message.Stages)), ("headcount", b.Message.Headcount), ("presence", (int)b.Message.Presence), ("visibility", (int)(b.Message.Visibility?.Kind ?? VisibilityKind.Open)),
        ("affiliation", b.Message.Affiliation), ("organisation", b.Organisation), ("project", b.Message.Project), ("module", b.Message.Module), ("cohort", b.Message.Cohort),
        ("allocation", b.Message.Allocation), ("cell_test", b.Message.CellTest), ("procedure", b.Message.Procedure),
    ];

    internal static async Task<StoredBooking?> FindAsync(CalendarTransaction tx, string name, bool forUpdate, CancellationToken cancel)
    {
        // SQLite's writer gate already keeps everyone else out.
        var suffix = forUpdate && tx.Dialect == "postgres" ? " FOR UPDATE" : "";
        return (await tx.QueryAsync($"SELECT {Columns} FROM bookings b WHERE b.name = @n{suffix}", Map, cancel, ("n", name))).SingleOrDefault();
    }

    /// <summary>Confirmed bookings whose window contains the instant.</summary>
    internal static Task<List<StoredBooking>> ConfirmedAtAsync(CalendarTransaction tx, Instant at, CancellationToken cancel) => tx.QueryAsync(
        $"SELECT {Columns} FROM bookings b WHERE b.state IN (3, 4) AND b.state = 3 AND b.start_us <= @t AND b.end_us > @t ORDER BY b.start_us, b.id", Map, cancel,
        ("t", Micros.FromInstant(at)));

    /// <summary>Confirmed and running bookings whose window is over.</summary>
    internal static Task<List<StoredBooking>> LiveEndedByAsync(CalendarTransaction tx, Instant at, CancellationToken cancel) => tx.QueryAsync(
        $"SELECT {Columns} FROM bookings b WHERE b.state IN (3, 4) AND b.end_us <= @t ORDER BY b.start_us, b.id", Map, cancel, ("t", Micros.FromInstant(at)));

    /// <summary>Moves a booking that is still in the version read; frees its time when the new state does not occupy.</summary>
    /// <param name="tx">The transaction of the decision.</param>
    /// <param name="from">As read.</param>
    /// <param name="to">The state after.</param>
    /// <param name="by">persons/…; empty = the clock or the rig.</param>
    /// <param name="reason">Kept beside the state.</param>
    /// <param name="nowUs">Microseconds.</param>
    /// <param name="cancel">Ends the wait.</param>
    internal static async Task<bool> MoveAsync(CalendarTransaction tx, StoredBooking from, State to, string by, string reason, long nowUs, CancellationToken cancel)
    {
        var rows = await tx.ExecuteAsync(
            "UPDATE bookings SET state = @to, version = version + 1, changed_us = @now, state_reason = @why WHERE name = @n AND version = @v", cancel,
            ("to", (int)to), ("now", nowUs), ("why", reason), ("n", from.Name), ("v", from.Version));
        if (rows == 0) return false;
        await tx.ExecuteAsync("INSERT INTO booking_steps (booking, version, at_us, from_state, to_state, person, reason) VALUES (@n, @v, @now, @from, @to, @by, @why)", cancel,
            ("n", from.Name), ("v", from.Version + 1), ("now", nowUs), ("from", (int)from.State), ("to", (int)to), ("by", by), ("why", reason));
        // What it is used for is copied when it becomes firm, whichever way; see booking_usage.
        if (to == State.Confirmed) await tx.ExecuteAsync(InsertUsage, cancel, UsageValues(from, nowUs));
        if (!BookingStates.Occupies(to))
            await tx.ExecuteAsync("UPDATE occupancy SET occupies = 0 WHERE booking = @n AND occupies = 1", cancel, ("n", from.Name));
        return true;
    }

    /// <summary>Bookings that overlap the window, in order of (start, id), after the given key.</summary>
    internal static Task<List<StoredBooking>> OverlappingAsync(CalendarTransaction tx, BookingQuery q, CancellationToken cancel)
    {
        var postgres = tx.Dialect == "postgres";
        // Occupying ones are found through the occupancy index, which is why its WHERE is repeated; ended ones through their start.
        var which = q.IncludeEnded
            ? "b.start_us < @end AND b.end_us > @start"
            : postgres
                ? "b.name IN (SELECT o.booking FROM occupancy o WHERE o.during && int8range(@start, @end) AND o.occupies = 1 AND o.kind = 1)"
                : "b.name IN (SELECT o.booking FROM occupancy o WHERE o.end_us > @start AND o.start_us < @end AND o.occupies = 1 AND o.kind = 1)";
        if (q.Resources is not null)
            which += $" AND EXISTS (SELECT 1 FROM occupancy r WHERE r.booking = b.name AND r.resource {In(postgres, "resources")})";
        if (q.Holder.Length > 0) which += " AND b.holder = @holder";
        return tx.QueryAsync(
            $"SELECT {Columns} FROM bookings b WHERE {which} AND (b.start_us > @after_start OR (b.start_us = @after_start AND b.id > @after_id)) ORDER BY b.start_us, b.id LIMIT @limit",
            Map, cancel, ("start", Micros.FromInstant(q.Window.Start)), ("end", Micros.FromInstant(q.Window.End)), ("after_start", q.AfterStart), ("after_id", q.AfterId),
            ("limit", q.Limit), ("holder", q.Holder), ("resources", List(postgres, q.Resources ?? [])));
    }

    /// <summary>Holds and pending bookings whose time to answer is over, oldest first.</summary>
    internal static Task<List<StoredBooking>> ExpiredByAsync(CalendarTransaction tx, Instant at, CancellationToken cancel) => tx.QueryAsync(
        $"SELECT {Columns} FROM bookings b WHERE b.state IN (1, 2) AND b.expire_us <= @t ORDER BY b.expire_us, b.id LIMIT 1000", Map, cancel, ("t", Micros.FromInstant(at)));

    /// <summary>Confirmed bookings that have begun and of which nobody has said that the holder came.</summary>
    internal static Task<List<StoredBooking>> UnseenSinceAsync(CalendarTransaction tx, Instant at, CancellationToken cancel) => tx.QueryAsync(
        $"SELECT {Columns} FROM bookings b WHERE b.state IN (3, 4) AND b.state = 3 AND b.start_us <= @t AND b.end_us > @t AND b.checked_in_us IS NULL ORDER BY b.start_us, b.id", Map, cancel,
        ("t", Micros.FromInstant(at)));

    /// <summary>Bookings that have not begun to run and take a channel within the window, locked.</summary>
    internal static Task<List<StoredBooking>> InTheWayAsync(CalendarTransaction tx, IReadOnlyList<string> channels, TimeWindow window, CancellationToken cancel)
    {
        var postgres = tx.Dialect == "postgres";
        var overlap = postgres ? "o.during && int8range(@start, @end)" : "o.start_us < @end AND o.end_us > @start";
        return tx.QueryAsync(
            $"SELECT {Columns} FROM bookings b WHERE b.state IN (1, 2, 3) AND b.name IN (SELECT o.booking FROM occupancy o WHERE {overlap} AND o.occupies = 1 AND o.kind = 1 AND o.resource {In(postgres, "channels")}) " +
            $"ORDER BY b.start_us, b.id{(postgres ? " FOR UPDATE" : "")}", Map, cancel,
            ("start", Micros.FromInstant(window.Start)), ("end", Micros.FromInstant(window.End)), ("channels", List(postgres, channels)));
    }

    /// <summary>The instances of a series, by start; locked where they are about to be changed.</summary>
    internal static Task<List<StoredBooking>> OfSeriesAsync(CalendarTransaction tx, string series, bool forUpdate, CancellationToken cancel) => tx.QueryAsync(
        $"SELECT {Columns} FROM bookings b WHERE b.series = @s AND b.series <> '' ORDER BY b.start_us, b.id LIMIT 1000{(forUpdate && tx.Dialect == "postgres" ? " FOR UPDATE" : "")}", Map, cancel, ("s", series));

    /// <summary>Holds of a person that have not ended.</summary>
    internal static async Task<int> HoldsOfAsync(CalendarTransaction tx, string holder, long nowUs, CancellationToken cancel) => (await tx.QueryAsync(
        "SELECT count(*) FROM bookings WHERE state IN (1, 2) AND holder = @h AND state = 1 AND expire_us > @t", r => (int)r.GetInt64(0), cancel, ("h", holder), ("t", nowUs))).Single();

    /// <summary>Marks a booking that is over as replaced by another.</summary>
    internal static Task SucceedAsync(CalendarTransaction tx, string name, string successor, CancellationToken cancel) => tx.ExecuteAsync(
        "UPDATE bookings SET successor = @s WHERE name = @n", cancel, ("s", successor), ("n", name));

    /// <summary>Marks a booking as given up so late that it counts as use.</summary>
    internal static Task MarkLateAsync(CalendarTransaction tx, string name, CancellationToken cancel) => tx.ExecuteAsync(
        "UPDATE bookings SET late = 1 WHERE name = @n", cancel, ("n", name));

    /// <summary>The person behind an affiliation that is in force; null when there is none.</summary>
    internal static async Task<(string Person, string Organisation, string Role)?> ReceiverAsync(CalendarTransaction tx, string affiliation, Instant now, CancellationToken cancel)
    {
        var rows = await tx.QueryAsync("SELECT person, organisation, role FROM affiliations WHERE name = @n AND from_us <= @t AND (until_us IS NULL OR until_us > @t)",
            r => (r.GetString(0), r.GetString(1), r.GetString(2)), cancel, ("n", affiliation), ("t", Micros.FromInstant(now)));
        return rows.Count == 0 ? null : rows[0];
    }

    /// <summary>Keeps that somebody came; false when it was kept before.</summary>
    internal static async Task<bool> CheckInAsync(CalendarTransaction tx, string name, long nowUs, CancellationToken cancel) => await tx.ExecuteAsync(
        "UPDATE bookings SET checked_in_us = @t, version = version + 1, changed_us = @t WHERE name = @n AND checked_in_us IS NULL", cancel, ("t", nowUs), ("n", name)) == 1;

    internal static Task<List<Outage>> OutagesAsync(CalendarTransaction tx, BookingQuery q, CancellationToken cancel)
    {
        var postgres = tx.Dialect == "postgres";
        var which = q.Resources is null ? "" : $" AND EXISTS (SELECT 1 FROM occupancy r WHERE r.booking = u.name AND r.resource {In(postgres, "resources")})";
        return tx.QueryAsync(
            $"SELECT u.name, u.start_us, u.end_us, u.why, u.resources FROM outages u WHERE u.start_us < @end AND u.end_us > @start{which} ORDER BY u.start_us, u.name LIMIT 500",
            MapOutage, cancel, ("start", Micros.FromInstant(q.Window.Start)), ("end", Micros.FromInstant(q.Window.End)), ("resources", List(postgres, q.Resources ?? [])));
    }

    internal static Task InsertOutageAsync(CalendarTransaction tx, Outage o, string by, long nowUs, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO outages (name, start_us, end_us, why, created_by, created_us, resources) VALUES (@n, @s, @e, @w, @by, @now, @r)", cancel,
        ("n", o.Name), ("s", Micros.FromInstant(BookingTimes.Instant(o.Window.Start))), ("e", Micros.FromInstant(BookingTimes.Instant(o.Window.End))), ("w", o.Why),
        ("by", by), ("now", nowUs), ("r", Join(o.Resources)));

    /// <summary>A list in one column: names and codes hold no line breaks.</summary>
    internal static string Join(IEnumerable<string> items) => string.Join('\n', items);

    /// <summary>The right side of "column IN list" in the dialect; see <see cref="List"/>.</summary>
    internal static string In(bool postgres, string parameter) => postgres ? $"= ANY (@{parameter})" : $"IN (SELECT value FROM json_each(@{parameter}))";

    /// <summary>The value of a list parameter in the dialect.</summary>
    internal static object List(bool postgres, IEnumerable<string> items) => postgres ? items.ToArray() : System.Text.Json.JsonSerializer.Serialize(items);

    private static object? Us(Google.Protobuf.WellKnownTypes.Timestamp? stamp) => stamp is null ? null : Micros.FromInstant(BookingTimes.Instant(stamp));

    private static StoredBooking Map(DbDataReader row)
    {
        var message = Booking.Parser.ParseFrom(row.GetFieldValue<byte[]>(8));
        var version = row.GetInt32(2);
        message.State = (V1.BookingState)row.GetInt32(1);
        message.Etag = BookingViews.Etag(version);
        message.CreateTime = BookingTimes.Stamp(row.GetInt64(4));
        message.Predecessor = row.GetString(5);
        message.Successor = row.GetString(6);
        message.StateReason = row.GetString(7);
        message.ExpireTime = row.IsDBNull(9) || message.State is not (V1.BookingState.Held or V1.BookingState.Pending) ? null : BookingTimes.Stamp(row.GetInt64(9));
        message.CheckInTime = row.IsDBNull(10) ? null : BookingTimes.Stamp(row.GetInt64(10));
        message.LateCancel = row.GetInt64(11) != 0;
        return new StoredBooking(row.GetInt64(0), message, row.GetString(3), version);
    }

    private static Outage MapOutage(DbDataReader row) => new()
    {
        Name = row.GetString(0),
        Window = BookingTimes.Window(BookingTimes.Window(row.GetInt64(1), row.GetInt64(2))),
        Why = row.GetString(3),
        Resources = { row.GetString(4).Split('\n') },
    };
}

/// <summary>What a list asks of the store.</summary>
/// <param name="Window">Only what overlaps it.</param>
/// <param name="Resources">Channels; null = all.</param>
/// <param name="Holder">persons/…; empty = anyone's.</param>
/// <param name="IncludeEnded">Also those that no longer occupy.</param>
/// <param name="AfterStart">Microseconds; with <paramref name="AfterId"/> the key of the last row of the page before.</param>
/// <param name="AfterId">Row number.</param>
/// <param name="Limit">Rows at most.</param>
internal sealed record BookingQuery(TimeWindow Window, IReadOnlyList<string>? Resources, string Holder, bool IncludeEnded, long AfterStart, long AfterId, int Limit);
