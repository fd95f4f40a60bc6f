using BattKomp.Lab.Domain.Time;
using NodaTime;
using NodaTime.TimeZones;

namespace BattKomp.Lab.Domain.Bookings;

/// <summary>
/// Opening hours as instants. A minute counts as open when the lab's wall clock shows an open minute of an open day: a
/// stretch that spring skips is shorter, one that autumn repeats is open both times.
/// </summary>
public static class OpeningTimes
{
    private const int MinutesPerDay = 24 * 60;

    /// <summary>True when nothing ever closes the lab.</summary>
    public static bool AlwaysOpen(LabFacts lab) => lab.Hours.Count == 0 && lab.Closures.Count == 0;

    /// <summary>The open stretches within <paramref name="within"/>, in order, merged where they touch.</summary>
    public static IReadOnlyList<TimeWindow> In(LabFacts lab, TimeWindow within)
    {
        if (AlwaysOpen(lab)) return [within];
        var zones = lab.Zone.GetZoneIntervals(new Interval(within.Start - Duration.FromDays(2), within.End + Duration.FromDays(2))).ToList();
        var last = within.End.InZone(lab.Zone).Date;
        var pieces = new List<TimeWindow>();
        for (var day = within.Start.InZone(lab.Zone).Date; day <= last; day = day.PlusDays(1))
            foreach (var (opens, closes) in StretchesOf(lab, day))
                foreach (var zone in zones)
                    AddPiece(pieces, within, zone, day, opens, closes);
        return Merge(pieces);
    }

    /// <summary>True when the lab is open throughout the window.</summary>
    public static bool CoversAll(LabFacts lab, TimeWindow window) => In(lab, window) is [var only] && only == window;

    /// <summary>True when the lab is open at the instant.</summary>
    public static bool IsOpen(LabFacts lab, Instant at) => CoversAll(lab, new TimeWindow(at, at + Duration.FromTicks(10)));

    private static IEnumerable<(int Opens, int Closes)> StretchesOf(LabFacts lab, LocalDate day)
    {
        if (lab.Closures.Any(c => c.First <= day && day <= c.Last)) return [];
        return lab.Hours.Count == 0
            ? [(0, MinutesPerDay)]
            : lab.Hours.Where(h => h.Day == day.DayOfWeek && h.OpensMinute < h.ClosesMinute).Select(h => (h.OpensMinute, h.ClosesMinute));
    }

    private static void AddPiece(List<TimeWindow> pieces, TimeWindow within, ZoneInterval zone, LocalDate day, int opens, int closes)
    {
        var midnight = day.AtMidnight();
        var start = Instant.Max(midnight.PlusMinutes(opens).WithOffset(zone.WallOffset).ToInstant(), within.Start);
        var end = Instant.Min(midnight.PlusMinutes(closes).WithOffset(zone.WallOffset).ToInstant(), within.End);
        if (zone.HasStart) start = Instant.Max(start, zone.Start);
        if (zone.HasEnd) end = Instant.Min(end, zone.End);
        if (start < end) pieces.Add(new TimeWindow(start, end));
    }

    private static List<TimeWindow> Merge(List<TimeWindow> pieces)
    {
        var merged = new List<TimeWindow>();
        foreach (var piece in pieces.OrderBy(p => p.Start))
        {
            if (merged.Count > 0 && merged[^1].End >= piece.Start)
                merged[^1] = new TimeWindow(merged[^1].Start, Instant.Max(merged[^1].End, piece.End));
            else
                merged.Add(piece);
        }
        return merged;
    }
}
