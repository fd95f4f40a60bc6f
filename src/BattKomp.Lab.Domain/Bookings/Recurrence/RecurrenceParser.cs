using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using NodaTime;
using NodaTime.Text;

namespace BattKomp.Lab.Domain.Bookings.Recurrence;

/// <summary>Reads the text of a rule. Each part has one reader, which takes the value or says what is wrong with it.</summary>
internal static class RecurrenceParser
{
    // 366 exceptions of 16 characters, and the rule.
    private const int MostCharacters = 8000;
    private const int MostInterval = 999;
    private const string EndRemedy = "End the rule with COUNT=<1 to 366> or UNTIL=<YYYYMMDD>.";

    private static readonly LocalDatePattern DateForm = LocalDatePattern.CreateWithInvariantCulture("uuuuMMdd");
    private static readonly LocalDateTimePattern WallForm = LocalDateTimePattern.CreateWithInvariantCulture("uuuuMMdd'T'HHmmss");

    private static readonly Dictionary<string, IsoDayOfWeek> Weekdays = new()
    {
        ["MO"] = IsoDayOfWeek.Monday,
        ["TU"] = IsoDayOfWeek.Tuesday,
        ["WE"] = IsoDayOfWeek.Wednesday,
        ["TH"] = IsoDayOfWeek.Thursday,
        ["FR"] = IsoDayOfWeek.Friday,
        ["SA"] = IsoDayOfWeek.Saturday,
        ["SU"] = IsoDayOfWeek.Sunday,
    };

    private delegate RecurrenceError? PartReader(ref RecurrenceRule rule, string value);

    private static readonly Dictionary<string, PartReader> Parts = new()
    {
        ["FREQ"] = ReadFrequency,
        ["INTERVAL"] = ReadInterval,
        ["COUNT"] = ReadCount,
        ["UNTIL"] = ReadUntil,
        ["BYDAY"] = ReadByDay,
        ["BYMONTHDAY"] = ReadByMonthDay,
        ["WKST"] = ReadWeekStart,
    };

    internal static bool TryParse(string text, [NotNullWhen(true)] out RecurrenceRule? rule, [NotNullWhen(false)] out RecurrenceError? error)
    {
        rule = new RecurrenceRule { Frequency = Frequency.Daily };
        error = ReadLines(ref rule, text) ?? Together(rule);
        if (error is null) return true;
        rule = null;
        return false;
    }

    private static RecurrenceError? ReadLines(ref RecurrenceRule rule, string text)
    {
        if (text.Length > MostCharacters) return RecurrenceError.Malformed("RRULE", $"The rule is {text.Length} characters long; at most {MostCharacters}.");
        var lines = text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (lines.Length == 0) return RecurrenceError.Malformed("RRULE", "The rule is empty; write one like FREQ=WEEKLY;COUNT=10.");
        var error = ReadRule(ref rule, lines[0].StartsWith("RRULE:", StringComparison.Ordinal) ? lines[0]["RRULE:".Length..] : lines[0]);
        foreach (var line in lines.Skip(1))
        {
            if (error is not null) return error;
            error = ReadExclusions(ref rule, line);
        }
        return error;
    }

    private static RecurrenceError? ReadRule(ref RecurrenceRule rule, string line)
    {
        var seen = new HashSet<string>();
        foreach (var part in line.Split(';'))
        {
            var (name, value) = part.Split('=', 2) is [var n, var v] ? (n, v) : (part, "");
            if (!Parts.TryGetValue(name, out var read))
                return RecurrenceError.Unsupported($"'{RecurrenceError.Show(name)}'", $"Use only {string.Join(", ", Parts.Keys)}, each as NAME=value, and EXDATE lines after them.");
            if (!seen.Add(name)) return RecurrenceError.Malformed(name, $"{name} stands twice; write it once.");
            if (read(ref rule, value) is { } error) return error;
        }
        return seen.Contains("FREQ") ? null : RecurrenceError.Malformed("FREQ", "FREQ is missing; use FREQ=DAILY, WEEKLY, MONTHLY or YEARLY.");
    }

    /// <summary>What parts may not stand with each other.</summary>
    private static RecurrenceError? Together(RecurrenceRule rule) => rule switch
    {
        { Count: null, Until: null } => new RecurrenceError("RECURRENCE_ENDLESS", "COUNT", "The rule never ends. " + EndRemedy),
        { Count: not null, Until: not null } => RecurrenceError.Malformed("UNTIL", "COUNT and UNTIL stand together; keep one of them."),
        { Frequency: not Frequency.Monthly } when rule.ByDay.Any(d => d.Ordinal != 0) =>
            RecurrenceError.Unsupported("BYDAY with an ordinal", "It is possible with FREQ=MONTHLY only; once a year is FREQ=MONTHLY;INTERVAL=12."),
        { Frequency: Frequency.Yearly, ByDay.Count: > 0 } => RecurrenceError.Unsupported("BYDAY with FREQ=YEARLY", "Use FREQ=MONTHLY;INTERVAL=12."),
        { Frequency: Frequency.Weekly or Frequency.Yearly, ByMonthDay.Count: > 0 } =>
            RecurrenceError.Unsupported("BYMONTHDAY with FREQ=WEEKLY or YEARLY", "Use FREQ=MONTHLY, with INTERVAL=12 for once a year."),
        _ => null,
    };

