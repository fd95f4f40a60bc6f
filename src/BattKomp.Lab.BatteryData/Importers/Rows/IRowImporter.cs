namespace BattKomp.Lab.BatteryData.Importers.Rows;

/// <summary>A text format that can be read while the vendor's program still writes it: the same code, fed once, is the whole import.</summary>
public interface IRowImporter : IImporter
{
    /// <summary>A reader that has seen nothing yet.</summary>
    /// <exception cref="BatteryDataException">An option cannot be used (<see cref="ImportFailureCode.BadOption"/>).</exception>
    RowReader Open(string fileName, ImportOptions options);
}

/// <summary>The importers that read growing files, the most specific first.</summary>
public static class RowImporters
{
    /// <summary>Bytes of a file's beginning that recognition may look at.</summary>
    public const int HeadLength = 64 * 1024;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<IRowImporter> All { get; } =
        [new Neware.NewareHierarchicalImporter(), new Neware.NewareFlatImporter(), new Arbin.ArbinImporter(), new Maccor.MaccorImporter(), new BioLogic.BioLogicImporter(),
         new Novonix.NovonixImporter(), new Basytec.BasytecImporter(), new Pec.PecImporter(), new Landt.LandtImporter(), new BatteryArchive.BatteryArchiveImporter()];

    /// <summary>The importer of that format name, or null.</summary>
    public static IRowImporter? Named(string format) => All.FirstOrDefault(i => i.Format == format || i.Format.Split('-')[0] == format);

    /// <summary>The importer that recognises the beginning of a file, of the vendor's formats only where one is named; null = none (yet).</summary>
    public static IRowImporter? Recognise(ReadOnlySpan<byte> head, string vendor = "auto")
    {
        foreach (var importer in All)
            if ((vendor is "" or "auto" || importer.Format == vendor || importer.Format.Split('-')[0] == vendor) && importer.Recognises(head)) return importer;
        return null;
    }
}

/// <summary>Where a reader's rows go. Spans are valid during the call.</summary>
public interface IRowSink
{
    /// <summary>A record.</summary>
    void Row(in RowView row);

    /// <summary>A record row that cannot be used; the rows after it are read on.</summary>
    void Refused(long number, ReadOnlySpan<byte> line, ImportFailure why);

    /// <summary>Something that rows already given show to be wrong: a sign, a time unit.</summary>
    void Finding(ImportFailure finding);
}

/// <summary>What the rows of one file hold.</summary>
/// <param name="Numbers">Canonical columns (BDF machine names, canonical units), in the order of a row's numbers.</param>
/// <param name="HasStepType">Whether rows carry a step type.</param>
/// <param name="Kept">The vendor's own columns: header and field of the line.</param>
public sealed record RowLayout(IReadOnlyList<string> Numbers, bool HasStepType, IReadOnlyList<(string Name, int Field)> Kept);

/// <summary>One record as read.</summary>
public readonly ref struct RowView
{
    private readonly FieldSplitter _fields;

    internal RowView(long number, long line, ReadOnlySpan<double> numbers, ReadOnlySpan<byte> stepType, ReadOnlySpan<byte> raw, FieldSplitter fields)
    {
        Number = number;
        Line = line;
        Numbers = numbers;
        StepType = stepType;
        Raw = raw;
        _fields = fields;
    }

    /// <summary>1-based number among the file's record rows; refused rows count.</summary>
    public long Number { get; }

    /// <summary>1-based line of the file.</summary>
    public long Line { get; }

    /// <summary>Values by <see cref="RowLayout.Numbers"/>; NaN = the row has none.</summary>
    public ReadOnlySpan<double> Numbers { get; }

    /// <summary>BDF step type (UTF-8), empty when the file has none.</summary>
    public ReadOnlySpan<byte> StepType { get; }

    /// <summary>The whole line as UTF-8.</summary>
    public ReadOnlySpan<byte> Raw { get; }

    /// <summary>One field of the line as UTF-8.</summary>
    public ReadOnlySpan<byte> Field(int field) => _fields[field, Raw];
}
