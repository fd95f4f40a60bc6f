using System.Security.Cryptography;
using System.Text;
using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.V1;
using Ical.Net.CalendarComponents;
using Ical.Net.DataTypes;
using Ical.Net.Serialization;
using NodaTime;
using Duration = NodaTime.Duration;
using BookingState = BattKomp.Lab.V1.BookingState;
using Calendar = Ical.Net.Calendar;

namespace BattKomp.Lab.Server.Features.Feeds;

/// <summary>What a feed is made of.</summary>
/// <param name="Feed">As stored.</param>
/// <param name="Owner">Whose view it is, with the roles in force.</param>
/// <param name="Catalogue">Labs and rigs.</param>
/// <param name="Now">The moment of asking.</param>
internal sealed record FeedContent(StoredFeed Feed, PersonCaller Owner, CatalogueSnapshot Catalogue, Instant Now)
{
    /// <summary>In order of start; as stored, so that the view is decided here and nowhere before.</summary>
    internal IReadOnlyList<StoredBooking> Bookings { get; init; } = [];

    /// <summary>Maintenance, which everyone signed in may see.</summary>
    internal IReadOnlyList<Outage> Outages { get; init; } = [];

    /// <summary>There were more bookings than a feed holds.</summary>
    internal bool Cut { get; init; }
}

/// <summary>A feed as iCalendar (RFC 5545). Pure. Events are written from what <see cref="BookingViews.At"/> left of a booking, never from the booking itself.</summary>
internal static class FeedCalendar
{
    private const string Domain = "lab.battkomp.no";

    internal static string Write(FeedContent content)
    {
        var calendar = new Calendar { ProductId = "-//BattKomp.Lab//calendar feed//EN", Method = "PUBLISH" };
        calendar.AddProperty("X-WR-CALNAME", Clean(TitleOf(content)));
        calendar.AddProperty("X-PUBLISHED-TTL", "PT15M");
        if (content.Cut)
            calendar.AddProperty("X-WR-CALDESC", $"Too much for one feed: bookings that start after {Sentences.Of(content.Bookings[^1].Window.Start)} are not shown. Subscribe to a rig or channel instead.");
        foreach (var booking in content.Bookings)
            if (EventOf(content, booking) is { } one)
                calendar.Events.Add(one);
        foreach (var outage in content.Outages) calendar.Events.Add(EventOf(content, outage));
        foreach (var (closure, i) in (content.Catalogue.Lab(content.Feed.Message.Of)?.Closures ?? []).Select((c, i) => (c, i)))
            calendar.Events.Add(EventOf(content, closure, i));
        return IcsLines.Refold(new CalendarSerializer().SerializeToString(calendar)!);
    }

    private static CalendarEvent? EventOf(FeedContent content, StoredBooking booking)
    {
        // A changed booking is told by its successor.
        if (booking.Message.Successor.Length > 0) return null;
        var level = BookingViews.LevelOf(content.Owner, booking, content.Catalogue, content.Now);
        // A hidden booking shows as taken time; one that takes no time shows not at all.
        if (level == ViewLevel.Hidden && !BookingStates.Occupies(booking.State)) return null;
        var seen = BookingViews.WithNotices(BookingViews.At(level, booking), content.Catalogue);
        var one = Event(content, seen.BusyOnly ? Hidden(content.Feed.UidKey, booking.Name) : ResourceNames.LastId(seen.Name), seen.Window, seen.Channels);
        if (seen.BusyOnly)
        {
            one.Summary = "Busy";
            // How often it was changed is told to nobody who may not see it.
            one.Properties.Remove("SEQUENCE");
            return one;
        }
        (one.Sequence, one.Status) = (booking.Version - 1, StatusOf(seen.State));
        one.Transparency = one.Status == "CANCELLED" ? "TRANSPARENT" : "OPAQUE";
        one.Summary = Clean(seen.SafetyView ? "Confidential booking" : seen.Title.Length > 0 ? seen.Title : $"{Title(content, "purpose", seen.Purpose)}");
        one.Description = Clean(DescriptionOf(content, seen));
        return one;
    }

