using System.Text;
using BattKomp.Lab.BatteryData.Importers;

namespace BattKomp.Lab.BatteryData.Bdf;

/// <summary>
/// BDF as CSV. Doubles are written in the shortest form that reads back to the same bits; NaN is an empty field; columns
/// that BDF has no term for keep their own header.
/// </summary>
public static class BdfCsv
{
    /// <summary>Writes the table to a file, under a temporary name first.</summary>
    public static void Write(RecordTable table, string path, BdfHeaderStyle style = BdfHeaderStyle.PreferredLabel) =>
        AtomicFile.Write(path, stream => Write(table, stream, style));

    /// <summary>Writes the table to a stream, which stays open.</summary>
    public static void Write(RecordTable table, Stream stream, BdfHeaderStyle style = BdfHeaderStyle.PreferredLabel)
    {
        ArgumentNullException.ThrowIfNull(table);
        var writer = new Utf8CsvWriter(stream);
        foreach (var column in table.Columns) writer.Field(Encoding.UTF8.GetBytes(BdfHeader.Write(column, style)));
        writer.EndRecord();
        foreach (var batch in table.Batches()) WriteRows(batch, writer);
        writer.Flush();
    }

    private static void WriteRows(RecordTable batch, Utf8CsvWriter writer)
    {
        var columns = batch.Columns.ToArray();
        for (var row = 0; row < batch.Count; row++)
        {
            foreach (var column in columns)
            {
                switch (column)
                {
                    case NumberColumn numbers:
                        writer.Field(numbers.Values[row]);
                        break;
                    case IntegerColumn integers:
                        writer.Field(integers.Values[row]);
                        break;
                    case TextColumn texts:
                        writer.Field(texts.Utf8(row));
                        break;
                }
            }

            writer.EndRecord();
        }
    }

    /// <summary>Reads a BDF CSV file.</summary>
    /// <exception cref="BatteryDataException">The file is missing, is not CSV, or a field is not what its column holds.</exception>
    public static RecordTable Read(string path) => BatteryFiles.ReadAs(new BdfCsvImporter(), path, null);

    /// <summary>Reads BDF CSV from a stream; the name is used in refusals.</summary>
    /// <exception cref="BatteryDataException">As the other overload.</exception>
    public static RecordTable Read(Stream stream, string fileName) => new BdfCsvImporter().Read(stream, fileName, new ImportOptions());
}
