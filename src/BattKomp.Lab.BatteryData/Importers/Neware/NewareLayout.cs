using System.Text;

namespace BattKomp.Lab.BatteryData.Importers.Neware;

/// <summary>A header such as <c>Capacity(mAh)</c>: its quantity and its unit, empty when it has none.</summary>
internal sealed record NewareHeader(string Text, string Quantity, string Unit)
{
    public static NewareHeader Parse(ReadOnlySpan<byte> field)
    {
        // Programs of this family write UTF-8 or an old code page; a header is ours to show, so latin-1 is better than a refusal.
        var valid = System.Text.Unicode.Utf8.IsValid(field);
        var text = (valid ? Encoding.UTF8 : Encoding.Latin1).GetString(field).Trim();
        var open = text.LastIndexOf('(');
        return open > 0 && text.EndsWith(')')
            ? new NewareHeader(text, text[..open].Trim(), text[(open + 1)..^1])
            : new NewareHeader(text, text, "");
    }
}

/// <summary>The three header rows: cycles, steps (one empty field in front), records (two).</summary>
internal sealed class NewareLayout
{
    public required NewareHeader[] Cycle { get; init; }

    public required NewareHeader[] Step { get; init; }

    public required NewareHeader[] Record { get; init; }

    /// <summary>Reads the header rows or refuses.</summary>
    public static NewareLayout Read(Utf8CsvReader reader, string file)
    {
        var cycle = ReadRow(reader, file, 0, "Cycle Index", "cycle");
        var step = ReadRow(reader, file, 1, "Step Index", "step");
        var record = ReadRow(reader, file, 2, "DataPoint", "record");
        var layout = new NewareLayout { Cycle = cycle, Step = step, Record = record };
        Require(step, file, 2, 1, "Step Number", "Step Type", "Step Time");
        Require(record, file, 3, 2, "DataPoint", "Time", "Total Time", "Current", "Voltage");
        foreach (var (row, indent) in ((NewareHeader[], int)[])[(cycle, 0), (step, 1), (record, 2)]) Distinguish(row, indent, file);
        return layout;
    }

    private static NewareHeader[] ReadRow(Utf8CsvReader reader, string file, int indent, string first, string what)
    {
        var line = indent + 1;
        if (!reader.Read())
            throw Refuse(ImportFailureCode.Truncated, $"the file ends before the {what} header.", "The file was cut; export it again.");
        var row = new NewareHeader[reader.FieldCount - Math.Min(indent, reader.FieldCount)];
        for (var i = 0; i < row.Length; i++) row[i] = NewareHeader.Parse(reader[i + indent]);
        var indented = Enumerable.Range(0, Math.Min(indent, reader.FieldCount)).All(i => reader[i].IsEmpty);
        if (row.Length == 0 || !indented || row[0].Quantity != first)
            throw Refuse(ImportFailureCode.MissingColumn, $"the {what} header must begin with {first} after {indent} empty fields.", "Export with the layout of cycle, step and record rows, and with English headers.");
        return row;

        BatteryDataException Refuse(ImportFailureCode code, string message, string remedy) =>
            new(new ImportFailure(code, file, line, null, first, message, remedy));
    }

    private static void Require(NewareHeader[] row, string file, int line, int indent, params string[] quantities)
    {
        foreach (var quantity in quantities)
        {
            var at = Array.FindIndex(row, h => h.Quantity == quantity);
            if (at < 0)
                throw Refuse(ImportFailureCode.MissingColumn, null, quantity, "the column is not in the export.", "Select the column in the export dialogue and export again.");
        }

        BatteryDataException Refuse(ImportFailureCode code, int? column, string field, string message, string remedy) =>
            new(new ImportFailure(code, file, line, column, field, message, remedy));
    }

    /// <summary>Two columns that mean one quantity are refused; two of a vendor's own with one header (a lost letter can make them so) are numbered.</summary>
    private static void Distinguish(NewareHeader[] row, int indent, string file)
    {
        var canonical = new HashSet<string>();
        var texts = new HashSet<string>();
        for (var i = 0; i < row.Length; i++)
        {
            var name = indent == 2 ? NewareField.Create(row[i], i + 3, file).CanonicalName : null;
            if (name is not null && !canonical.Add(name))
                throw new BatteryDataException(new ImportFailure(ImportFailureCode.DuplicateColumn, file, indent + 1, i + indent + 1, row[i].Text, $"another column already is {row[i].Quantity}.", "Select each quantity once and export again."));
            var text = row[i].Text.Length > 0 ? row[i].Text : "unnamed";
            var distinct = text;
            for (var n = 2; !texts.Add(distinct); n++) distinct = $"{text} #{n}";
            row[i] = row[i] with { Text = distinct };
        }
    }
}
