using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf.WellKnownTypes;

namespace BattKomp.Lab.Cli;

/// <summary>
/// Times as people write them. A time says its own offset or is relative: a bare local time is refused, because the
/// reader's zone, the lab's zone and daylight saving would each read it differently.
/// </summary>
public static partial class TimeText
{
    /// <summary>What a time may look like, for messages and help.</summary>
    public const string Forms = "2026-11-23T08:00:00Z, 2026-11-23T09:00+01:00, now, +2h or +1d";

    private static readonly string[] Formats = ["yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    [GeneratedRegex(@"(Z|[+-]\d\d:\d\d)$", RegexOptions.CultureInvariant)]
    private static partial Regex OffsetPattern();

    [GeneratedRegex(@"^(?:(?<d>\d{1,5})d)?(?:(?<h>\d{1,6})h)?(?:(?<m>\d{1,7})m)?(?:(?<s>\d{1,9})s)?$", RegexOptions.CultureInvariant)]
    private static partial Regex DurationPattern();

    /// <summary>The instant of <paramref name="text"/>; relative ones count from the next whole second, so that "now" is not past on arrival.</summary>
    /// <exception cref="CliException">Not a time; names <paramref name="option"/> and the forms that are.</exception>
    public static DateTimeOffset Instant(string text, string option, TimeProvider time)
    {
        if (text == "now") return NextSecond(time);
        if (text.Length > 1 && text[0] is '+' or '-' && Length(text[1..]) is { } length)
            return text[0] == '+' ? NextSecond(time) + length : NextSecond(time) - length;
        if (DateTimeOffset.TryParseExact(text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var instant))
        {
            if (OffsetPattern().IsMatch(text)) return instant.ToUniversalTime();
            throw CliException.Invalid("FIELDS_INVALID", $"{option} '{text}' does not say its offset from UTC.", $"Add Z or an offset: {text}Z or {text}+01:00.");
        }
        throw CliException.Invalid("FIELDS_INVALID", $"{option} '{text}' is not a time.", $"Write it like {Forms}.");
    }

    /// <summary>A length such as 2h, 90m or 1d12h; above zero.</summary>
    /// <exception cref="CliException">Not a length; names <paramref name="option"/> and the forms that are.</exception>
    public static TimeSpan Duration(string text, string option) => Length(text) is { } length && length > TimeSpan.Zero
        ? length
        : throw CliException.Invalid("FIELDS_INVALID", $"{option} '{text}' is not a length of time above zero.", "Write it like 2h, 90m, 1h30m or 1d.");

    /// <summary>ISO 8601 in UTC, as it may be pasted back.</summary>
    public static string Utc(Timestamp timestamp) =>
        timestamp.ToDateTimeOffset().ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'", CultureInfo.InvariantCulture);

    /// <summary>For people: date, time and offset in a zone; "–" when absent.</summary>
    public static string Local(Timestamp? timestamp, TimeZoneInfo zone) => timestamp is null
        ? "–"
        : TimeZoneInfo.ConvertTime(timestamp.ToDateTimeOffset(), zone).ToString("yyyy-MM-dd HH:mm:ss zzz", CultureInfo.InvariantCulture);

    /// <summary>A length for people: "2 h", "1 d 30 min".</summary>
    public static string Words(TimeSpan length)
    {
        var parts = new List<string>();
        if (length.Days > 0) parts.Add($"{length.Days} d");
        if (length.Hours > 0) parts.Add($"{length.Hours} h");
        if (length.Minutes > 0) parts.Add($"{length.Minutes} min");
        if (length.Seconds > 0 || parts.Count == 0) parts.Add($"{length.Seconds} s");
        return string.Join(' ', parts);
    }

    /// <summary>The zone of that IANA name; UTC where this machine does not know it.</summary>
    public static TimeZoneInfo Zone(string name) => TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) ? zone : TimeZoneInfo.Utc;

    private static DateTimeOffset NextSecond(TimeProvider time)
    {
        var now = time.GetUtcNow();
        return new DateTimeOffset(now.Ticks - now.Ticks % TimeSpan.TicksPerSecond, TimeSpan.Zero).AddSeconds(1);
    }

    private static TimeSpan? Length(string text)
    {
        var match = DurationPattern().Match(text);
        if (text.Length == 0 || !match.Success) return null;
        return new TimeSpan(Part("d"), Part("h"), Part("m"), Part("s"));

        int Part(string name) => match.Groups[name] is { Success: true } g ? int.Parse(g.Value, CultureInfo.InvariantCulture) : 0;
    }
}
