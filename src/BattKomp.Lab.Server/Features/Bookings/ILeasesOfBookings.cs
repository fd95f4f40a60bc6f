using BattKomp.Lab.Server.Platform.Database;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>What bookings ask of the slice that owns leases; that slice registers it.</summary>
public interface ILeasesOfBookings
{
    /// <summary>How the reason of a booking begins whose holder alone stands in the way of a lease.</summary>
    const string HolderGetsNone = "its holder gets no lease: ";

    /// <summary>Lets the leases that are out, and the runs, of a booking go on under its successor, whose window is theirs from now on.</summary>
    Task FollowAsync(CalendarTransaction tx, string booking, StoredBooking successor, CancellationToken cancel);

    /// <summary>Sends what was followed, once it is committed.</summary>
    void Wake();

    /// <summary>
    /// True when nothing can be running on the booking's channels: no lease is out, or every agent that holds one has been heard of since
    /// <paramref name="sinceUs"/> and no run has started.
    /// </summary>
    Task<bool> IsIdleAsync(CalendarTransaction tx, string booking, long sinceUs, CancellationToken cancel);

    /// <summary>True when any lease was given out for the booking.</summary>
    Task<bool> WereGivenAsync(CalendarTransaction tx, string booking, CancellationToken cancel);
}
