using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform.Errors;
using Ical.Net;
using Ical.Net.CalendarComponents;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Feeds;

/// <summary>
/// Reads closures from iCalendar text that anybody may have written: bounded before it is parsed, event by event, so that one mistake hides no other and
/// nothing is expanded. Pure.
/// </summary>
public static class ClosureFile
{
    internal const int MostBytes = 256 * 1024;
    internal const int MostEvents = 500;
    internal const int MostMistakes = 40;
    private const int LongestDays = 400;
    private const int LongestUid = 200;
    private const int LongestWhy = 200;

    /// <summary>The closures, with what was cancelled; mistakes are noted in <paramref name="checks"/> by event.</summary>
    public static IReadOnlyList<ImportedClosure> Read(string text, LocalDate today, FieldChecks checks)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(text) is var bytes && bytes is 0 or > MostBytes)
        {
            checks.Require(false, "ics", $"has {bytes} bytes; send an iCalendar file of at most {MostBytes / 1024} KB.");
            return [];
        }
        var events = Split(text, checks);
        checks.Require(events.Count > 0 || !checks.Ok, "ics", "holds no event (VEVENT); export whole-day events.")
            .Require(events.Count <= MostEvents, "ics", $"holds {events.Count} events; split it, {MostEvents} at a time.");
        if (!checks.Ok) return [];
        var (closures, mistakes) = (new List<ImportedClosure>(), new List<(string, string)>());
        foreach (var (lines, number) in events.Select((e, i) => (e, i + 1)))
            ReadEvent(lines, $"ics.event[{number}]", today, closures, mistakes);
        foreach (var uid in closures.GroupBy(c => c.Uid).Where(g => g.Count() > 1).Select(g => g.Key))
            mistakes.Add(("ics", $"holds UID '{uid}' more than once; each closure has its own."));
        foreach (var (field, description) in mistakes.Take(MostMistakes)) checks.Require(false, field, description);
        checks.Require(mistakes.Count <= MostMistakes, "ics", $"has {mistakes.Count - MostMistakes} mistakes more.");
        return closures;
    }

    // The lines of each event. What stands around the events (zones, alarms) is not needed for whole days and is not read.
    private static List<List<string>> Split(string text, FieldChecks checks)
    {
        var events = new List<List<string>>();
        List<string>? open = null;
        // Components inside the event that is being read.
        var (inner, calendars) = (0, 0);
        foreach (var line in text.Split('\n').Select(l => l.TrimEnd('\r')))
        {
            if (Is(line, "BEGIN:VCALENDAR")) calendars++;
            if (Is(line, "BEGIN:VEVENT") && open is null) (open, inner) = ([line], 0);
            else if (open is not null && Is(line, "END:VEVENT") && inner == 0)
            {
                open.Add(line);
                events.Add(open);
                open = null;
            }
            else if (open is not null && line.StartsWith("BEGIN:", StringComparison.OrdinalIgnoreCase)) inner++;
            else if (open is not null && line.StartsWith("END:", StringComparison.OrdinalIgnoreCase)) inner--;
            else if (open is not null && inner == 0) open.Add(line);
        }
        checks.Require(calendars == 1, "ics", $"holds {calendars} calendars (BEGIN:VCALENDAR); send one.")
            .Require(open is null, "ics", $"ends inside event {events.Count + 1} (no END:VEVENT); send the whole file.");
        return events;
    }

    private static void ReadEvent(List<string> lines, string field, LocalDate today, List<ImportedClosure> closures, List<(string, string)> mistakes)
    {
        CalendarEvent? one;
        try
        {
            one = Calendar.Load($"BEGIN:VCALENDAR\nVERSION:2.0\n{string.Join('\n', lines)}\nEND:VCALENDAR\n")?.Events.SingleOrDefault();
        }
        // The parser throws what it likes (dates out of range, unknown forms); its input is all that it was given.
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            mistakes.Add((field, $"cannot be read: {Short(e.Message)}"));
            return;
        }
        if (one is null) mistakes.Add((field, "cannot be read as an event."));
        // The parser makes one up where there is none: it would be another at every import.
        else if (!lines.Exists(l => l.StartsWith("UID", StringComparison.OrdinalIgnoreCase))) mistakes.Add((field, Named(one, "has no UID; it is what a later import replaces it by.")));
        else if (Check(one, today) is { Count: > 0 } wrong) mistakes.AddRange(wrong.Select(w => (field, Named(one, w))));
        else closures.Add(Closure(one));
    }

    private static List<string> Check(CalendarEvent one, LocalDate today)
    {
        var wrong = new List<string>();
        if (one.Uid is not { Length: > 0 and <= LongestUid }) wrong.Add($"has no UID of 1 to {LongestUid} characters.");
        if (IsCancelled(one)) return wrong;
        if (one.Summary?.Trim() is not { Length: > 0 and <= LongestWhy }) wrong.Add($"has no SUMMARY of 1 to {LongestWhy} characters that says why.");
        if (new[] { "RRULE", "RDATE", "EXRULE", "EXDATE", "RECURRENCE-ID" }.FirstOrDefault(p => one.Properties.ContainsKey(p)) is { } recurring)
            wrong.Add($"recurs ({recurring}); write each closure as an event of its own.");
        if (one.DtStart is null) wrong.Add("has no DTSTART.");
        else if (one.DtStart.HasTime || one.DtEnd is { HasTime: true } || one.Duration is { HasTime: true }) wrong.Add("has a time of day; a closure is of whole days (VALUE=DATE). Book an outage instead.");
        else wrong.AddRange(CheckDays(one, today));
        return wrong;
    }

    private static IEnumerable<string> CheckDays(CalendarEvent one, LocalDate today)
    {
        var days = DaysOf(one);
        if (days < 1) yield return "ends before it starts; DTEND is the first day that is open again.";
        if (days > LongestDays) yield return $"lasts {days} days; at most {LongestDays}, split it.";
        var first = First(one);
        if (first < today.PlusYears(-1) || first > today.PlusYears(10)) yield return $"starts on {first:uuuu-MM-dd}; closures lie from a year back to ten years ahead.";
    }

    private static ImportedClosure Closure(CalendarEvent one)
    {
        if (IsCancelled(one)) return new ImportedClosure(one.Uid!, default, default, "", Removed: true);
        return new ImportedClosure(one.Uid!, First(one), First(one).PlusDays(DaysOf(one) - 1), one.Summary!.Trim(), Removed: false);
    }

    private static int DaysOf(CalendarEvent one) =>
        one.DtEnd is { } end ? Period.DaysBetween(First(one), LocalDate.FromDateOnly(end.Date))
        : one.Duration is { } length ? (int)Math.Clamp(length.Sign * ((long)(length.Weeks ?? 0) * 7 + (length.Days ?? 0)), -1, 100_000)
        : 1;

    private static LocalDate First(CalendarEvent one) => LocalDate.FromDateOnly(one.DtStart!.Date);

    private static bool IsCancelled(CalendarEvent one) => string.Equals(one.Status, "CANCELLED", StringComparison.OrdinalIgnoreCase);

    // A leading blank would make it the rest of the line before.
    private static bool Is(string line, string what) => line.TrimEnd().Equals(what, StringComparison.OrdinalIgnoreCase);

    private static string Named(CalendarEvent one, string wrong) => one.Summary is { Length: > 0 } summary ? $"('{Short(summary)}') {wrong}" : wrong;

    private static string Short(string text)
    {
        var line = text.ReplaceLineEndings(" ");
        return line.Length <= 80 ? line : line[..80] + "…";
    }
}
