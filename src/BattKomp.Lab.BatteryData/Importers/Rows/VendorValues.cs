using System.Globalization;
using System.Text;

namespace BattKomp.Lab.BatteryData.Importers.Rows;

/// <summary>Numbers with the file's one decimal mark, declared or read off the first number that has one.</summary>
internal sealed class VendorNumber(char? declared)
{
    private const int Longest = 64;
    private char? _mark = declared;

    /// <summary>The mark, once known.</summary>
    public char? Mark => _mark;

    public bool TryParse(ReadOnlySpan<byte> field, out double value)
    {
        value = double.NaN;
        var comma = field.IndexOf((byte)',');
        if (comma < 0)
        {
            var point = field.Contains((byte)'.');
            if ((point && _mark == ',') || !Utf8Number.TryParse(field, out value) || double.IsInfinity(value)) return false;
            if (point) _mark ??= '.';
            return true;
        }

        if (_mark == '.' || field.Length > Longest || field.Contains((byte)'.')) return false;
        Span<byte> copy = stackalloc byte[Longest];
        field.CopyTo(copy);
        copy[comma] = (byte)'.';
        if (!Utf8Number.TryParse(copy[..field.Length], out value) || double.IsInfinity(value)) return false;
        _mark = ',';
        return true;
    }
}

/// <summary>Durations: <c>[d-]h:mm:ss</c>, <c>0d 00:00:00.00</c>.</summary>
internal static class VendorDuration
{
    public static bool TryParse(ReadOnlySpan<byte> field, out double seconds)
    {
        seconds = 0;
        field = field.Trim((byte)' ');
        var day = field.IndexOf("d "u8);
        if (day < 0) return Neware.NewareTime.TryParseDuration(field, out seconds);
        if (!Utf8Number.TryParse(field[..day], out var days) || double.IsNaN(days) || days is < 0 or > 1e6 || days != Math.Floor(days)) return false;
        if (!Neware.NewareTime.TryParseDuration(field[(day + 2)..], out var rest)) return false;
        seconds = (days * 86400) + rest;
        return true;
    }
}

/// <summary>
/// Naive local dates as the vendors write them: <c>2026-03-06 12:37:25</c>, <c>09/20/2024 08:32:34.558</c>,
/// <c>5/11/2021 3:40:24 PM</c>, <c>23-Nov-23 3:56:11 PM</c>. Which of two numbers is the day is decided once a file.
/// </summary>
internal sealed class VendorDate(bool? dayFirst)
{
    private const int EarliestYear = 1980;
    private const int LatestYear = 2199;
    private static readonly string[] Months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    private bool? _dayFirst = dayFirst;

    /// <summary>True when the order was assumed: neither declared nor shown by a number above twelve.</summary>
    public bool Assumed { get; private set; }

    /// <summary>Whether the day comes first; null while no date has asked for it.</summary>
    public bool? DayFirst => _dayFirst;

    /// <summary>Seconds since 1970 as if the local time were UTC. <paramref name="european"/> is what an undecided order is taken for.</summary>
    public bool TryParse(ReadOnlySpan<byte> field, bool european, out double seconds)
    {
        seconds = 0;
        field = field.Trim(" \t"u8);
        if (field.Length is < 11 or > 40) return false;
        var text = Encoding.UTF8.GetString(field);
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        if (space < 0) return false;
        var parts = text[..space].Split(['/', '-', '.']);
        if (parts.Length != 3 || !TryTime(text[(space + 1)..], out var time, out var american)) return false;
        if (!TryOrder(parts, american, european, out var year, out var month, out var day, out var order, out var assumed)) return false;
        if (year is < EarliestYear or > LatestYear || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month)) return false;
        if (order is not null && _dayFirst is null) (_dayFirst, Assumed) = (order, assumed);
        seconds = ((new DateTime(year, month, day, 0, 0, 0, DateTimeKind.Unspecified).Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond) + time;
        return true;
    }

    private bool TryOrder(string[] parts, bool american, bool european, out int year, out int month, out int day, out bool? order, out bool assumed)
    {
        (year, month, day, order, assumed) = (0, 0, 0, null, false);
        if (parts[0].Length == 4) return Whole(parts[0], out year) && Whole(parts[1], out month) && Whole(parts[2], out day);
        if (!Whole(parts[0], out var first) || !Whole(parts[2], out year)) return false;
        if (parts[2].Length == 2) year += 2000;
        if (Array.IndexOf(Months, parts[1].ToLowerInvariant()) is var named and >= 0)
        {
            (day, month) = (first, named + 1);
            return true;
        }

        if (!Whole(parts[1], out var second)) return false;
        order = _dayFirst ?? (first > 12 ? true : second > 12 ? false : null);
        assumed = order is null;
        order ??= european && !american;
        (day, month) = order.Value ? (first, second) : (second, first);
        return true;
    }

    private static bool TryTime(string text, out double seconds, out bool american)
    {
        seconds = 0;
        var parts = text.Trim().Split(' ');
        american = parts.Length == 2;
        if (parts.Length > 2 || (american && parts[1] is not ("AM" or "PM"))) return false;
        var hms = parts[0].Split(':');
        if (hms.Length != 3 || !Whole(hms[0], out var hour) || !Whole(hms[1], out var minute)) return false;
        if (!double.TryParse(hms[2].Replace(',', '.'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var second)) return false;
        if (minute > 59 || second >= 60 || hour > 23 || (american && hour is 0 or > 12)) return false;
        if (american) hour = (hour % 12) + (parts[1] == "PM" ? 12 : 0);
        seconds = (((hour * 60) + minute) * 60) + second;
        return true;
    }

    private static bool Whole(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && text.Length <= 4;
}
