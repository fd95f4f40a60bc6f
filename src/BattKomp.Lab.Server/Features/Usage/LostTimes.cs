using System.Data.Common;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Usage;

/// <summary>Time lost inside bookings, as labs logged it: nobody's use in fair share, down time in the account.</summary>
public sealed class LostTimes(CalendarDatabase database, Audit audit, MachineClock clock)
{
    private const string Columns = "name, booking, start_us, end_us, why, logged_by, logged_us";

    /// <summary>Logged time that overlaps the window, by booking; entries may overlap each other.</summary>
    public async Task<ILookup<string, TimeWindow>> OverlappingAsync(TimeWindow window, CancellationToken cancel) => (await database.ReadAsync(tx => tx.QueryAsync(
        "SELECT booking, start_us, end_us FROM lost_times WHERE start_us < @end AND end_us > @start ORDER BY start_us, name", r => (r.GetString(0), BookingTimes.Window(r.GetInt64(1), r.GetInt64(2))), cancel,
        ("start", Micros.FromInstant(window.Start)), ("end", Micros.FromInstant(window.End))), cancel)).ToLookup(r => r.Item1, r => r.Item2);

    /// <summary>What was logged against a booking, by start; at most 200.</summary>
    internal Task<List<LostTime>> OfAsync(string booking, CancellationToken cancel) => database.ReadAsync(tx => OfAsync(tx, booking, cancel), cancel);

    /// <summary>Logs a stretch.</summary>
    /// <exception cref="LabException">FIELDS_INVALID when it overlaps what is logged and that is not confirmed.</exception>
    internal async Task<LostTime> LogAsync(CalendarTransaction tx, LogLostTimeRequest request, TimeWindow window, string by, CancellationToken cancel)
    {
        // Two who log at once must see each other's.
        if (tx.Dialect == "postgres") await tx.ExecuteAsync("SELECT pg_advisory_xact_lock(hashtextextended(@k, 10))", cancel, ("k", request.Booking));
        var logged = await OfAsync(tx, request.Booking, cancel);
        if (!request.ConfirmOverlap && logged.Find(l => BookingTimes.Window(l.Window).Overlaps(window)) is { } other)
            throw LabErrors.FieldsInvalid([("confirm_overlap",
                $"is not set, and {Sentences.Of(BookingTimes.Instant(other.Window.Start))} to {Sentences.Of(BookingTimes.Instant(other.Window.End))} is logged already ('{other.Why}'). Set it if both are true; time counts once.")]);
        new FieldChecks().Require(logged.Count < 200, "booking", "has 200 entries of lost time already.").ThrowIfAny();
        var (name, now) = ($"lostTimes/{Guid.CreateVersion7()}", Micros.FromInstant(clock.Now));
        await tx.ExecuteAsync($"INSERT INTO lost_times ({Columns}) VALUES (@n, @b, @s, @e, @w, @by, @now)", cancel, ("n", name), ("b", request.Booking),
            ("s", Micros.FromInstant(window.Start)), ("e", Micros.FromInstant(window.End)), ("w", request.Why.Trim()), ("by", by), ("now", now));
        await audit.WriteAsync(tx, by, "log-lost-time", request.Booking, request.Why.Trim(), name, cancel);
        return (await OfAsync(tx, request.Booking, cancel)).Single(l => l.Name == name);
    }

    private static Task<List<LostTime>> OfAsync(CalendarTransaction tx, string booking, CancellationToken cancel) =>
        tx.QueryAsync($"SELECT {Columns} FROM lost_times WHERE booking = @b ORDER BY start_us, name LIMIT 200", Map, cancel, ("b", booking));

    private static LostTime Map(DbDataReader row) => new()
    {
        Name = row.GetString(0),
        Booking = row.GetString(1),
        Window = BookingTimes.Window(BookingTimes.Window(row.GetInt64(2), row.GetInt64(3))),
        Why = row.GetString(4),
        LoggedBy = row.GetString(5),
        LogTime = Timestamps.FromMicros(row.GetInt64(6)),
    };
}
