using NodaTime;

namespace BattKomp.Lab.Domain.Qualifications;

/// <summary>When a holder is reminded that a qualification will lapse.</summary>
public static class Reminders
{
    /// <summary>Days before the end, the earliest first.</summary>
    public static IReadOnlyList<int> DaysBefore { get; } = [30, 7];

    /// <summary>
    /// The reminder that is due and not told: the latest whose day has come. Earlier ones that were missed (the server was down, the qualification was
    /// granted for a short time) are not made up for: one letter says it all. Null = none.
    /// </summary>
    /// <param name="now">Machine time.</param>
    /// <param name="from">First instant of the qualification: what was due before it began is not told.</param>
    /// <param name="lapses">Its end.</param>
    public static int? Due(Instant now, Instant from, Instant lapses) => now >= lapses
        ? null
        : DaysBefore.Where(days => At(lapses, days) <= now && At(lapses, days) > from).Select(days => (int?)days).LastOrDefault();

    /// <summary>The next instant after <paramref name="now"/> at which there is something to tell: a reminder, or the end.</summary>
    public static Instant Next(Instant now, Instant lapses) => DaysBefore.Select(days => At(lapses, days)).Where(at => at > now).Append(lapses).Min();

    private static Instant At(Instant lapses, int days) => lapses - Duration.FromDays(days);
}
