using System.Text;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.Neware;

/// <summary>
/// The hierarchical export while it grows: record rows under the cycle and step rows above them. What only a finished export can be
/// held to (a step's own duration, a cycle's own sums) is left to <see cref="NewareHierarchicalImporter"/>'s whole reading.
/// </summary>
internal sealed class NewareGrowingReader(string file, ImportOptions options) : RowReader("neware-hierarchical", file, options)
{
    private const int HeaderLines = 3;
    private readonly List<byte[]> _headers = [];
    private readonly FieldSplitter _fields = new();
    private readonly StepSignCheck _sign = new();
    private NewareLayout? _layout;
    private FlatRow? _row;
    private double[] _numbers = [];
    private int _currentAt;
    private double _cycle = double.NaN;
    private (double Number, double Id, string Type, byte[] Bdf, int Direction)? _step;

    /// <inheritdoc/>
    public override SourceDescription Describe()
    {
        var source = new SourceDescription { Format = Format, FileName = File, TimeZone = Zone.Id, TimeZoneDeclared = Options.TimeZone is not null, Notes = Notes };
        return _row is null ? source : BdfHeader.Describe(_row.Describe(source), Layout!.Numbers);
    }

    private protected override void Line(ReadOnlySpan<byte> line)
    {
        if (_layout is null)
        {
            _headers.Add(line.ToArray());
            if (_headers.Count == HeaderLines) Prepare();
            return;
        }

        _fields.Split(line, (byte)',');
        if (!_fields[0, line].IsEmpty) TakeCycle(line);
        else if (_fields.Count > 1 && !_fields[1, line].IsEmpty) TakeStep(line, 1);
        else TakeRecord(line);
    }

    private protected override void End() => Find(_sign.Close());

    private void Prepare()
    {
        var text = new MemoryStream();
        foreach (var header in _headers)
        {
            text.Write(header);
            text.WriteByte((byte)'\n');
        }

        text.Position = 0;
        try
        {
            _layout = NewareLayout.Read(new Utf8CsvReader(text, File), File);
        }
        catch (BatteryDataException e)
        {
            Fail(e.Failure);
            return;
        }

        // A record row begins with two empty fields.
        var blank = new FlatHeader("", "", "");
        var headers = new List<FlatHeader> { blank, blank };
        headers.AddRange(_layout.Record.Select(h => new FlatHeader(h.Text, h.Quantity, h.Unit)));
        var format = new NewareFlatImporter.Flat(Options);
        _row = new FlatRow(format, Options, Zone, new VendorDate(Options.DayFirst), headers, [.. headers.Select(format.Rule)]);
        Layout = new RowLayout([.. _row.Layout.Numbers, "cycle_count", "step_count", "step_id"], true, []);
        _numbers = new double[Layout.Numbers.Count];
        _currentAt = Layout.Numbers.ToList().IndexOf("current_ampere");
    }

    private void TakeCycle(ReadOnlySpan<byte> line)
    {
        var withStep = _fields.Count == _layout!.Cycle.Length + _layout.Step.Length;
        if (!withStep && _fields.Count != _layout.Cycle.Length) Broken(_fields.Count, "Cycle Index", $"this cycle row has {_fields.Count} fields where its header has {_layout.Cycle.Length}.");
        else if (!TryNumber(line, 0, out _cycle)) Broken(1, "Cycle Index", "its cycle is not a number.");
        else if (withStep) TakeStep(line, _layout.Cycle.Length);
    }

    private void TakeStep(ReadOnlySpan<byte> line, int offset)
    {
        var numberAt = Array.FindIndex(_layout!.Step, h => h.Quantity == "Step Number");
        var typeAt = Array.FindIndex(_layout.Step, h => h.Quantity == "Step Type");
        if (_fields.Count != offset + _layout.Step.Length) Broken(_fields.Count, "Step Index", $"this step row has {_fields.Count} fields where its header has {_layout.Step.Length + 1}.");
        else if (double.IsNaN(_cycle)) Broken(1, "Cycle Index", "a step row comes before any cycle row.");
        else if (!TryNumber(line, offset, out var id)) Broken(offset + 1, "Step Index", "its step is not a number.");
        else if (!TryNumber(line, offset + numberAt, out var number)) Broken(offset + numberAt + 1, "Step Number", "its step number is not a number.");
        else
        {
            var type = Text(_fields[offset + typeAt, line]).Trim();
            _step = (number, id, type, Encoding.UTF8.GetBytes(NewareStepType.ToBdf(type, out _)), NewareStepType.Direction(type));
        }
    }

    private void TakeRecord(ReadOnlySpan<byte> line)
    {
        Rows++;
        if (_step is not { } step)
        {
            Broken(1, "Step Index", "a record row comes before any step row.");
            return;
        }

        if (_row!.Misfit(_fields, line) is { } misfit)
        {
            Refuse(line, new ImportFailure(ImportFailureCode.FieldCount, File, Lines, _fields.Count, null, misfit, "Export the file again; do not edit it by hand."));
            return;
        }

        if (_row.Read(_fields, line, Lines) is { } problem)
        {
            Refuse(line, new ImportFailure(problem.Code, File, Lines, problem.Field + 1, problem.Header, problem.Message, problem.Remedy));
            return;
        }

        _row.Numbers.CopyTo(_numbers);
        (_numbers[^3], _numbers[^2], _numbers[^1]) = (_cycle, step.Number, step.Id);
        ref var current = ref _numbers[_currentAt];
        if (Options.CurrentSign == CurrentSign.UnsignedByStepType && step.Direction < 0) current = -current;
        Sink.Row(new RowView(Rows, Lines, _numbers, step.Bdf, line, _fields));
        Find(_row.Finding);
        Find(_sign.Take(current, _cycle, step.Number, step.Type, step.Direction, Lines));
    }

    private void Find((long Line, string Message)? found)
    {
        if (found is { } f)
            Sink.Finding(new ImportFailure(ImportFailureCode.Contradiction, File, f.Line, null, "Current", f.Message, "If the export writes current without a sign, declare it as unsigned by step type."));
    }

    // What stands under a row that cannot be read would be given to the wrong cycle or step.
    private void Broken(int column, string field, string message) =>
        Fail(new ImportFailure(ImportFailureCode.BadField, File, Lines, column, field, message, "Export the file again from its beginning; do not edit it by hand."));

    private bool TryNumber(ReadOnlySpan<byte> line, int at, out double value)
    {
        value = double.NaN;
        return at < _fields.Count && Utf8Number.TryParse(_fields[at, line], out value) && double.IsFinite(value);
    }
}
