using System.Globalization;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using NodaTime;
using NodaTime.Text;
using State = BattKomp.Lab.Domain.Bookings.BookingState;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Notices;

/// <summary>
/// Tells people what has become of their bookings, in the transaction in which it happens. A holder is never told what the holder has just done. A notice
/// names rigs, times and the reason given; never the title of a booking or anything of another person's.
/// </summary>
internal sealed class BookingNews(Notices notices, WebhookQueue webhooks, Catalogue.Catalogue catalogue, BookingOptions options, MachineClock clock) : IBookingNews
{
    // Where the booking in words and an instant go in a text. Nobody can type them: a reason's own braces stay what they are.
    private const string It = "\u0001";
    private const string Then = "\u0002";
    private static readonly Duration WorthComing = Duration.FromMinutes(15);
    private static readonly Duration SoonAfter = Duration.FromHours(1);
    private static readonly LocalDateTimePattern Minute = LocalDateTimePattern.CreateWithInvariantCulture("uuuu'-'MM'-'dd' 'HH':'mm");

    /// <inheritdoc/>
    public Task CreatedAsync(CalendarTransaction tx, StoredBooking booking, CancellationToken cancel) => webhooks.AddAsync(tx, booking, booking.State, null, cancel);

    /// <inheritdoc/>
    public async Task SteppedAsync(CalendarTransaction tx, StoredBooking before, BookingStep step, State to, string reason, string by, CancellationToken cancel)
    {
        await webhooks.AddAsync(tx, before, to, before.State, cancel);
        if (by == before.Message.Holder)
        {
            if (step == BookingStep.Release) await FreedAsync(tx, before, cancel);
            return;
        }
        var because = Because(reason);
        var told = (step, before.State) switch
        {
            (BookingStep.Cancel, _) when reason.StartsWith("displaced: ", StringComparison.Ordinal) => ("displaced", "was taken back for an outage",
                $"{because} You stand at the head of the wait list for as long again at the same lab; you are told when a time is offered. See battlab waits list."),
            (BookingStep.Cancel, _) => ("cancelled", "was cancelled by the lab", because),
            (BookingStep.Expire, State.Pending) => ("approval-expired", "got no answer in time", " Its owners did not answer; its time is free again. Book again, and ask them directly."),
            (BookingStep.Expire, _) => ("hold-expired", "was held and has run out", " Its time is free again. Book again if you still need it."),
            (BookingStep.Decline, _) => ("declined", "was declined", because),
            (BookingStep.Confirm, State.Pending) => ("approved", "is approved and firm", ""),
            (BookingStep.MissedByHolder, _) => ("no-show", "was given away because nobody came", " It counts as used. Tell the lab if that is wrong."),
            _ => ("", "", ""),
        };
        if (told.Item1.Length > 0)
            await TellAsync(tx, before, before.Message.Holder, told.Item1, $"Your booking {told.Item2}", $"Your booking of {It} {told.Item2}.{told.Item3}", cancel);
        if (step is BookingStep.Release or BookingStep.Complete) await FreedAsync(tx, before, cancel);
    }

    /// <inheritdoc/>
    public async Task AskedAsync(CalendarTransaction tx, StoredBooking booking, IReadOnlyList<string> labs, CancellationToken cancel)
    {
        foreach (var lab in labs)
            foreach (var manager in await ManagersAsync(tx, lab, cancel))
                if (manager != booking.Message.Holder)
                    await TellAsync(tx, booking, manager, "approval-asked", "A booking asks for your approval",
                        $"A booking of {It} asks {lab} for approval. Answer with battlab approve {booking.Name} or battlab decline {booking.Name}; without an answer it ends by itself.", cancel);
    }

    /// <inheritdoc/>
    public async Task ChangedAsync(CalendarTransaction tx, StoredBooking before, StoredBooking after, string by, string reason, CancellationToken cancel)
    {
        var because = Because(reason);
        var (was, holder) = (before.Message.Holder, after.Message.Holder);
        if (was != holder && holder != by)
            await TellAsync(tx, after, holder, "handed-over", "A booking is yours now", $"A booking of {It} was handed over to you. Check in when you come; give it back if you cannot.", cancel);
        if (was != holder && was != by)
            await TellAsync(tx, before, was, "changed", "Your booking was handed to another", $"Your booking of {It} was handed over to another person by the lab.{because}", cancel);
        if (was == holder && was != by)
            await TellAsync(tx, after, holder, "changed", "Your booking was changed by the lab", $"Your booking was changed; it is now of {It}.{because}", cancel);
    }

    /// <inheritdoc/>
    public Task OfferedAsync(CalendarTransaction tx, StoredBooking hold, Instant expires, CancellationToken cancel) => TellAsync(
        tx, hold, hold.Message.Holder, "offer", "A time you wait for is free",
        $"{It} is held for you until {Then}. Take it with battlab confirm {hold.Name}; if you do not, it goes to the next in line.", cancel, at: expires);