    private static RecurrenceError? ReadFrequency(ref RecurrenceRule rule, string value)
    {
        Frequency? frequency = value switch { "DAILY" => Frequency.Daily, "WEEKLY" => Frequency.Weekly, "MONTHLY" => Frequency.Monthly, "YEARLY" => Frequency.Yearly, _ => null };
        if (frequency is not { } known) return RecurrenceError.Unsupported($"FREQ={RecurrenceError.Show(value)}", "Use DAILY, WEEKLY, MONTHLY or YEARLY.");
        rule = rule with { Frequency = known };
        return null;
    }

    private static RecurrenceError? ReadInterval(ref RecurrenceRule rule, string value)
    {
        if (Number(value) is not (>= 1 and <= MostInterval and var interval)) return Bad("INTERVAL", value, $"use a whole number from 1 to {MostInterval}");
        rule = rule with { Interval = interval };
        return null;
    }

    private static RecurrenceError? ReadCount(ref RecurrenceRule rule, string value)
    {
        if (Number(value) is not (>= 1 and <= RecurrenceRule.MostInstances and var count)) return Bad("COUNT", value, $"use a whole number from 1 to {RecurrenceRule.MostInstances}");
        rule = rule with { Count = count };
        return null;
    }

    private static RecurrenceError? ReadUntil(ref RecurrenceRule rule, string value)
    {
        var utc = value.EndsWith('Z');
        var (date, wall) = (DateForm.Parse(value), WallForm.Parse(utc ? value[..^1] : value));
        if (wall.Success) rule = rule with { Until = utc ? new RecurrenceEnd(null, wall.Value.InUtc().ToInstant()) : new RecurrenceEnd(wall.Value, null) };
        else if (date.Success) rule = rule with { Until = new RecurrenceEnd(date.Value + new LocalTime(23, 59, 59), null) };
        else return Bad("UNTIL", value, "use YYYYMMDD (that day included), YYYYMMDDTHHMMSS in the lab's wall time, or YYYYMMDDTHHMMSSZ in UTC");
        return null;
    }

    private static RecurrenceError? ReadByDay(ref RecurrenceRule rule, string value)
    {
        var days = new List<WeekdayPart>();
        foreach (var item in value.Split(','))
        {
            if (item.Length < 2 || !Weekdays.TryGetValue(item[^2..], out var day)) return BadDay(item);
            var ordinal = item.Length == 2 ? 0 : Number(item[0] == '+' ? item[1..^2] : item[..^2]);
            if (item.Length > 2 && ordinal is not (>= -5 and <= 5 and not 0)) return BadDay(item);
            days.Add(new WeekdayPart(ordinal!.Value, day));
        }
        // Each once: a list as long as the text allows would be walked for every day of two centuries.
        rule = rule with { ByDay = [.. days.Distinct()] };
        return null;
    }

    private static RecurrenceError? ReadByMonthDay(ref RecurrenceRule rule, string value)
    {
        var days = new List<int>();
        foreach (var item in value.Split(','))
        {
            if (Number(item.StartsWith('+') ? item[1..] : item) is not (>= -31 and <= 31 and not 0 and var day)) return Bad("BYMONTHDAY", item, "use 1 to 31, or -1 to -31 from the month's end");
            days.Add(day);
        }
        rule = rule with { ByMonthDay = [.. days.Distinct()] };
        return null;
    }

    private static RecurrenceError? ReadWeekStart(ref RecurrenceRule rule, string value)
    {
        if (!Weekdays.TryGetValue(value, out var day)) return Bad("WKST", value, "use one of " + string.Join(", ", Weekdays.Keys));
        rule = rule with { WeekStart = day };
        return null;
    }

    private static RecurrenceError? ReadExclusions(ref RecurrenceRule rule, string line)
    {
        var (name, list) = line.Split(':', 2) is [var n, var l] ? (n, l) : (line, "");
        if (name is not ("EXDATE" or "EXDATE;VALUE=DATE"))
            return RecurrenceError.Unsupported($"'{RecurrenceError.Show(name)}'", "After the rule only lines EXDATE:<wall times> and EXDATE;VALUE=DATE:<dates> may stand.");
        var found = new List<Exclusion>(rule.Exclusions);
        foreach (var item in list.Split(','))
            if (DateForm.Parse(item) is { Success: true } date) found.Add(new Exclusion(date.Value, null));
            else if (WallForm.Parse(item) is { Success: true } wall) found.Add(new Exclusion(wall.Value.Date, wall.Value.TimeOfDay));
            else return Bad("EXDATE", item, "use YYYYMMDD or YYYYMMDDTHHMMSS in the lab's wall time");
        if (found.Count > RecurrenceRule.MostInstances) return RecurrenceError.Malformed("EXDATE", $"EXDATE names {found.Count} instances; at most {RecurrenceRule.MostInstances}.");
        rule = rule with { Exclusions = found };
        return null;
    }

    private static RecurrenceError BadDay(string item) => Bad("BYDAY", item, "use weekdays like MO or FR, with FREQ=MONTHLY also 1FR (first) to 5FR and -1MO (last)");

    private static RecurrenceError Bad(string part, string value, string remedy) => RecurrenceError.Malformed(part, $"{part} is '{RecurrenceError.Show(value)}'; {remedy}.");

    private static int? Number(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
}
