using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.BatteryData.Importers;
using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.BatteryData;

/// <summary>Reads battery data of any known format, judged by content and not by name, and writes BDF.</summary>
public static class BatteryFiles
{
    private const int HeadLength = 64 * 1024;

    /// <summary>The known formats, the most specific first.</summary>
    public static IReadOnlyList<IImporter> Importers { get; } = [new BdfParquetImporter(), .. RowImporters.All, new Importers.Maccor.MaccorImpedanceImporter(), new BdfCsvImporter()];

    /// <summary>The records of a file.</summary>
    /// <exception cref="BatteryDataException">The file cannot be used; the failure names place, cause and remedy.</exception>
    public static RecordTable Read(string path, ImportOptions? options = null) => ReadAs(null, path, options);

    /// <summary>As <see cref="Read"/>, with the refusal as a value.</summary>
    public static ImportResult TryRead(string path, ImportOptions? options = null)
    {
        try
        {
            return new ImportResult { Table = Read(path, options) };
        }
        catch (BatteryDataException e)
        {
            return new ImportResult { Failure = e.Failure };
        }
    }

    /// <summary>Writes BDF: Parquet when the name ends in <c>.parquet</c>, else CSV.</summary>
    public static void Write(RecordTable table, string path)
    {
        if (path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase)) BdfParquet.Write(table, path);
        else BdfCsv.Write(table, path);
    }

    /// <summary>Reads with the given importer, or with the one that recognises the content.</summary>
    internal static RecordTable ReadAs(IImporter? importer, string path, ImportOptions? options)
    {
        var file = Path.GetFileName(path);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
            var head = new byte[HeadLength];
            var read = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
            stream.Position = 0;
            if (read == 0) throw Refuse(ImportFailureCode.Empty, "the file is empty.", "Export or copy it again.");
            importer ??= Recognise(head.AsSpan(0, read), file);
            var table = importer.Read(stream, file, options ?? new ImportOptions());
            return table.Count > 0 ? table : throw Refuse(ImportFailureCode.Empty, "the file has a header and no records.", "Export it again after the test has recorded something.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Refuse(ImportFailureCode.NotFound, "there is no such file.", "Check the path.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refuse(ImportFailureCode.Unreadable, $"the file cannot be read ({e.Message}).", "Check that it is a file, that it may be read and that the disk is well.", e);
        }

        BatteryDataException Refuse(ImportFailureCode code, string message, string remedy, Exception? inner = null) =>
            new(new ImportFailure(code, file, null, null, null, message, remedy), inner);
    }

    private static IImporter Recognise(ReadOnlySpan<byte> head, string file)
    {
        foreach (var importer in Importers)
            if (importer.Recognises(head)) return importer;

        var known = string.Join(", ", Importers.Select(i => i.Format));
        var binary = head.Contains((byte)0);
        throw new BatteryDataException(new ImportFailure(
            binary ? ImportFailureCode.Binary : ImportFailureCode.UnknownFormat, file, binary ? null : 1, null, null,
            binary ? "this is a binary file of no known format." : "the content is of no known format.",
            $"Export it from the cycler's own program in one of: {known}."));
    }
}
