using System.Text;

namespace BattKomp.Lab.BatteryData.Importers.Neware;

/// <summary>One step execution as its row states it.</summary>
internal sealed record NewareStep(long Line, double Cycle, double Number, double Id, string Type, double Seconds, int FirstRecord)
{
    /// <summary>Records up to here, exclusive.</summary>
    public int EndRecord { get; set; }
}

/// <summary>Collects the cycle rows or the step rows under the vendor's headers.</summary>
internal sealed class NewareSideTable(string name, NewareHeader[] headers)
{
    private readonly TextBuilder[] _columns = [.. headers.Select(_ => new TextBuilder())];

    public int Width => headers.Length;

    public void Take(Utf8CsvReader reader, int offset)
    {
        for (var i = 0; i < _columns.Length; i++) _columns[i].Append(reader[offset + i]);
    }

    public int IndexOf(string quantity) => Array.FindIndex(headers, h => h.Quantity == quantity);

    public string Text(int row, string quantity) => Encoding.UTF8.GetString(_columns[IndexOf(quantity)].Field(row)).Trim();

    public ColumnTable Build() => new(name, headers.Select((h, i) => ColumnInference.Build(h.Text, _columns[i])).ToList());
}
