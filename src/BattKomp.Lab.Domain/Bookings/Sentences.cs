using System.Globalization;
using BattKomp.Lab.Domain.Time;
using NodaTime;
using NodaTime.Text;

namespace BattKomp.Lab.Domain.Bookings;

/// <summary>Times and lengths as they stand in sentences: UTC to the second, lengths in the largest unit that divides them.</summary>
public static class Sentences
{
    private static readonly InstantPattern Pattern = InstantPattern.CreateWithInvariantCulture("uuuu'-'MM'-'dd' 'HH':'mm':'ss.FFFFFF' UTC'");

    /// <summary>"2026-11-23 08:00:00 UTC".</summary>
    public static string Of(Instant instant) => Pattern.Format(instant);

    /// <summary>The whole minute at or after the instant: what a person would type.</summary>
    public static Instant MinuteFrom(Instant instant) => Instant.FromUnixTimeSeconds((((instant - Duration.Epsilon).ToUnixTimeSeconds() / 60) + 1) * 60);

    /// <summary>"2026-11-23 08:00:00 UTC to 2026-11-23 10:00:00 UTC".</summary>
    public static string Of(TimeWindow window) => $"{Of(window.Start)} to {Of(window.End)}";

    /// <summary>"28 d", "36 h", "90 min" or "12.5 s".</summary>
    public static string Of(Duration length)
    {
        foreach (var (unit, name) in new[] { (Duration.FromDays(1), "d"), (Duration.FromHours(1), "h"), (Duration.FromMinutes(1), "min") })
            if (length >= unit && length.ToInt64Nanoseconds() % unit.ToInt64Nanoseconds() == 0)
                return string.Create(CultureInfo.InvariantCulture, $"{length.ToInt64Nanoseconds() / unit.ToInt64Nanoseconds()} {name}");
        return string.Create(CultureInfo.InvariantCulture, $"{length.TotalSeconds:0.######} s");
    }

    /// <summary>A number with its unit: "60 Wh".</summary>
    public static string Of(double value, string unit) => string.Create(CultureInfo.InvariantCulture, $"{value:0.###} {unit}");

    /// <summary>" Nearest: …." or what to do when none is known.</summary>
    public static string Remedy(TimeWindow? nearest, string otherwise) =>
        nearest is { } window ? $" Nearest: {Of(window)}." : $" {otherwise}";
}
