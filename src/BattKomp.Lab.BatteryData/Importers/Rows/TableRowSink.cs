using BattKomp.Lab.BatteryData.Bdf;

namespace BattKomp.Lab.BatteryData.Importers.Rows;

/// <summary>Makes a table of a reader's rows. A whole import refuses the file at its first fault.</summary>
internal sealed class TableRowSink : IRowSink
{
    private const string VendorType = "Step Type" + BdfHeader.VendorMark;
    private NumberBuilder[] _numbers = [];
    private TextBuilder[] _kept = [];
    private readonly TextBuilder _stepTypes = new();
    private RowLayout? _layout;
    private readonly RowReader _reader;

    private TableRowSink(RowReader reader) => _reader = reader;

    /// <summary>Feeds a stream to a reader and builds the table.</summary>
    /// <exception cref="BatteryDataException">The first thing that is wrong with the file.</exception>
    public static RecordTable Read(RowReader reader, Stream stream)
    {
        var sink = new TableRowSink(reader);
        var buffer = new byte[1 << 18];
        int read;
        while (reader.Failure is null && (read = stream.Read(buffer)) > 0) reader.Feed(buffer.AsSpan(0, read), sink);
        reader.Complete(sink);
        return reader.Failure is { } failure ? throw new BatteryDataException(failure) : sink.Build();
    }

    public void Row(in RowView row)
    {
        if (_layout is null) Prepare(_reader.Layout!);
        for (var k = 0; k < _numbers.Length; k++) _numbers[k].Append(row.Numbers[k]);
        for (var k = 0; k < _kept.Length; k++) _kept[k].Append(row.Field(_layout!.Kept[k].Field));
        if (_layout!.HasStepType) _stepTypes.Append(row.StepType);
    }

    public void Refused(long number, ReadOnlySpan<byte> line, ImportFailure why) => throw new BatteryDataException(why);

    public void Finding(ImportFailure finding) => throw new BatteryDataException(finding);

    private void Prepare(RowLayout layout)
    {
        _layout = layout;
        _numbers = [.. layout.Numbers.Select(_ => new NumberBuilder())];
        _kept = [.. layout.Kept.Select(_ => new TextBuilder())];
    }

    private RecordTable Build()
    {
        if (_layout is null) Prepare(_reader.Layout!);
        var columns = new List<Column>();
        for (var k = 0; k < _numbers.Length; k++)
        {
            var name = _layout!.Numbers[k];
            // A format may have a date or not in one and the same column; where it never had one there is no column.
            if (name == "unix_time_second" && _numbers[k].Count > 0 && !_numbers[k].Values.ContainsAnyExcept(double.NaN)) continue;
            var whole = name is "record_index" or "cycle_count" or "step_count" or "step_id";
            columns.Add(whole ? _numbers[k].BuildInteger(name) : _numbers[k].Build(name));
        }

        if (_layout!.HasStepType) columns.Add(_stepTypes.Build("step_type"));
        var taken = columns.Select(c => c.Name).ToHashSet();
        for (var k = 0; k < _kept.Length; k++)
        {
            var name = BdfTerms.TryGetByHeader(_layout.Kept[k].Name, out _) ? _layout.Kept[k].Name + BdfHeader.VendorMark : _layout.Kept[k].Name;
            var distinct = name;
            for (var n = 2; !taken.Add(distinct); n++) distinct = $"{name} #{n}";
            columns.Add(distinct == VendorType ? _kept[k].Build(distinct) : ColumnInference.Build(distinct, _kept[k]));
        }

        return new RecordTable(columns, _reader.Describe());
    }
}
