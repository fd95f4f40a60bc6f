using System.Text;
using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData.Importers.Neware;

/// <summary>
/// The hierarchical text export of Neware testers: cycle rows, under them step rows, under them record rows. README.md
/// beside this file states the layout, the sign rule, the time zone rule and the reset scopes.
/// </summary>
public sealed class NewareHierarchicalImporter : IRowImporter
{
    /// <inheritdoc/>
    public string Format => "neware-hierarchical";

    /// <inheritdoc/>
    public bool Recognises(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("\uFEFF"u8)) head = head[3..];
        if (!head.StartsWith("Cycle Index,"u8)) return false;
        var end = head.IndexOf((byte)'\n');
        // A file cut inside its first line is still of this kind, and the reader says that it is cut.
        return end < 0 || head[(end + 1)..].StartsWith(",Step Index"u8) || head[(end + 1)..].IsEmpty;
    }

    /// <inheritdoc/>
    public RowReader Open(string fileName, ImportOptions options) => new NewareGrowingReader(fileName, options);

    /// <inheritdoc/>
    public RecordTable Read(Stream stream, string fileName, ImportOptions options)
    {
        var zone = FindZone(options.TimeZone, fileName);
        var reader = new Utf8CsvReader(stream, fileName);
        var layout = NewareLayout.Read(reader, fileName);
        var parser = new NewareParser(layout, fileName, options);
        while (reader.Read() && parser.Take(reader)) { }
        return parser.Build(zone);
    }

    private static TimeZoneInfo FindZone(string? id, string file)
    {
        if (id is null) return TimeZoneInfo.Utc;
        if (TimeZoneInfo.TryFindSystemTimeZoneById(id, out var zone)) return zone;
        throw new BatteryDataException(new ImportFailure(
            ImportFailureCode.BadOption, file, null, null, "time zone", $"\"{id}\" is no time zone that this machine knows.", "Use an IANA name such as Europe/Oslo."));
    }
}

/// <summary>Walks the rows; everything is refused or everything is kept.</summary>
internal sealed class NewareParser
{
    private readonly string _file;
    private readonly ImportOptions _options;
    private readonly NewareField[] _fields;
    private readonly NewareSideTable _cycles;
    private readonly NewareSideTable _steps;
    private readonly List<NewareStep> _executions = [];
    private readonly List<SourceNote> _notes = [];
    private readonly NewareLayout _layout;
    private int _cycleRows;
    private int _stepRows;
    private int _records;
    private double _cycle = double.NaN;

    public NewareParser(NewareLayout layout, string file, ImportOptions options)
    {
        (_layout, _file, _options) = (layout, file, options);
        _fields = [.. layout.Record.Select((h, i) => NewareField.Create(h, i + 3, file))];
        _cycles = new NewareSideTable("cycles", layout.Cycle);
        _steps = new NewareSideTable("steps", layout.Step);
    }

    /// <summary>Takes one row; false when the rest of the file is to be left.</summary>
    public bool Take(Utf8CsvReader reader)
    {
        if (reader.Unterminated)
        {
            // A line cut inside its last field looks whole; the export always ends its lines, so only the line end tells.
            if (!_options.AllowIncomplete)
                throw Refuse(ImportFailureCode.Truncated, reader.Line, reader.FieldCount, null, "the file ends inside this line.", "The file was cut; copy or export it again, or declare that the test is still running.");
            _notes.Add(new SourceNote("last_line_dropped", null, $"Line {reader.Line} has no line end yet and is left for the next reading."));
            return false;
        }

        if (reader[0].Length > 0) TakeCycle(reader);
        else if (reader.FieldCount > 1 && reader[1].Length > 0) TakeStep(reader, 1);
        else TakeRecord(reader);
        return true;
    }

    private void TakeCycle(Utf8CsvReader reader)
    {
        // The first step of a test may stand on its cycle's line.
        var withStep = reader.FieldCount == _cycles.Width + _steps.Width;
        if (!withStep) RequireFields(reader, _cycles.Width, "cycle");
        _cycle = Number(reader, 0, _layout.Cycle[0]);
        _cycles.Take(reader, 0);
        _cycleRows++;
        if (withStep) TakeStep(reader, _cycles.Width);
    }

    private void TakeStep(Utf8CsvReader reader, int offset)
    {
        if (offset == 1) RequireFields(reader, _steps.Width + 1, "step");
        if (double.IsNaN(_cycle))
            throw Refuse(ImportFailureCode.Contradiction, reader.Line, 1, "Cycle Index", "a step row comes before any cycle row.", "Export the file again from its beginning.");
        var secondsAt = _steps.IndexOf("Step Time");
        if (!NewareTime.TryParseDuration(reader[offset + secondsAt], out var seconds))
            throw Refuse(ImportFailureCode.BadField, reader.Line, offset + secondsAt + 1, "Step Time", "it is not a duration (h:mm:ss).", "Export the file again.");
        var numberAt = _steps.IndexOf("Step Number");
        _steps.Take(reader, offset);
        var id = Number(reader, offset, _layout.Step[0]);
        var number = Number(reader, offset + numberAt, _layout.Step[numberAt]);
        CloseStep();
        _executions.Add(new NewareStep(reader.Line, _cycle, number, id, _steps.Text(_stepRows, "Step Type"), seconds, _records));
        _stepRows++;
    }

    private void TakeRecord(Utf8CsvReader reader)
    {
        RequireFields(reader, _fields.Length + 2, "record");
        if (_executions.Count == 0)
            throw Refuse(ImportFailureCode.Contradiction, reader.Line, null, null, "a record row comes before any step row.", "Export the file again from its beginning.");
        for (var i = 0; i < _fields.Length; i++) _fields[i].Take(reader[i + 2], reader.Line);
        _records++;
    }

    private void RequireFields(Utf8CsvReader reader, int width, string kind)
    {
        if (reader.FieldCount == width) return;
        throw Refuse(
            ImportFailureCode.FieldCount, reader.Line, reader.FieldCount, null,
            $"this {kind} row has {reader.FieldCount} fields where its header has {width}.", "Export the file again; do not edit it by hand.");
    }

    private double Number(Utf8CsvReader reader, int at, NewareHeader header)
    {
        if (Utf8Number.TryParse(reader[at], out var value) && !double.IsNaN(value)) return value;
        throw Refuse(ImportFailureCode.BadField, reader.Line, at + 1, header.Text, $"\"{Encoding.UTF8.GetString(reader[at])}\" is not a number.", "Export the file again; do not edit it by hand.");
    }

    private void CloseStep()
    {
        if (_executions.Count > 0) _executions[^1].EndRecord = _records;
    }

    public RecordTable Build(TimeZoneInfo zone)
    {
        CloseStep();
        if (_records == 0)
            throw Refuse(ImportFailureCode.Empty, null, null, null, "the file has headers and no records.", "Export it again after the test has recorded something.");
        var columns = _fields.SelectMany(f => f.Build()).ToList();
        var assembly = new NewareAssembly(_file, _options, _executions, _notes);
        return assembly.Build(columns, _layout, [_cycles.Build(), _steps.Build()], zone);
    }

    private BatteryDataException Refuse(ImportFailureCode code, long? line, int? column, string? field, string message, string remedy) =>
        new(new ImportFailure(code, _file, line, column, field, message, remedy));
}
