using BattKomp.Lab.Domain.Bookings.Recurrence;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using NodaTime;
using NodaTime.Text;
using WhenTwice = BattKomp.Lab.Domain.Bookings.Recurrence.WhenTwice;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>Reads what makes a booking a series: the first window on the lab's wall clock and the rule.</summary>
internal static class SeriesFields
{
    private static readonly LocalDateTimePattern Wall = LocalDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd'T'HH:mm");

    /// <summary>Wall time as the contract writes it.</summary>
    internal static string Text(LocalDateTime wall) => Wall.Format(wall);

    /// <summary>Every instance in order.</summary>
    /// <exception cref="LabException">FIELDS_INVALID.</exception>
    internal static IReadOnlyList<Occurrence> Read(CreateSeriesRequest request, CatalogueSnapshot catalogue)
    {
        var start = Wall.Parse(request.FirstStart);
        var zones = (request.Booking?.Channels ?? []).Select(catalogue.LabOf).Select(l => l?.TimeZone).Distinct().ToList();
        var zone = zones is [{ } only] ? DateTimeZoneProviders.Tzdb.GetZoneOrNull(only) : null;
        var known = RecurrenceRule.TryParse(request.Rrule, out var rule, out var mistake);
        new FieldChecks()
            .Require(request.Booking?.Window is null, "booking.window", "is given; a series takes first_start, wall_minutes and rrule instead.")
            .Require(start.Success, "first_start", "is no wall time; write it like 2026-11-30T08:15.")
            .Require(zone is not null, "booking.channels", "must be known channels of labs in one time zone, since a series is told in wall time.")
            .Require(known, "rrule", mistake?.Message ?? "")
            .Require(Enum.IsDefined(request.WhenTwice), "when_twice", "is unknown; use EARLIER or LATER, or leave it out.")
            .Require(Enum.IsDefined(request.OnConflict), "on_conflict", "is unknown; use REFUSE_ALL or SKIP_REFUSED.")
            .ThrowIfAny();
        if (Recurrences.TryExpand(rule!, new WallWindow(start.Value, request.WallMinutes, zone!, (WhenTwice)(int)request.WhenTwice), out var occurrences, out var error)) return occurrences;
        throw LabErrors.FieldsInvalid([(error.Part switch { "START" => "first_start", "DURATION" => "wall_minutes", _ => "rrule" }, error.Message)]);
    }
}
