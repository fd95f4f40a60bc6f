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
/// <param name="Restricted">Not everyone may see it; an embargo counts for good, since what is added up is not divided again.</param>
public sealed record UsedTime(
    string Booking, string Holder, string Organisation, State State, bool Late, TimeWindow Window, Instant? CompletedAt, IReadOnlyList<string> Channels,
    string ActivityClass, string EducationLevel, IReadOnlyList<string> Stages, int Headcount, bool Restricted)
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

/// <summary>An unserved wish, with no person in it.</summary>
/// <param name="Channels">What was wished for; may be empty after a search.</param>
/// <param name="Labs">labs/…</param>
/// <param name="Window">The time wished for.</param>
/// <param name="ActivityClass">Code.</param>
/// <param name="EducationLevel">Code.</param>
/// <param name="Stages">Codes.</param>
public sealed record UnmetWish(IReadOnlyList<string> Channels, IReadOnlyList<string> Labs, TimeWindow Window, string ActivityClass, string EducationLevel, IReadOnlyList<string> Stages);

/// <summary>A maintenance window on rigs or channels.</summary>
public sealed record OutageTime(IReadOnlyList<string> Resources, TimeWindow Window);

/// <summary>The bookings' account of use, for accounting and fair share.</summary>
public sealed class BookingUsage(CalendarDatabase database, BookingOptions options)
{
    /// <summary>Everything that became firm and overlaps the window, by start.</summary>
    public Task<List<UsedTime>> OverlappingAsync(TimeWindow window, CancellationToken cancel) => database.ReadAsync(tx => tx.QueryAsync(
        "SELECT u.booking, b.holder, u.organisation, b.state, b.late, u.start_us, u.end_us, s.at_us, u.channels, u.activity_class, u.education_level, u.stages, u.headcount, u.visibility " +
        "FROM bookings b JOIN booking_usage u ON u.booking = b.name LEFT JOIN booking_steps s ON s.booking = b.name AND s.to_state = 5 " +
        "WHERE b.start_us < @end AND b.end_us > @start AND b.start_us > @earliest ORDER BY b.start_us, b.id",
        Map, cancel, ("earliest", Micros.FromInstant(window.Start - options.Longest)), ("start", Micros.FromInstant(window.Start)), ("end", Micros.FromInstant(window.End))), cancel);

    /// <summary>Wishes that were not served in the window, by when they were made.</summary>
    public Task<List<UnmetWish>> UnmetAsync(TimeWindow made, CancellationToken cancel) => database.ReadAsync(tx => tx.QueryAsync(
        "SELECT resources, labs, start_us, end_us, activity_class, education_level, stages FROM demand_signals WHERE at_us >= @start AND at_us < @end AND start_us < end_us ORDER BY at_us, id",
        r => new UnmetWish(Items(r.GetString(0)), Items(r.GetString(1)), BookingTimes.Window(r.GetInt64(2), r.GetInt64(3)), r.GetString(4), r.GetString(5), Items(r.GetString(6))), cancel,
        ("start", Micros.FromInstant(made.Start)), ("end", Micros.FromInstant(made.End))), cancel);

    /// <summary>Outages that overlap the window.</summary>
    public Task<List<OutageTime>> OutagesAsync(TimeWindow window, CancellationToken cancel) => database.ReadAsync(tx => tx.QueryAsync(
        "SELECT resources, start_us, end_us FROM outages WHERE start_us < @end AND end_us > @start ORDER BY start_us, name",
        r => new OutageTime(Items(r.GetString(0)), BookingTimes.Window(r.GetInt64(1), r.GetInt64(2))), cancel,
        ("start", Micros.FromInstant(window.Start)), ("end", Micros.FromInstant(window.End))), cancel);

    /// <summary>When the first booking starts or the first wish was made; null when there is neither.</summary>
    public async Task<Instant?> EarliestAsync(CancellationToken cancel)
    {
        var firsts = await database.ReadAsync(tx => tx.QueryAsync("SELECT min(start_us) FROM bookings UNION ALL SELECT min(at_us) FROM demand_signals", r => r.IsDBNull(0) ? (long?)null : r.GetInt64(0), cancel), cancel);
        return firsts.Min() is { } first ? Micros.ToInstant(first) : null;
    }

    private static UsedTime Map(DbDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), (State)row.GetInt32(3), row.GetInt64(4) != 0, BookingTimes.Window(row.GetInt64(5), row.GetInt64(6)),
        row.IsDBNull(7) ? null : Micros.ToInstant(row.GetInt64(7)), Items(row.GetString(8)), row.GetString(9), row.GetString(10), Items(row.GetString(11)), row.GetInt32(12),
        (V1.VisibilityKind)row.GetInt32(13) is not (V1.VisibilityKind.Unspecified or V1.VisibilityKind.Open));

    private static string[] Items(string joined) => joined.Length == 0 ? [] : joined.Split('\n');
}
