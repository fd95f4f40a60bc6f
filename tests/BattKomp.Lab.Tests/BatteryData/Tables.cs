using BattKomp.Lab.BatteryData;
using Xunit;

namespace BattKomp.Lab.Tests;

/// <summary>Compares tables value by value; doubles by their bits.</summary>
internal static class Tables
{
    public static void AssertSame(ColumnTable expected, ColumnTable actual)
    {
        Assert.Equal(expected.Columns.Select(c => c.Name), actual.Columns.Select(c => c.Name));
        Assert.Equal(expected.Count, actual.Count);
        foreach (var column in expected.Columns)
        {
            if (column is TextColumn text)
            {
                var other = Assert.IsType<TextColumn>(actual.Columns.Single(c => c.Name == column.Name));
                for (var row = 0; row < text.Count; row++) Assert.Equal(text[row], other[row]);
                continue;
            }

            var bits = expected.Numbers(column.Name)!.Select(BitConverter.DoubleToInt64Bits);
            Assert.Equal(bits, actual.Numbers(column.Name)!.Select(BitConverter.DoubleToInt64Bits));
        }
    }
}
