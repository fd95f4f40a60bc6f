using System.Text;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.Tests.BatteryData;

/// <summary>Writes down all that a reader gives, so that two readings can be compared.</summary>
internal sealed class TranscriptSink : IRowSink
{
    public List<string> Lines { get; } = [];

    public int Rows { get; private set; }

    public void Row(in RowView row)
    {
        Rows++;
        var text = new StringBuilder().Append(row.Number).Append('@').Append(row.Line).Append(' ').Append(Encoding.UTF8.GetString(row.StepType));
        foreach (var number in row.Numbers) text.Append(' ').Append(BitConverter.DoubleToInt64Bits(number));
        Lines.Add(text.ToString());
    }

    public void Refused(long number, ReadOnlySpan<byte> line, ImportFailure why) => Lines.Add($"refused {number} {why}");

    public void Finding(ImportFailure finding) => Lines.Add($"finding {finding}");
}
