using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>
/// Whose yes a booking needs, and who has said what. An owner is a lab: each lab with a rig in the booking that asks for approval answers once,
/// unless the one who books manages it. When half the time to answer is over a national coordinator may answer in its place.
/// </summary>
internal static class Approvals
{
    private const string Columns = "owner, asked_us, decision, decided_us, decided_by, reason";

    /// <summary>The labs that must agree, by name.</summary>
    internal static IReadOnlyList<string> Needed(PersonCaller person, IEnumerable<string> channels, CatalogueSnapshot catalogue) =>
        [.. channels.Select(catalogue.RigOfChannel).OfType<Rig>().Where(r => r.ApprovalRequired && !person.Manages(r.Lab)).Select(r => r.Lab).Distinct().Order(StringComparer.Ordinal)];

    internal static async Task AskAsync(CalendarTransaction tx, string booking, IReadOnlyList<string> labs, long nowUs, CancellationToken cancel)
    {
        foreach (var lab in labs)
            await tx.ExecuteAsync("INSERT INTO approvals (booking, owner, asked_us) VALUES (@b, @o, @t)", cancel, ("b", booking), ("o", lab), ("t", nowUs));
    }

    internal static Task<List<ApprovalRow>> OfAsync(CalendarTransaction tx, string booking, CancellationToken cancel) => tx.QueryAsync(
        $"SELECT {Columns} FROM approvals WHERE booking = @b ORDER BY owner",
        r => new ApprovalRow(r.GetString(0), r.GetInt64(1), (Decision)r.GetInt32(2), r.IsDBNull(3) ? null : r.GetInt64(3), r.GetString(4), r.GetString(5)), cancel, ("b", booking));

    /// <summary>Keeps an answer; false when somebody was faster.</summary>
    internal static async Task<bool> AnswerAsync(CalendarTransaction tx, string booking, string owner, Decision decision, string by, string reason, long nowUs, CancellationToken cancel) =>
        await tx.ExecuteAsync("UPDATE approvals SET decision = @d, decided_us = @t, decided_by = @p, reason = @r WHERE booking = @b AND owner = @o AND decision = 0", cancel,
            ("d", (int)decision), ("t", nowUs), ("p", by), ("r", reason), ("b", booking), ("o", owner)) == 1;

    /// <summary>Bookings with an open question to one of the owners, or to anyone whose time is half over; longest waiting first.</summary>
    internal static Task<List<string>> WaitingAsync(CalendarTransaction tx, IReadOnlyList<string> owners, bool coordinator, long nowUs, CancellationToken cancel)
    {
        var postgres = tx.Dialect == "postgres";
        var mine = $"a.owner {BookingStore.In(postgres, "owners")}";
        return tx.QueryAsync(
            "SELECT a.booking, min(a.asked_us) FROM approvals a JOIN bookings b ON b.name = a.booking WHERE a.decision = 0 AND b.state = 2 " +
            $"AND ({(coordinator ? $"{mine} OR @t - a.asked_us >= b.expire_us - @t" : mine)}) GROUP BY a.booking ORDER BY min(a.asked_us), a.booking LIMIT 200",
            r => r.GetString(0), cancel, ("owners", BookingStore.List(postgres, owners)), ("t", nowUs));
    }

    /// <summary>Open questions of which half the time to answer is over, with whose they are.</summary>
    internal static Task<List<(string Booking, string Owner)>> EscalatedAsync(CalendarTransaction tx, long nowUs, CancellationToken cancel) => tx.QueryAsync(
        "SELECT a.booking, a.owner FROM approvals a JOIN bookings b ON b.name = a.booking WHERE a.decision = 0 AND b.state = 2 AND @t - a.asked_us >= b.expire_us - @t AND b.expire_us > @t ORDER BY a.booking, a.owner LIMIT 500",
        r => (r.GetString(0), r.GetString(1)), cancel, ("t", nowUs));

    /// <summary>Half the time to answer is over.</summary>
    internal static bool IsEscalated(ApprovalRow row, StoredBooking booking, Instant now) =>
        row.Decision == Decision.OpenDecision && booking.Message.ExpireTime is { } end
        && now - Micros.ToInstant(row.AskedUs) >= BookingTimes.Instant(end) - now;

    internal static Approval Seen(ApprovalRow row, StoredBooking booking, Instant now) => new()
    {
        Owner = row.Owner,
        Decision = row.Decision,
        DecidedBy = row.DecidedBy,
        DecideTime = row.DecidedUs is { } us ? BookingTimes.Stamp(us) : null,
        Reason = row.Reason,
        Escalated = IsEscalated(row, booking, now),
    };
}

/// <summary>One owner's answer as stored.</summary>
internal sealed record ApprovalRow(string Owner, long AskedUs, Decision Decision, long? DecidedUs, string DecidedBy, string Reason);
