using NodaTime;

namespace BattKomp.Lab.Domain.Bookings;

/// <summary>
/// Public holidays of the Nordic countries, computed: fixed days and days counted from Easter (Gregorian computus), as the national laws name them.
/// A country that is not here has none.
/// </summary>
public static class Holidays
{
    /// <summary>True when the country is known.</summary>
    public static bool Knows(string country) => country is "NO" or "SE" or "DK" or "FI" or "IS";

    /// <summary>The holidays of a year in order, each with its name in English.</summary>
    /// <param name="country">ISO 3166-1 alpha-2.</param>
    /// <param name="year">1900–2199.</param>
    public static IReadOnlyList<(LocalDate Day, string Name)> Of(string country, int year)
    {
        var easter = EasterSunday(year);
        IEnumerable<(LocalDate, string)> days = country switch
        {
            "NO" => [.. Common(year, easter), (easter.PlusDays(-3), "Maundy Thursday"), (easter.PlusDays(50), "Whit Monday"), (Day(year, 5, 1), "Labour Day"), (Day(year, 5, 17), "Constitution Day")],
            "SE" => [.. Common(year, easter), (Day(year, 1, 6), "Epiphany"), (Day(year, 5, 1), "Labour Day"), (Day(year, 6, 6), "National Day"), (First(IsoDayOfWeek.Saturday, Day(year, 6, 20)), "Midsummer Day"),
                (First(IsoDayOfWeek.Saturday, Day(year, 10, 31)), "All Saints' Day")],
            "DK" => [.. Common(year, easter), (easter.PlusDays(-3), "Maundy Thursday"), (easter.PlusDays(50), "Whit Monday"), .. year < 2024 ? [(easter.PlusDays(26), "Great Prayer Day")] : Array.Empty<(LocalDate, string)>()],
            "FI" => [.. Common(year, easter), (Day(year, 1, 6), "Epiphany"), (Day(year, 5, 1), "May Day"), (First(IsoDayOfWeek.Saturday, Day(year, 6, 20)), "Midsummer Day"),
                (First(IsoDayOfWeek.Saturday, Day(year, 10, 31)), "All Saints' Day"), (Day(year, 12, 6), "Independence Day")],
            "IS" => [.. Common(year, easter), (easter.PlusDays(-3), "Maundy Thursday"), (easter.PlusDays(50), "Whit Monday"), (First(IsoDayOfWeek.Thursday, Day(year, 4, 19)), "First Day of Summer"),
                (Day(year, 5, 1), "Labour Day"), (Day(year, 6, 17), "National Day"), (First(IsoDayOfWeek.Monday, Day(year, 8, 1)), "Commerce Day")],
            _ => [],
        };
        return [.. days.OrderBy(d => d.Item1)];
    }

    private static IEnumerable<(LocalDate, string)> Common(int year, LocalDate easter) =>
    [
        (Day(year, 1, 1), "New Year's Day"), (easter.PlusDays(-2), "Good Friday"), (easter, "Easter Sunday"), (easter.PlusDays(1), "Easter Monday"), (easter.PlusDays(39), "Ascension Day"),
        (easter.PlusDays(49), "Whit Sunday"), (Day(year, 12, 25), "Christmas Day"), (Day(year, 12, 26), "Second Day of Christmas"),
    ];

    // The anonymous Gregorian computus.
    private static LocalDate EasterSunday(int year)
    {
        var (a, b, c) = (year % 19, year / 100, year % 100);
        var (d, e, f) = (b / 4, b % 4, (b + 8) / 25);
        var g = (b - f + 1) / 3;
        var h = ((19 * a) + b - d - g + 15) % 30;
        var l = (32 + (2 * e) + (2 * (c / 4)) - h - (c % 4)) % 7;
        var m = (a + (11 * h) + (22 * l)) / 451;
        var n = h + l - (7 * m) + 114;
        return Day(year, n / 31, (n % 31) + 1);
    }

    private static LocalDate Day(int year, int month, int day) => new(year, month, day);

    private static LocalDate First(IsoDayOfWeek weekday, LocalDate from) => from.DayOfWeek == weekday ? from : from.Next(weekday);
}
