using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>
/// Unserved wishes: what was wanted, where, when and why it could not be, with no person, affiliation or organisation in
/// it. Written in a transaction of its own, since the create that was refused left none.
/// </summary>
public sealed class DemandSignals(CalendarDatabase database, MachineClock clock)
{
    /// <summary>Keeps the wish behind a refused create.</summary>
    public Task RefusedAsync(Booking wish, IReadOnlyList<string> labs, IEnumerable<string> reasons, CancellationToken cancel) => database.WriteAsync(tx => tx.ExecuteAsync(
        "INSERT INTO demand_signals (id, at_us, kind, resources, labs, start_us, end_us, reasons, activity_class, education_level, stages, headcount) " +
        "VALUES (@id, @at, 'booking-refused', @resources, @labs, @start, @end, @reasons, @activity, @education, @stages, @headcount)", cancel,
        ("id", Guid.CreateVersion7().ToString("N")), ("at", Micros.FromInstant(clock.Now)), ("resources", BookingStore.Join(wish.Channels)), ("labs", BookingStore.Join(labs)),
        ("start", Micros.FromInstant(BookingTimes.Instant(wish.Window.Start))), ("end", Micros.FromInstant(BookingTimes.Instant(wish.Window.End))),
        ("reasons", BookingStore.Join(reasons.Distinct())), ("activity", wish.ActivityClass), ("education", wish.EducationLevel),
        ("stages", BookingStore.Join(wish.Stages)), ("headcount", wish.Headcount)), cancel);
}
