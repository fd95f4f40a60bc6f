using System.Buffers.Text;
using System.Globalization;

namespace BattKomp.Lab.BatteryData;

/// <summary>Numbers from UTF-8 fields, correctly rounded; an empty field is NaN.</summary>
internal static class Utf8Number
{
    // Powers of ten that a double holds exactly; dividing an exact integer by one of them rounds once, hence correctly.
    private static readonly double[] PowersOfTen =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22];

    private const ulong LargestExact = 1UL << 53;

    public static bool TryParse(ReadOnlySpan<byte> field, out double value)
    {
        if (TryParsePlain(field, out value)) return true;
        field = field.Trim((byte)' ');
        if (field.IsEmpty)
        {
            value = double.NaN;
            return true;
        }

        return double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>A whole number in its canonical writing: no leading zero, no plus, no minus zero.</summary>
    public static bool TryParseWhole(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        var digits = field.Length > 0 && field[0] == (byte)'-' ? field[1..] : field;
        if (digits.IsEmpty || (digits[0] == (byte)'0' && field.Length > 1)) return false;
        return Utf8Parser.TryParse(field, out value, out var used) && used == field.Length && field[0] != (byte)'+';
    }

    public static bool LooksLikeIdentifier(ReadOnlySpan<byte> field)
    {
        if (field.Length < 2) return false;
        if (field[0] == (byte)'+') return true;
        var digits = field[0] == (byte)'-' ? field[1..] : field;
        return digits.Length > 1 && digits[0] == (byte)'0' && char.IsAsciiDigit((char)digits[1]);
    }

    /// <summary>Digits with at most one point and few enough of them that one division is exact; the case of nearly every field.</summary>
    private static bool TryParsePlain(ReadOnlySpan<byte> field, out double value)
    {
        value = 0;
        ulong digits = 0;
        int i = 0, point = -1, read = 0;
        var negative = field.Length > 0 && field[0] == (byte)'-';
        if (negative) i = 1;
        for (; i < field.Length; i++)
        {
            var digit = (uint)(field[i] - '0');
            if (digit <= 9)
            {
                digits = (digits * 10) + digit;
                read++;
            }
            else if (field[i] == (byte)'.' && point < 0)
            {
                point = i;
            }
            else
            {
                return false;
            }
        }

        if (read is 0 or > 18 || digits > LargestExact) return false;
        var decimals = point < 0 ? 0 : field.Length - point - 1;
        value = digits / PowersOfTen[decimals];
        if (negative) value = -value;
        return true;
    }
}
