using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;

namespace BattKomp.Lab.Server.Features.Incidents;

/// <summary>When a rig could not be used because of an incident.</summary>
/// <param name="Rig">rigs/…</param>
/// <param name="Window">From its opening to its release; of one that is open, to the end of the window asked for.</param>
public sealed record LockedTime(string Rig, TimeWindow Window);

/// <summary>The incidents' account of lost time, for accounting and fair share.</summary>
public sealed class LockedTimes(CalendarDatabase database)
{
    /// <summary>Incidents that overlap the window; several at once on one rig overlap each other.</summary>
    public Task<List<LockedTime>> OverlappingAsync(TimeWindow window, CancellationToken cancel)
    {
        var end = Micros.FromInstant(window.End);
        return database.ReadAsync(tx => tx.QueryAsync(
            "SELECT rig, opened_us, coalesce(released_us, @end) FROM incidents WHERE opened_us < @end AND coalesce(released_us, @end) > @start AND opened_us < coalesce(released_us, @end) ORDER BY opened_us, name",
            r => new LockedTime(r.GetString(0), new TimeWindow(Micros.ToInstant(r.GetInt64(1)), Micros.ToInstant(r.GetInt64(2)))), cancel,
            ("start", Micros.FromInstant(window.Start)), ("end", end)), cancel);
    }
}
