namespace BattKomp.Lab.BatteryData.Importers.Rows;

/// <summary>Reads a flat table of one <see cref="FlatFormat"/>: preamble, one header line, record rows.</summary>
internal sealed class FlatReader(FlatFormat format, string file, ImportOptions options) : RowReader(format.Name, file, options)
{
    private const int NoField = -1;
    private readonly FieldSplitter _fields = new();
    private readonly VendorDate _dates = new(options.DayFirst);
    private FlatRow? _row;
    private byte _separator;

    private protected override void Line(ReadOnlySpan<byte> line)
    {
        line = format.Bare(line);
        if (_row is not null) TakeRow(line);
        else if (TryHeader(line) is { } headers) Prepare(headers);
        else if (Lines > format.PreambleLines)
            Fail(new ImportFailure(ImportFailureCode.UnknownFormat, File, Lines, null, null, $"the column headers of {Format} do not come within the first {format.PreambleLines + 1} lines.", "Export the file again with its column headers."));
        else format.Preamble(Text(line), _dates);
    }

    private protected override bool IsRecord => _row is not null;

    /// <inheritdoc/>
    public override SourceDescription Describe()
    {
        var notes = new List<SourceNote>(format.Notes);
        notes.AddRange(Notes);
        if (_row is null) return new SourceDescription { Format = Format, FileName = File, Notes = notes };
        if (_row.HasDates && Options.TimeZone is null && !_row.DatesAreUtc)
            notes.Add(new SourceNote("time_zone_assumed", "unix_time_second", "The file's dates name no time zone; they are read as UTC. Declare the laboratory's zone."));
        if (_row.Number.Mark == ',' && Options.DecimalMark is null)
            notes.Add(new SourceNote("decimal_comma", null, "Numbers have a decimal comma."));
        if (_dates.Assumed)
            notes.Add(new SourceNote("date_order_assumed", "unix_time_second", $"Nothing shows which number of a date is the day; {(_dates.DayFirst == true ? "day before month" : "month before day")} is assumed."));
        return _row.Describe(new SourceDescription { Format = Format, FileName = File, TimeZone = Zone.Id, TimeZoneDeclared = Options.TimeZone is not null, Notes = notes });
    }

    private protected override void End()
    {
        if (_row?.End() is { } found) Sink.Finding(Contradiction(found.Line, found.Message));
    }

    private List<FlatHeader>? TryHeader(ReadOnlySpan<byte> line)
    {
        foreach (var separator in format.Separators)
        {
            if (!line.Contains(separator)) continue;
            _fields.Split(line, separator);
            var headers = new List<FlatHeader>(_fields.Count);
            for (var i = 0; i < _fields.Count; i++) headers.Add(format.Header(Text(_fields[i, line])));
            if (!format.IsHeader(headers)) continue;
            // A separator at the end of every line makes no column.
            if (headers[^1].Text.Length == 0) headers.RemoveAt(headers.Count - 1);
            _separator = separator;
            return headers;
        }

        return null;
    }

    private void Prepare(List<FlatHeader> headers)
    {
        var rules = headers.Select(format.Rule).ToArray();
        var at = new Dictionary<string, int>();
        for (var i = 0; i < rules.Length; i++)
        {
            if (rules[i] is not { } rule) continue;
            if (rule.Problem is { } problem)
                Fail(new ImportFailure(ImportFailureCode.BadField, File, Lines, i + 1, headers[i].Text, problem, rule.Remedy!));
            if (!at.TryAdd(rule.Name, i))
                Fail(new ImportFailure(ImportFailureCode.DuplicateColumn, File, Lines, i + 1, headers[i].Text, $"column {at[rule.Name] + 1} already is {rule.Name}.", "Select each quantity once and export again."));
        }

        foreach (var needed in format.Needed)
            if (!at.ContainsKey(needed))
                Fail(new ImportFailure(ImportFailureCode.MissingColumn, File, Lines, null, needed, $"no column of the file is {needed}.", "Select the column in the export dialogue and export again."));
        if (Failure is not null) return;
        if (format.SignFromStepType && !at.ContainsKey("step_type") && Options.CurrentSign == CurrentSign.Unknown)
        {
            Fail(new ImportFailure(ImportFailureCode.MissingColumn, File, Lines, null, "step_type", "there is no state column, so nothing tells the sign of the current.", "Export the state column, or declare CurrentSign.PositiveCharges if the current is signed."));
            return;
        }

        _row = new FlatRow(format, Options, Zone, _dates, headers, rules);
        Layout = _row.Layout;
    }

    private void TakeRow(ReadOnlySpan<byte> line)
    {
        Rows++;
        _fields.Split(line, _separator);
        if (_row!.Misfit(_fields, line) is { } misfit)
        {
            Refuse(line, new ImportFailure(ImportFailureCode.FieldCount, File, Lines, _fields.Count, null, misfit, "Export the file again; do not edit it by hand."));
            return;
        }

        if (_row.Read(_fields, line, Lines) is { } problem)
        {
            var why = new ImportFailure(problem.Code, File, Lines, problem.Field == NoField ? null : problem.Field + 1, problem.Header, problem.Message, problem.Remedy);
            if (problem.Fatal) Fail(why);
            else Refuse(line, why);
            return;
        }

        Sink.Row(new RowView(Rows, Lines, _row.Numbers, _row.StepType, line, _fields));
        if (_row.Finding is { } found) Sink.Finding(Contradiction(found.Line, found.Message));
    }

    private ImportFailure Contradiction(long line, string message) =>
        new(ImportFailureCode.Contradiction, File, line, null, null, message, "Declare the sign, the unit or the zone that the file has, and read it again.");
}
