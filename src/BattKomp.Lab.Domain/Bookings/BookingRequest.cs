using BattKomp.Lab.Domain.Time;

namespace BattKomp.Lab.Domain.Bookings;

/// <summary>How people take part in a booking.</summary>
public enum Presence
{
    /// <summary>At the rig.</summary>
    OnSite,

    /// <summary>Elsewhere, looking on.</summary>
    RemoteView,

    /// <summary>Elsewhere, operating.</summary>
    RemoteOperate,
}

/// <summary>What somebody wants to book: all the channels or none.</summary>
/// <param name="Channels">rigs/{rig}/channels/{channel}, as asked for (unknown and repeated ones included).</param>
/// <param name="Window">Half-open, UTC.</param>
public sealed record BookingRequest(IReadOnlyList<string> Channels, TimeWindow Window)
{
    /// <summary>Persons present or connected, at least 1.</summary>
    public int Headcount { get; init; } = 1;

    /// <summary>How they take part.</summary>
    public Presence Presence { get; init; } = Presence.OnSite;

    /// <summary>The window of the booking that this one takes the place of; null for a new one.</summary>
    public TimeWindow? Former { get; init; }

    /// <summary>Who of them is not yet 18; null = nobody.</summary>
    public YoungPeople? Young { get; init; }

    /// <summary>What is left of the window: papers need not have held in the part that is over.</summary>
    public TimeWindow Left(NodaTime.Instant now) => Window.Start < now && now < Window.End ? new TimeWindow(now, Window.End) : Window;

    /// <summary>The wish is for a hold that its holder confirms or lets go.</summary>
    public bool Hold { get; init; }
}
