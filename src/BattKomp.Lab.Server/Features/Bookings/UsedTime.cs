using System.Data.Common;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using NodaTime;
using State = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>A booking that became firm, with the facts kept at that moment and what became of it. Names nobody but its holder; for sums, never for showing.</summary>
/// <param name="Booking">bookings/{booking}</param>
/// <param name="Holder">persons/…</param>
/// <param name="Organisation">organisations/… under whose affiliation it was made.</param>
/// <param name="State">Where it stands now.</param>
/// <param name="Late">Given up or moved so late that it counts as use.</param>
/// <param name="Window">As booked.</param>
/// <param name="CompletedAt">When its time was given back or its run ended; null unless COMPLETED.</param>
/// <param name="Channels">rigs/…/channels/…</param>
/// <param name="ActivityClass">Code.</param>
/// <param name="EducationLevel">Code.</param>
/// <param name="Stages">Codes; empty = those of the rigs.</param>
/// <param name="Headcount">Persons.</param>
public sealed record UsedTime(
    string Booking, string Holder, string Organisation, State State, bool Late, TimeWindow Window, Instant? CompletedAt, IReadOnlyList<string> Channels,
    string ActivityClass, string EducationLevel, IReadOnlyList<string> Stages, int Headcount)
{
    /// <summary>
    /// The time that counts as this booking's use; null when none does. A holder who did not come, or gave up too late, has kept others out: all of
    /// it counts. What was given back after the end of a run does not; nor does a cancelled or replaced booking.
    /// </summary>
    public TimeWindow? Counted => State switch
    {
        State.Confirmed or State.Running or State.NoShow => Window,
        State.Completed when CompletedAt is { } at && at < Window.End => at > Window.Start ? new TimeWindow(Window.Start, at) : null,
        State.Completed => Window,
        State.Cancelled when Late => Window,
        _ => null,
    };
}

/// <summary>The bookings' account of use, for accounting and fair share.</summary>
public sealed class BookingUsage(CalendarDatabase database)
{
    /// <summary>Everything that became firm and overlaps the window, by start.</summary>
    public Task<List<UsedTime>> OverlappingAsync(TimeWindow window, CancellationToken cancel) => database.ReadAsync(tx => tx.QueryAsync(
        "SELECT u.booking, b.holder, u.organisation, b.state, b.late, u.start_us, u.end_us, s.at_us, u.channels, u.activity_class, u.education_level, u.stages, u.headcount " +
        "FROM bookings b JOIN booking_usage u ON u.booking = b.name LEFT JOIN booking_steps s ON s.booking = b.name AND s.to_state = 5 " +
        "WHERE b.start_us < @end AND b.end_us > @start ORDER BY b.start_us, b.id",
        Map, cancel, ("start", Micros.FromInstant(window.Start)), ("end", Micros.FromInstant(window.End))), cancel);

    private static UsedTime Map(DbDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), (State)row.GetInt32(3), row.GetInt64(4) != 0, BookingTimes.Window(row.GetInt64(5), row.GetInt64(6)),
        row.IsDBNull(7) ? null : Micros.ToInstant(row.GetInt64(7)), Items(row.GetString(8)), row.GetString(9), row.GetString(10), Items(row.GetString(11)), row.GetInt32(12));

    private static string[] Items(string joined) => joined.Length == 0 ? [] : joined.Split('\n');
}
