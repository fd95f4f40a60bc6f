using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using NodaTime;
using Affiliation = BattKomp.Lab.Domain.Access.Affiliation;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;
using VisibilityKind = BattKomp.Lab.V1.VisibilityKind;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>Reads what a caller wrote: every malformed field at once, each with its remedy; then a clean copy.</summary>
internal static class BookingFields
{
    private const int MostChannels = 64;
    private const int MostPersons = 1000;

    /// <summary>A clean booking: output-only fields emptied, defaults filled in, times cut to the microsecond.</summary>
    /// <exception cref="LabException">FIELDS_INVALID.</exception>
    /// <param name="asked">As it came.</param>
    /// <param name="person">Who asks.</param>
    /// <param name="catalogue">Codes and rigs.</param>
    /// <param name="now">Machine time.</param>
    /// <param name="former">The booking that it takes the place of, whose holder and affiliation it keeps; null for a new one.</param>
    internal static Booking Read(Booking? asked, PersonCaller person, CatalogueSnapshot catalogue, Instant now, Booking? former = null)
    {
        var b = asked ?? new Booking();
        var checks = new FieldChecks();
        Channels(checks, b);
        var window = Window(checks, b.Window, "booking.window");
        checks.Require(window is not { } w || w.End > now, "booking.window.end", "is past; book time to come.");
        Codes(checks, b, catalogue);
        Young(checks, b, catalogue);
        Visible(checks, b.Visibility);
        Texts(checks, b);
        checks.Require(b.Headcount is >= 1 and <= MostPersons, "booking.headcount", $"is {b.Headcount}; say how many take part, 1 to {MostPersons}.")
            .Require(System.Enum.IsDefined(b.Presence) && b.Presence != V1.Presence.Unspecified, "booking.presence", "is missing; use ON_SITE, REMOTE_VIEW or REMOTE_OPERATE.");
        var (holder, affiliation) = former is null ? (person.Name, Affiliation(checks, b.Affiliation, person)?.Name ?? "") : (former.Holder, former.Affiliation);
        checks.ThrowIfAny();
        return Clean(b, catalogue, window!.Value, holder, affiliation);
    }

    /// <summary>The window of a request; null (and a note) when it is not one.</summary>
    internal static TimeWindow? Window(FieldChecks checks, V1.TimeWindow? window, string field)
    {
        var (start, end) = (Stamp(checks, window?.Start, field + ".start"), Stamp(checks, window?.End, field + ".end"));
        if (start is not { } s || end is not { } e) return null;
        checks.Require(s < e, field + ".end", s == e ? "equals the start; a window has a length." : "lies before the start; swap them.");
        return s < e ? new TimeWindow(s, e) : null;
    }

    private static Instant? Stamp(FieldChecks checks, Timestamp? stamp, string field)
    {
        // 2000-01-01 to 2200-01-01: anything else is a slip, and keeps arithmetic far from its ends.
        var ok = stamp is { Seconds: >= 946_684_800 and < 7_258_118_400, Nanos: >= 0 and < 1_000_000_000 };
        checks.Require(ok, field, stamp is null ? "is missing; give a UTC time." : "is not a time between the years 2000 and 2200.");
        return ok ? BookingTimes.Instant(stamp!) : null;
    }

    private static void Channels(FieldChecks checks, Booking b)
    {
        checks.Require(b.Channels.Count > 0, "booking.channels", "is empty; name at least one channel, rigs/<rig>/channels/<channel>.")
            .Require(b.Channels.Count <= MostChannels, "booking.channels", $"names {b.Channels.Count} channels; one booking takes at most {MostChannels}.");
        for (var i = 0; i < Math.Min(b.Channels.Count, MostChannels); i++)
            checks.Require(ResourceNames.Is(b.Channels[i], "rigs", "channels"), $"booking.channels[{i}]", $"is '{Short(b.Channels[i])}'; use rigs/<rig>/channels/<channel>.");
    }

    private static void Codes(FieldChecks checks, Booking b, CatalogueSnapshot catalogue)
    {
        foreach (var (field, list, code) in new[] { ("purpose", "purpose", b.Purpose), ("activity_class", "activity-class", b.ActivityClass), ("education_level", "education-level", b.EducationLevel) })
            checks.Require(catalogue.HasCode(list, code), $"booking.{field}", $"is '{Short(code)}'; use one of {catalogue.CodesOf(list)}.");
        checks.Require(b.Stages.Count <= 20, "booking.stages", $"names {b.Stages.Count} stages; at most 20.");
        for (var i = 0; i < Math.Min(b.Stages.Count, 20); i++)
            checks.Require(catalogue.HasCode("stage", b.Stages[i]), $"booking.stages[{i}]", $"is '{Short(b.Stages[i])}'; use one of {catalogue.CodesOf("stage")}.");
    }

