using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.V1;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>What a caller sees of a booking: decided by the one <see cref="Views.View"/>, cut out here.</summary>
public static class BookingViews
{
    /// <summary>How much of the booking the caller sees.</summary>
    public static ViewLevel LevelOf(Caller caller, StoredBooking booking, CatalogueSnapshot catalogue, Instant now) =>
        Views.View(caller, new Viewable(booking.Visibility, booking.Organisation, [booking.Message.Holder], LabFor(caller, booking, catalogue)), now);

    /// <summary>The booking as seen at a level; <see cref="ViewLevel.Hidden"/> gives window and channels only.</summary>
    public static Booking At(ViewLevel level, StoredBooking booking) => level switch
    {
        ViewLevel.Full => booking.Message.Clone(),
        ViewLevel.Safety => Safety(booking.Message),
        _ => new Booking { Channels = { booking.Message.Channels }, Window = booking.Message.Window.Clone(), BusyOnly = true },
    };

    /// <summary>The lab in whose name the caller may act on the booking: one where they have a role, else the first.</summary>
    public static string LabFor(Caller caller, StoredBooking booking, CatalogueSnapshot catalogue)
    {
        var labs = LabsOf(booking.Message.Channels, catalogue);
        return labs.FirstOrDefault(l => caller is PersonCaller person ? person.IsStaffOf(l) : caller is AgentCaller agent && agent.Lab == l) ?? labs.FirstOrDefault() ?? "";
    }

    /// <summary>The labs of the channels, by name.</summary>
    public static IReadOnlyList<string> LabsOf(IEnumerable<string> channels, CatalogueSnapshot catalogue) =>
        [.. channels.Select(c => catalogue.RigOfChannel(c)?.Lab).OfType<string>().Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The booking with what its holder must know before coming.</summary>
    internal static Booking WithNotices(Booking booking, CatalogueSnapshot catalogue, IEnumerable<string>? more = null)
    {
        booking.Notices.Clear();
        if (booking.BusyOnly) return booking;
        foreach (var rig in booking.Channels.Select(catalogue.RigOfChannel).OfType<Rig>().Where(r => r.AttendedOnly).DistinctBy(r => r.Name))
            booking.Notices.Add($"{rig.Name} is attended only: someone must be present while it is energised, because no guard stops it if software dies.");
        if (booking is { EducationLevel: "vg1" or "vg2" or "vg3", Presence: V1.Presence.OnSite, YoungPeople: null })
            booking.Notices.Add("It says nothing of ages and counts everyone as an adult: if some of the pupils are under 18, change it to say how many, with how many instructors.");
        booking.Notices.AddRange(more ?? []);
        return booking;
    }

    internal static string Etag(int version) => $"\"{version}\"";

    // What safety needs: that it is there, when, where, with how many; not why, what or for whom.
    private static Booking Safety(Booking full) => new()
    {
        Name = full.Name,
        Channels = { full.Channels },
        Window = full.Window.Clone(),
        State = full.State,
        Headcount = full.Headcount,
        YoungPeople = full.YoungPeople?.Clone(),
        Presence = full.Presence,
        Etag = full.Etag,
        SafetyView = true,
    };
}
