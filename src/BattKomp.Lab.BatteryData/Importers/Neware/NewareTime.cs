using System.Globalization;

namespace BattKomp.Lab.BatteryData.Importers.Neware;

/// <summary>Durations (<c>[d-]h:mm:ss[.fff]</c>) and naive local dates (<c>yyyy-MM-dd HH:mm:ss[.fff]</c>) as the tester writes them.</summary>
internal static class NewareTime
{
    public static bool TryParseDuration(ReadOnlySpan<byte> text, out double seconds)
    {
        seconds = 0;
        text = text.Trim((byte)' ');
        double days = 0;
        var dash = text.IndexOf((byte)'-');
        if (dash >= 0)
        {
            if (!TryWhole(text[..dash], out days)) return false;
            text = text[(dash + 1)..];
        }

        var first = text.IndexOf((byte)':');
        var last = text.LastIndexOf((byte)':');
        if (first <= 0 || last == first) return false;
        if (!TryWhole(text[..first], out var hours) || !TryWhole(text[(first + 1)..last], out var minutes) || !TrySeconds(text[(last + 1)..], out var rest)) return false;
        seconds = (((((days * 24) + hours) * 60) + minutes) * 60) + rest;
        return minutes < 60 && rest < 60;
    }

    /// <summary>Seconds since 1970 as if the local time were UTC.</summary>
    public static bool TryParseLocal(ReadOnlySpan<byte> text, out double seconds)
    {
        seconds = 0;
        text = text.Trim((byte)' ').Trim((byte)'\t');
        if (text.Length < 19 || (text[4] != '-' && text[4] != '/') || text[7] != text[4] || text[10] != ' ' || text[13] != ':' || text[16] != ':') return false;
        if (!TryWhole(text[..4], out var year) || !TryWhole(text[5..7], out var month) || !TryWhole(text[8..10], out var day)
            || !TryWhole(text[11..13], out var hour) || !TryWhole(text[14..16], out var minute) || !TrySeconds(text[17..], out var second)) return false;
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth((int)year, (int)month) || hour > 23 || minute > 59 || second >= 60) return false;
        var date = new DateTime((int)year, (int)month, (int)day, (int)hour, (int)minute, 0, DateTimeKind.Unspecified);
        seconds = ((date.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond) + second;
        return true;
    }

    private static bool TryWhole(ReadOnlySpan<byte> digits, out double value)
    {
        value = 0;
        if (digits.IsEmpty || digits.Length > 6) return false;
        foreach (var digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'9') return false;
            value = (value * 10) + (digit - '0');
        }

        return true;
    }

    private static bool TrySeconds(ReadOnlySpan<byte> text, out double value) =>
        text.Length <= 2 ? TryWhole(text, out value) : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value);
}

/// <summary>Turns naive local times into UTC in one declared zone; an hour that occurs twice is told apart by the elapsed test time.</summary>
internal sealed class LocalClock(TimeZoneInfo zone)
{
    private double _firstUnix = double.NaN;
    private double _firstTest;

    public double ToUnix(double local, double testTime)
    {
        var wall = DateTime.UnixEpoch.AddTicks((long)Math.Round(local * TimeSpan.TicksPerSecond));
        var naive = DateTime.SpecifyKind(wall, DateTimeKind.Unspecified);
        var unix = local - zone.GetUtcOffset(naive).TotalSeconds;
        if (!double.IsNaN(_firstUnix) && zone.IsAmbiguousTime(naive))
        {
            var expected = _firstUnix + testTime - _firstTest;
            unix = zone.GetAmbiguousTimeOffsets(naive).Select(o => local - o.TotalSeconds).MinBy(u => Math.Abs(u - expected));
        }

        if (double.IsNaN(_firstUnix)) (_firstUnix, _firstTest) = (unix, testTime);
        return unix;
    }
}
