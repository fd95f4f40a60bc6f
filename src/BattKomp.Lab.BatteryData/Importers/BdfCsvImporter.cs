using System.Text;
using BattKomp.Lab.BatteryData.Bdf;

namespace BattKomp.Lab.BatteryData.Importers;

/// <summary>Reads BDF CSV in either header style. What the file claims is not believed: <see cref="BdfValidator"/> checks it.</summary>
public sealed class BdfCsvImporter : IImporter
{
    /// <inheritdoc/>
    public string Format => "bdf-csv";

    /// <inheritdoc/>
    public bool Recognises(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("\uFEFF"u8)) head = head[3..];
        var end = head.IndexOf((byte)'\n');
        var headers = Encoding.UTF8.GetString(end < 0 ? head : head[..end]).TrimEnd('\r').Split(',');
        // Two of the field's own names are no accident, even where a third is missing or misspelt; the validator says which.
        return headers.Count(h => BdfTerms.TryGetByHeader(h.Trim('"'), out _)) >= 2;
    }

    /// <inheritdoc/>
    public RecordTable Read(Stream stream, string fileName, ImportOptions options)
    {
        var reader = new Utf8CsvReader(stream, fileName);
        if (!reader.Read())
            throw new BatteryDataException(new ImportFailure(ImportFailureCode.Empty, fileName, null, null, null, "the file is empty.", "Export it again."));
        var headers = new string[reader.FieldCount];
        for (var i = 0; i < headers.Length; i++) headers[i] = Encoding.UTF8.GetString(reader[i]);
        var notes = new List<SourceNote>();
        var targets = BdfHeader.Map(headers, fileName, notes);
        var fields = targets.Select((t, i) => new FieldReader(t, headers[i], i, fileName)).ToArray();
        while (reader.Read()) Take(reader, fields, fileName);
        if (reader.Unterminated)
            notes.Add(new SourceNote("no_line_end", null, $"The last line ({reader.Line}) has no line end; if the file was cut, its last field is too."));

        var columns = fields.Select(f => f.Build()).ToList();
        var source = new SourceDescription { Format = Format, FileName = fileName, CurrentSign = CurrentSign.PositiveCharges, TimeZone = "UTC", TimeZoneDeclared = true, Notes = notes };
        return new RecordTable(columns, BdfHeader.Describe(source, columns.Select(c => c.Name)));
    }

    private static void Take(Utf8CsvReader reader, FieldReader[] fields, string file)
    {
        if (reader.FieldCount != fields.Length)
        {
            var code = reader.Unterminated && reader.FieldCount < fields.Length ? ImportFailureCode.Truncated : ImportFailureCode.FieldCount;
            throw new BatteryDataException(new ImportFailure(
                code, file, reader.Line, reader.FieldCount, null, $"the line has {reader.FieldCount} fields where the header has {fields.Length}.",
                code == ImportFailureCode.Truncated ? "The file was cut; copy or export it again." : "Quote fields that hold a comma, or export the file again."));
        }

        for (var i = 0; i < fields.Length; i++) fields[i].Take(reader[i], reader.Line);
    }

    /// <summary>Collects one column in the type that its term asks for, or as text to be judged at the end.</summary>
    private sealed class FieldReader
    {
        private readonly BdfHeader.Target _target;
        private readonly string _header;
        private readonly int _index;
        private readonly string _file;
        private readonly NumberBuilder? _numbers;
        private readonly TextBuilder? _texts;

        public FieldReader(BdfHeader.Target target, string header, int index, string file)
        {
            (_target, _header, _index, _file) = (target, header, index, file);
            // A program's step id is a label that some vendors write as text, so its type is judged by its fields.
            var typed = target.Term is { Type: not BdfType.Text, Name: not "step_id" };
            if (typed) _numbers = new NumberBuilder();
            else _texts = new TextBuilder();
        }

        public void Take(ReadOnlySpan<byte> field, long line)
        {
            if (_numbers is null)
            {
                _texts!.Append(field);
                return;
            }

            if (!Utf8Number.TryParse(field, out var value))
            {
                throw new BatteryDataException(new ImportFailure(
                    ImportFailureCode.BadField, _file, line, _index + 1, _header, $"\"{Encoding.UTF8.GetString(field)}\" is not a number.",
                    "Write a number with a decimal point, or leave the field empty when there is no value."));
            }

            _numbers.Append(_target.Divisor == 1 ? value : value / _target.Divisor);
        }

        public Column Build()
        {
            if (_numbers is null)
                return _target.Term is { Type: BdfType.Text } ? _texts!.Build(_target.Name) : ColumnInference.Build(_target.Name, _texts!);
            return _target.Term!.Type == BdfType.Integer ? _numbers.BuildInteger(_target.Name) : _numbers.Build(_target.Name);
        }
    }
}
