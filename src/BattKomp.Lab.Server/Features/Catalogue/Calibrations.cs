using BattKomp.Lab.V1;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Catalogue;

/// <summary>Which calibrations of a channel's instrument are in force on a day (UTC), and whether one is overdue.</summary>
internal static class Calibrations
{
    /// <summary>calibrations/… in force.</summary>
    internal static IReadOnlyList<string> InForce(CatalogueSnapshot snapshot, string channel, LocalDate today) =>
        [.. Of(snapshot, channel).Where(c => Begun(c, today) && !Over(c, today)).Select(c => c.Name)];

    /// <summary>True when a quantity was calibrated once and is not any longer. An instrument without any certificate is not overdue.</summary>
    internal static bool Overdue(CatalogueSnapshot snapshot, string channel, LocalDate today) => Of(snapshot, channel)
        .Where(c => Begun(c, today)).GroupBy(c => c.Quantity).Any(g => g.All(c => Over(c, today)));

    private static IEnumerable<Calibration> Of(CatalogueSnapshot snapshot, string channel) =>
        snapshot.Channel(channel) is { } found && snapshot.InstrumentOf(found) is { } instrument ? instrument.Calibrations : [];

    private static bool Begun(Calibration c, LocalDate today) => Day(c.Performed) <= today;

    private static bool Over(Calibration c, LocalDate today) => c.Due is not null && today > Day(c.Due);

    private static LocalDate Day(Google.Type.Date? date) => date is { Year: > 0, Month: > 0, Day: > 0 } ? new(date.Year, date.Month, date.Day) : LocalDate.MinIsoValue;
}