    private static void Young(FieldChecks checks, Booking b, CatalogueSnapshot catalogue)
    {
        if (b.YoungPeople is not { } y) return;
        checks.Require(y is { Under15: >= 0, From15To17: >= 0, Instructors: >= 0 }, "booking.young_people", "holds a negative number; count people.")
            .Require((long)y.Under15 + y.From15To17 + y.Instructors <= b.Headcount, "booking.headcount", $"is {b.Headcount}, fewer than the young people and instructors that it counts; say how many there are in all.")
            .Require(catalogue.HasCode("training-track", y.Track), "booking.young_people.track", $"is '{Short(y.Track)}'; use one of {catalogue.CodesOf("training-track")}.");
    }

    private static void Visible(FieldChecks checks, V1.Visibility? visibility)
    {
        if (visibility is null) return;
        checks.Require(System.Enum.IsDefined(visibility.Kind), "booking.visibility.kind", "is unknown; use OPEN, EMBARGO, CONSORTIUM or CONFIDENTIAL.")
            .Require(visibility.Kind != VisibilityKind.Embargo || visibility.EmbargoUntil is not null, "booking.visibility.embargo_until", "is missing; an embargo needs its end.")
            .Require(visibility.Kind != VisibilityKind.Consortium || visibility.Consortium.Count > 0, "booking.visibility.consortium", "is empty; name the organisations.")
            .Require(visibility.Consortium.Count <= 50, "booking.visibility.consortium", "names more than 50 organisations.")
            .Require(visibility.Consortium.All(o => ResourceNames.Is(o, "organisations")), "booking.visibility.consortium", "must hold names like organisations/<organisation>.");
        if (visibility.EmbargoUntil is not null) Stamp(checks, visibility.EmbargoUntil, "booking.visibility.embargo_until");
    }

    private static void Texts(FieldChecks checks, Booking b)
    {
        foreach (var (field, text, most) in new[]
        {
            ("title", b.Title, 200), ("project", b.Project, 100), ("module", b.Module, 100), ("cohort", b.Cohort, 100), ("allocation", b.Allocation, 100), ("state_reason", b.StateReason, 500),
        })
            checks.Require(text.Length <= most, $"booking.{field}", $"is {text.Length} characters long; at most {most}.")
                .Require(!text.Any(char.IsControl), $"booking.{field}", "holds control characters; use one line of text.");
        checks.Require(b.CellTest.Length == 0 || ResourceNames.Is(b.CellTest, "cellTests"), "booking.cell_test", $"is '{Short(b.CellTest)}'; use cellTests/<cell test> or leave it empty.")
            .Require(b.Procedure.Length == 0 || ResourceNames.Is(b.Procedure, "procedures", "versions"), "booking.procedure",
                $"is '{Short(b.Procedure)}'; use procedures/<procedure>/versions/<version> or leave it empty.");
    }

    private static Affiliation? Affiliation(FieldChecks checks, string asked, PersonCaller person)
    {
        var possible = string.Join(", ", person.Affiliations.Select(a => a.Name));
        var found = asked.Length > 0 ? person.Affiliations.FirstOrDefault(a => a.Name == asked) : person.Affiliations.Count == 1 ? person.Affiliations[0] : null;
        checks.Require(found is not null, "booking.affiliation", asked.Length > 0 ? $"is '{Short(asked)}', which is not yours; use one of {possible}." : $"is empty and you have several; use one of {possible}.");
        return found;
    }

    private static Booking Clean(Booking asked, CatalogueSnapshot catalogue, TimeWindow window, string holder, string affiliation)
    {
        var b = asked.Clone();
        b.Name = b.Etag = b.Predecessor = b.Successor = b.Series = "";
        b.BusyOnly = b.SafetyView = false;
        b.CreateTime = b.ExpireTime = b.CheckInTime = null;
        b.LateCancel = false;
        b.Runs.Clear();
        b.Approvals.Clear();
        b.Notices.Clear();
        b.State = BookingState.Confirmed;
        b.Window = BookingTimes.Window(window);
        b.Holder = holder;
        b.Affiliation = affiliation;
        if (b.Visibility is null || b.Visibility.Kind == VisibilityKind.Unspecified) b.Visibility = new V1.Visibility { Kind = VisibilityKind.Open };
        // What the rigs are for stands for what the booking is for, until the holder says more.
        if (b.Stages.Count == 0) b.Stages.AddRange(b.Channels.SelectMany(c => catalogue.RigOfChannel(c)?.Stages ?? []).Distinct());
        return b;
    }

    /// <summary>What a holder chose: the booking without what the service adds to it.</summary>
    internal static Booking Bare(Booking booking)
    {
        var bare = booking.Clone();
        bare.Name = bare.Etag = bare.Predecessor = bare.Successor = bare.StateReason = "";
        (bare.State, bare.CreateTime, bare.ExpireTime, bare.CheckInTime, bare.LateCancel) = (BookingState.Unspecified, null, null, null, false);
        bare.Runs.Clear();
        bare.Notices.Clear();
        bare.Approvals.Clear();
        return bare;
    }

    private static string Short(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