    private static CalendarEvent EventOf(FeedContent content, Outage outage)
    {
        var one = Event(content, ResourceNames.LastId(outage.Name), outage.Window, outage.Resources);
        one.Summary = Clean($"Out of use: {outage.Why}");
        one.Properties.Remove("SEQUENCE");
        return one;
    }

    private static CalendarEvent EventOf(FeedContent content, Closure closure, int number)
    {
        var uid = $"closure-{number}-{ResourceNames.LastId(content.Feed.Message.Of)}@{Domain}";
        var one = new CalendarEvent { Uid = uid, DtStamp = At(content.Now), DtStart = Day(closure.FirstDay), DtEnd = Day(closure.LastDay).AddDays(1), Summary = Clean($"Closed: {closure.Why}") };
        one.Properties.Remove("SEQUENCE");
        return one;
    }

    private static CalendarEvent Event(FeedContent content, string id, TimeWindow window, IEnumerable<string> resources)
    {
        var (start, end) = (BookingTimes.Instant(window.Start), BookingTimes.Instant(window.End));
        return new CalendarEvent
        {
            Uid = $"{id}@{Domain}",
            DtStamp = At(content.Now),
            DtStart = At(start),
            // Whole seconds are all that iCalendar knows: rounded outwards, and never to nothing.
            DtEnd = At(end + Duration.FromNanoseconds(999_999_999)),
            Location = Clean(string.Join("; ", resources.Select(r => PlaceOf(content.Catalogue, r)).Distinct())),
            Transparency = "OPAQUE",
        };
    }

    /// <summary>The same for the same booking in the same feed, and nothing to anybody who lacks the key.</summary>
    private static string Hidden(byte[] key, string name) => "busy-" + Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(name)))[..32];

    private static string StatusOf(BookingState state) => state switch
    {
        BookingState.Held or BookingState.Pending => "TENTATIVE",
        BookingState.Confirmed or BookingState.Running or BookingState.Completed => "CONFIRMED",
        _ => "CANCELLED",
    };

    private static string TitleOf(FeedContent content)
    {
        var of = content.Feed.Message.Of;
        if (ResourceNames.Is(of, "persons")) return "My bookings";
        return content.Catalogue.Lab(of) is { Title.Length: > 0 } lab ? lab.Title : PlaceOf(content.Catalogue, of);
    }

    private static string PlaceOf(CatalogueSnapshot catalogue, string resource)
    {
        var rig = catalogue.RigOfChannel(resource)?.Title ?? resource;
        var channel = catalogue.Channel(resource) is { } c ? c.Title.Length > 0 ? c.Title : c.Name : "";
        return string.Join(", ", new[] { channel, rig, catalogue.LabOf(resource)?.Title ?? "" }.Where(p => p.Length > 0));
    }

    private static string DescriptionOf(FeedContent content, Booking seen)
    {
        var lines = new List<string> { $"{seen.Name}, {seen.State.ToString().ToLowerInvariant()}", $"Persons: {seen.Headcount}" };
        if (!seen.SafetyView) lines.Insert(1, $"{Title(content, "purpose", seen.Purpose)}, {Title(content, "activity-class", seen.ActivityClass)}, {Title(content, "education-level", seen.EducationLevel)}");
        lines.AddRange(seen.Notices);
        return string.Join('\n', lines);
    }

    private static string Title(FeedContent content, string list, string code) =>
        content.Catalogue.CodeLists.Where(l => l.Id == list).SelectMany(l => l.Codes).LastOrDefault(c => c.Code_ == code)?.TitleEn ?? code;

    // Line breaks are escaped by the library; other control characters have no place in iCalendar.
    private static string Clean(string text) => new([.. text.Where(c => c == '\n' || !char.IsControl(c))]);

    private static CalDateTime At(Instant instant)
    {
        var utc = instant.ToDateTimeUtc();
        return new CalDateTime(new DateTime(utc.Ticks - utc.Ticks % TimeSpan.TicksPerSecond, DateTimeKind.Utc));
    }

    private static CalDateTime Day(Google.Type.Date day) => new(day.Year, day.Month, day.Day);
}
