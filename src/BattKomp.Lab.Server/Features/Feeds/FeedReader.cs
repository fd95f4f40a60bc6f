using System.Security.Cryptography;
using System.Text;
using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Feeds;

/// <summary>A feed as it goes out.</summary>
/// <param name="Bytes">iCalendar, UTF-8.</param>
/// <param name="Tag">Hash of what it says, the time of asking excepted.</param>
public sealed record FeedDocument(byte[] Bytes, string Tag);

/// <summary>Reads a feed as its owner would see it now: with the affiliations in force, through the one view function.</summary>
public sealed class FeedReader(Feeds feeds, CallerResolver callers, Catalogue.Catalogue catalogue, BookingCalendar calendar, MachineClock clock)
{
    /// <summary>How far back a feed reaches.</summary>
    public static readonly Duration Back = Duration.FromDays(30);

    /// <summary>How far ahead a feed reaches.</summary>
    public static readonly Duration Ahead = Duration.FromDays(400);

    /// <summary>Bookings in a feed at most; one with more says until when it is whole.</summary>
    public const int MostBookings = 5000;

    /// <summary>The document; null for a token that is malformed, unknown or revoked, and when the owner holds no role any more.</summary>
    public async Task<FeedDocument?> ReadAsync(string token, CancellationToken cancel)
    {
        if (await feeds.FindAsync(token, cancel) is not { } feed) return null;
        // A feed outlives a sign-in; it does not outlive the last role that its owner had.
        if (await callers.PersonAsync(feed.Owner, cancel) is not { Affiliations.Count: > 0 } owner) return null;
        var snapshot = await catalogue.GetAsync(cancel);
        var (now, of) = (clock.Now, feed.Message.Of);
        var own = ResourceNames.Is(of, "persons");
        var channels = own ? null : ChannelsOf(of, snapshot);
        if (!own && channels is null) return null;
        var window = new TimeWindow(now - Back, now + Ahead);
        var (bookings, outages) = await calendar.OverlappingAsync(window, channels, own ? feed.Owner : "", MostBookings + 1, cancel);
        var content = new FeedContent(feed, owner, snapshot, now) { Bookings = [.. bookings.Take(MostBookings)], Outages = own ? [] : outages, Cut = bookings.Count > MostBookings };
        var text = FeedCalendar.Write(content);
        return new FeedDocument(Encoding.UTF8.GetBytes(text), TagOf(text));
    }

    /// <summary>The channels that a rig, channel or lab name stands for; null when it is none of them.</summary>
    internal static IReadOnlyList<string>? ChannelsOf(string of, CatalogueSnapshot snapshot) =>
        snapshot.Channel(of) is not null ? [of]
        : snapshot.Rig(of) is { } rig ? [.. rig.Channels.Select(c => c.Name)]
        : snapshot.Lab(of) is not null ? [.. snapshot.Rigs.Where(r => r.Lab == of).SelectMany(r => r.Channels).Select(c => c.Name)]
        : null;

    private static string TagOf(string text)
    {
        var said = string.Join('\n', text.Split('\n').Where(line => !line.StartsWith("DTSTAMP", StringComparison.Ordinal)));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(said)));
    }
}
