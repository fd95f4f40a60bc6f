using System.Data.Common;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using NodaTime;
using State = BattKomp.Lab.Domain.Bookings.BookingState;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>A booking as the store holds it, everything in it; <see cref="BookingViews"/> decides what a caller sees.</summary>
/// <param name="Id">Row number: orders bookings that start at once.</param>
/// <param name="Message">Every field, as its holder sees them (<c>runs</c> excepted).</param>
/// <param name="Organisation">organisations/… under whose affiliation it was made.</param>
/// <param name="Version">Counts its changes; the etag.</param>
public sealed record StoredBooking(long Id, Booking Message, string Organisation, int Version)
{
    /// <summary>bookings/{booking}</summary>
    public string Name => Message.Name;

    /// <summary>Where it stands.</summary>
    public State State => (State)Message.State;

    /// <summary>Half-open, UTC.</summary>
    public TimeWindow Window => BookingTimes.Window(Message.Window);

    /// <summary>Who sees it.</summary>
    public Domain.Access.Visibility Visibility => Visibilities.FromProto(Message.Visibility);
}

/// <summary>Instants between the wire and the domain.</summary>
public static class BookingTimes
{
    /// <summary>The instant, cut to the microsecond.</summary>
    public static Instant Instant(Timestamp stamp) => Micros.ToInstant(checked(stamp.Seconds * 1_000_000 + stamp.Nanos / 1000));

    /// <summary>The stamp of an instant.</summary>
    public static Timestamp Stamp(Instant instant) => Stamp(Micros.FromInstant(instant));

    /// <summary>The stamp of microseconds since 1970.</summary>
    public static Timestamp Stamp(long micros)
    {
        var seconds = Math.DivRem(micros, 1_000_000, out var rest);
        return rest >= 0 ? new Timestamp { Seconds = seconds, Nanos = (int)rest * 1000 } : new Timestamp { Seconds = seconds - 1, Nanos = (int)(rest + 1_000_000) * 1000 };
    }

    /// <summary>The window on the wire.</summary>
    public static V1.TimeWindow Window(TimeWindow window) => new() { Start = Stamp(window.Start), End = Stamp(window.End) };

    /// <summary>The window of a well-formed message.</summary>
    public static TimeWindow Window(V1.TimeWindow window) => new(Instant(window.Start), Instant(window.End));

    /// <summary>The window of two stored instants.</summary>
    public static TimeWindow Window(long startUs, long endUs) => new(Micros.ToInstant(startUs), Micros.ToInstant(endUs));
}
