using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>When a channel ran for a booking.</summary>
/// <param name="Booking">bookings/…</param>
/// <param name="Channel">rigs/…/channels/…</param>
/// <param name="Window">From the first sign of the instrument to its end; of a run that goes on, to the end of the window asked for.</param>
public sealed record RunTime(string Booking, string Channel, TimeWindow Window);

/// <summary>The runs' account of use, for accounting.</summary>
public sealed class RunTimes(CalendarDatabase database)
{
    /// <summary>Runs made from bookings that overlap the window.</summary>
    public Task<List<RunTime>> OverlappingAsync(TimeWindow window, CancellationToken cancel)
    {
        var end = Micros.FromInstant(window.End);
        return database.ReadAsync(tx => tx.QueryAsync(
            "SELECT booking, channel, start_us, coalesce(end_us, @end) FROM runs WHERE booking <> '' AND start_us < @end AND coalesce(end_us, @end) > @start AND start_us < coalesce(end_us, @end) ORDER BY start_us, name",
            r => new RunTime(r.GetString(0), r.GetString(1), new TimeWindow(Micros.ToInstant(r.GetInt64(2)), Micros.ToInstant(r.GetInt64(3)))), cancel,
            ("start", Micros.FromInstant(window.Start)), ("end", end)), cancel);
    }
}
