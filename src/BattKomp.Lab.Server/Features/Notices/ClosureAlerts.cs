using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using NodaTime;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Notices;

/// <summary>
/// A week before a lab closes, tells those who have a booking there in those days; and its managers, once, when no later closure is known, so that the next
/// year's days come in before they are booked.
/// </summary>
internal sealed class ClosureAlerts(CalendarDatabase database, Catalogue.Catalogue catalogue, Notices notices, BookingNews news, BookingOptions options, MachineClock clock)
{
    private const int DaysBefore = 7;
    private Instant _next = Instant.MinValue;

    /// <summary>Tells what is due; looks once a minute, since days are what it goes by.</summary>
    internal async Task TellAsync(CancellationToken cancel)
    {
        var now = clock.Now;
        if (now < _next) return;
        foreach (var lab in (await catalogue.GetAsync(cancel)).Labs)
            await OfLabAsync(lab, now, cancel);
        _next = now + Duration.FromMinutes(1);
    }

    private async Task OfLabAsync(V1.Lab lab, Instant now, CancellationToken cancel)
    {
        var zone = DateTimeZoneProviders.Tzdb.GetZoneOrNull(lab.TimeZone) ?? DateTimeZone.Utc;
        var closures = lab.Closures.Select(c => (Window: new TimeWindow(zone.AtStartOfDay(Day(c.FirstDay)).ToInstant(), zone.AtStartOfDay(Day(c.LastDay).PlusDays(1)).ToInstant()), Closure: c)).OrderBy(c => c.Window.Start).ToList();
        foreach (var (window, closure) in closures)
        {
            var alert = zone.AtStartOfDay(Day(closure.FirstDay).PlusDays(-DaysBefore)).ToInstant();
            if (now < alert || now >= window.End) continue;
            await database.WriteAsync(tx => ToHoldersAsync(tx, lab, closure, window, cancel), cancel);
            if (window == closures[^1].Window) await database.WriteAsync(tx => ToManagersAsync(tx, lab, closure, cancel), cancel);
        }
    }

    private async Task ToHoldersAsync(CalendarTransaction tx, V1.Lab lab, Closure closure, TimeWindow window, CancellationToken cancel)
    {
        var channels = (await catalogue.GetAsync(cancel)).Rigs.Where(r => r.Lab == lab.Name).SelectMany(r => r.Channels).Select(c => c.Name).ToList();
        var query = new BookingQuery(window, channels, "", IncludeEnded: false, AfterStart: Micros.FromInstant(window.Start - options.Longest), AfterId: 0, Limit: 10_000);
        foreach (var booking in (await BookingStore.OverlappingAsync(tx, query, cancel)).Where(b => BookingStates.Occupies(b.State)))
            await notices.TellAsync(tx, new NewNotice(booking.Message.Holder, "closure", booking.Name, $"{lab.Title} is closed in your booking",
                $"{lab.Title} is closed {Days(closure)} ({closure.Why}), and your booking lies in it. Nobody may be there to help or to let you in: change it, or ask the lab.\n\n{booking.Name}\n",
                $"closure|{booking.Name}|{Days(closure)}"), cancel);
    }

    private async Task ToManagersAsync(CalendarTransaction tx, V1.Lab lab, Closure last, CancellationToken cancel)
    {
        foreach (var manager in await news.ManagersAsync(tx, lab.Name, cancel))
            await notices.TellAsync(tx, new NewNotice(manager, "closures-run-out", lab.Name, $"No closure of {lab.Title} is known after {Text(last.LastDay)}",
                $"The closure {Days(last)} ({last.Why}) is the last that is known. Import the next ones before people book in them: battlab feed import {lab.Name} FILE.ics\n", $"closures-run-out|{lab.Name}|{Text(last.LastDay)}"), cancel);
    }

    private static string Days(Closure closure) => closure.FirstDay.Equals(closure.LastDay) ? Text(closure.FirstDay) : $"{Text(closure.FirstDay)} to {Text(closure.LastDay)}";

    private static string Text(Google.Type.Date day) => $"{day.Year:0000}-{day.Month:00}-{day.Day:00}";

    private static LocalDate Day(Google.Type.Date day) => new(day.Year, day.Month, day.Day);
}