    /// <summary>Questions of which half the time to answer is over go to the coordinators too.</summary>
    internal async Task EscalateAsync(CalendarTransaction tx, CancellationToken cancel)
    {
        foreach (var (name, owner) in await Approvals.EscalatedAsync(tx, Micros.FromInstant(clock.Now), cancel))
        {
            if (await BookingStore.FindAsync(tx, name, forUpdate: false, cancel) is not { } booking) continue;
            foreach (var person in await PersonsAsync(tx, "a.role = @role", cancel, ("role", Roles.Coordinator)))
                await TellAsync(tx, booking, person, "approval-escalated", $"{owner} has not answered", $"{owner} has not answered a booking of {It}, and half the time is over. You may answer in its place: battlab approve {name}.", cancel, owner);
        }
    }

    /// <summary>Managers of a lab, by name.</summary>
    internal Task<List<string>> ManagersAsync(CalendarTransaction tx, string lab, CancellationToken cancel) =>
        PersonsAsync(tx, "a.role = @role AND a.lab = @lab", cancel, ("role", Roles.LabManager), ("lab", lab));

    private Task<List<string>> PersonsAsync(CalendarTransaction tx, string where, CancellationToken cancel, params (string, object?)[] values) => tx.QueryAsync(
        $"SELECT DISTINCT a.person FROM affiliations a WHERE {where} AND a.from_us <= @now AND (a.until_us IS NULL OR a.until_us > @now) ORDER BY a.person",
        r => r.GetString(0), cancel, [.. values, ("now", Micros.FromInstant(clock.Now))]);

    // Who comes next within the hour, and on the same channel, may come earlier; only the first, and only when it is worth the way.
    private async Task FreedAsync(CalendarTransaction tx, StoredBooking ended, CancellationToken cancel)
    {
        var (now, end) = (clock.Now, ended.Window.End);
        if (end - now < WorthComing) return;
        var query = new BookingQuery(new TimeWindow(end, end + SoonAfter + Duration.FromSeconds(1)), ended.Message.Channels, "", IncludeEnded: false, AfterStart: Micros.FromInstant(end - options.Longest), AfterId: 0, Limit: 50);
        var next = (await BookingStore.OverlappingAsync(tx, query, cancel)).FirstOrDefault(b => b.State == State.Confirmed && b.Window.Start >= end && b.Window.Start <= end + SoonAfter);
        if (next is null || next.Message.Holder == ended.Message.Holder) return;
        await TellAsync(tx, next, next.Message.Holder, "freed", "Your rig is free earlier", $"The booking before yours of {It} has ended early: the time from {Then} is free. Change yours if you can come.", cancel, ended.Name, now);
    }

    private async Task TellAsync(CalendarTransaction tx, StoredBooking booking, string person, string kind, string title, string text, CancellationToken cancel, string also = "", Instant? at = null)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        var zone = ZoneOf(booking.Message.Channels, snapshot);
        text = text.Replace(It, What(booking, snapshot, zone), StringComparison.Ordinal);
        if (at is { } instant) text = text.Replace(Then, $"{Minute.Format(instant.InZone(zone).LocalDateTime)} ({zone.Id})", StringComparison.Ordinal);
        await notices.TellAsync(tx, new NewNotice(person, kind, booking.Name, title, $"{text}\n\n{booking.Name}\n", $"{kind}|{booking.Name}|{also}"), cancel);
    }

    private static string Because(string reason) => reason.Length == 0 ? "" : $" Reason: {string.Concat(reason.Where(c => !char.IsControl(c) || c == '\n'))}.";

    private static string What(StoredBooking booking, CatalogueSnapshot snapshot, DateTimeZone zone)
    {
        var rigs = booking.Message.Channels.GroupBy(c => snapshot.RigOfChannel(c)?.Title is { Length: > 0 } title ? title : c.Split("/channels/")[0])
            .Select(g => $"{g.Key} ({(g.Count() == 1 ? "channel" : "channels")} {string.Join(", ", g.Select(c => c.Split('/')[^1]))})");
        var (start, end) = (booking.Window.Start.InZone(zone).LocalDateTime, booking.Window.End.InZone(zone).LocalDateTime);
        var until = start.Date == end.Date ? end.TimeOfDay.ToString("HH:mm", CultureInfo.InvariantCulture) : Minute.Format(end);
        return $"{string.Join(" and ", rigs)}, {Minute.Format(start)} to {until} ({zone.Id})";
    }

    private static DateTimeZone ZoneOf(IEnumerable<string> channels, CatalogueSnapshot snapshot) =>
        channels.Select(snapshot.LabOf).FirstOrDefault(l => l is not null)?.TimeZone is { Length: > 0 } id ? DateTimeZoneProviders.Tzdb.GetZoneOrNull(id) ?? DateTimeZone.Utc : DateTimeZone.Utc;
}
