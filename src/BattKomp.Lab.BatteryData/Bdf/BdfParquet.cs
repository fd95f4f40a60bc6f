using System.Runtime.InteropServices;
using System.Text.Json;
using BattKomp.Lab.BatteryData.Importers;
using ParquetSharp;
using ParquetSharp.Schema;

namespace BattKomp.Lab.BatteryData.Bdf;

/// <summary>
/// BDF as Parquet with zstd. Doubles keep their bits (NaN included), whole numbers are INT64, text is UTF-8; no column is
/// nullable. What is known of the source travels in the file's key-value metadata.
/// </summary>
public static class BdfParquet
{
    internal const string VersionKey = "bdf.version";
    internal const string SourceKey = "battkomp.source";
    private const int RowGroup = 1 << 18;

    /// <summary>Writes the table to a file, under a temporary name first.</summary>
    public static void Write(RecordTable table, string path, BdfHeaderStyle style = BdfHeaderStyle.MachineName) =>
        AtomicFile.Write(path, stream => Write(table, stream, style));

    /// <summary>Writes the table to a stream, which stays open.</summary>
    public static void Write(RecordTable table, Stream stream, BdfHeaderStyle style = BdfHeaderStyle.MachineName)
    {
        ArgumentNullException.ThrowIfNull(table);
        var nodes = table.Columns.Select(c => Describe(c, BdfHeader.Write(c, style))).ToArray();
        using var schema = new GroupNode("records", Repetition.Required, nodes);
        using var builder = new WriterPropertiesBuilder();
        using var properties = builder.Compression(Compression.Zstd).CompressionLevel(3).Build();
        using var writer = new ParquetFileWriter(stream, schema, properties, Metadata(table.Source), leaveOpen: true);
        foreach (var batch in table.Batches(RowGroup)) WriteGroup(writer, batch);
        writer.Close();
        foreach (var node in nodes) node.Dispose();
    }

    /// <summary>Reads a BDF Parquet file, whoever wrote it; nulls become NaN or empty text.</summary>
    /// <exception cref="BatteryDataException">The file is missing, damaged, or holds nested or unsupported columns.</exception>
    public static RecordTable Read(string path) => BatteryFiles.ReadAs(new BdfParquetImporter(), path, null);

    /// <summary>Reads BDF Parquet from a stream that can seek; the name is used in refusals.</summary>
    /// <exception cref="BatteryDataException">As the other overload.</exception>
    public static RecordTable Read(Stream stream, string fileName) => new BdfParquetImporter().Read(stream, fileName, new ImportOptions());

    private static Dictionary<string, string> Metadata(SourceDescription source) => new()
    {
        [VersionKey] = BdfTerms.Version,
        [SourceKey] = JsonSerializer.Serialize(source),
    };

    private static Node Describe(Column column, string name)
    {
        using var none = LogicalType.None();
        using var text = LogicalType.String();
        return column switch
        {
            NumberColumn => new PrimitiveNode(name, Repetition.Required, none, PhysicalType.Double),
            IntegerColumn => new PrimitiveNode(name, Repetition.Required, none, PhysicalType.Int64),
            _ => new PrimitiveNode(name, Repetition.Required, text, PhysicalType.ByteArray),
        };
    }

    private static void WriteGroup(ParquetFileWriter writer, RecordTable batch)
    {
        using var group = writer.AppendRowGroup();
        foreach (var column in batch.Columns)
        {
            using var target = group.NextColumn();
            switch (column)
            {
                case NumberColumn numbers:
                    ((ColumnWriter<double>)target).WriteBatch(numbers.Values);
                    break;
                case IntegerColumn integers:
                    ((ColumnWriter<long>)target).WriteBatch(integers.Values);
                    break;
                case TextColumn texts:
                    WriteText((ColumnWriter<ByteArray>)target, texts);
                    break;
            }
        }

        group.Close();
    }

    private static void WriteText(ColumnWriter<ByteArray> target, TextColumn column)
    {
        var (bytes, bounds) = column.Utf8Block;
        MemoryMarshal.TryGetArray(bytes, out var segment);
        var pin = GCHandle.Alloc(segment.Array, GCHandleType.Pinned);
        try
        {
            var start = pin.AddrOfPinnedObject() + segment.Offset;
            var fields = new ByteArray[column.Count];
            for (var i = 0; i < fields.Length; i++)
                fields[i] = new ByteArray(start + bounds.Span[i], bounds.Span[i + 1] - bounds.Span[i]);
            target.WriteBatch(fields);
        }
        finally
        {
            pin.Free();
        }
    }
}
