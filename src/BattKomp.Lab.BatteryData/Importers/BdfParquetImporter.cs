using System.Runtime.InteropServices;
using System.Text.Json;
using BattKomp.Lab.BatteryData.Bdf;
using ParquetSharp;
using ParquetSharp.IO;

namespace BattKomp.Lab.BatteryData.Importers;

/// <summary>Reads flat Parquet files with BDF column names in either header style: ours, DuckDB's, pandas'.</summary>
public sealed class BdfParquetImporter : IImporter
{
    /// <inheritdoc/>
    public string Format => "bdf-parquet";

    /// <inheritdoc/>
    public bool Recognises(ReadOnlySpan<byte> head) => head.StartsWith("PAR1"u8);

    /// <inheritdoc/>
    public RecordTable Read(Stream stream, string fileName, ImportOptions options)
    {
        try
        {
            using var source = new ManagedRandomAccessFile(stream, leaveOpen: true);
            using var reader = new ParquetFileReader(source);
            return Read(reader, fileName);
        }
        catch (ParquetException e)
        {
            throw new BatteryDataException(
                new ImportFailure(ImportFailureCode.Truncated, fileName, null, null, null, "the Parquet file is cut or damaged.", "Copy or export it again and compare its SHA-256."), e);
        }
    }

    private RecordTable Read(ParquetFileReader reader, string file)
    {
        var schema = reader.FileMetaData.Schema;
        var count = reader.FileMetaData.NumColumns;
        var headers = Enumerable.Range(0, count).Select(i => schema.Column(i).Path.ToDotString()).ToArray();
        var notes = new List<SourceNote>();
        var targets = BdfHeader.Map(headers, file, notes);
        var columns = new List<Column>(count);
        for (var i = 0; i < count; i++) columns.Add(ReadColumn(reader, i, targets[i], headers[i], file));
        var source = Declared(reader) ?? new SourceDescription { Format = Format, CurrentSign = CurrentSign.PositiveCharges, TimeZone = "UTC", TimeZoneDeclared = true };
        source = source with { FileName = file, Notes = [.. source.Notes, .. notes] };
        return new RecordTable(columns, BdfHeader.Describe(source, columns.Select(c => c.Name)));
    }

    /// <summary>The description that our own writer put into the file; anything else there is not ours and is left alone.</summary>
    private static SourceDescription? Declared(ParquetFileReader reader)
    {
        if (!reader.FileMetaData.KeyValueMetadata.TryGetValue(BdfParquet.SourceKey, out var json)) return null;
        try
        {
            return JsonSerializer.Deserialize<SourceDescription>(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static Column ReadColumn(ParquetFileReader reader, int index, BdfHeader.Target target, string header, string file)
    {
        var descriptor = reader.FileMetaData.Schema.Column(index);
        if (descriptor.MaxRepetitionLevel > 0 || descriptor.MaxDefinitionLevel > 1)
            throw Refuse("the column is nested.", "Write one flat column per quantity.");
        return descriptor.PhysicalType switch
        {
            PhysicalType.Double => Numbers<double>(reader, index, target, v => v),
            PhysicalType.Float => Numbers<float>(reader, index, target, v => v),
            PhysicalType.Int32 => Integers<int>(reader, index, target, v => v),
            PhysicalType.Int64 => Integers<long>(reader, index, target, v => v),
            PhysicalType.Boolean => Integers<bool>(reader, index, target, v => v ? 1 : 0),
            PhysicalType.ByteArray => Texts(reader, index, target),
            _ => throw Refuse($"values of type {descriptor.PhysicalType} are not supported.", "Write numbers as DOUBLE or BIGINT and text as VARCHAR."),
        };

        BatteryDataException Refuse(string message, string remedy) =>
            new(new ImportFailure(ImportFailureCode.BadField, file, null, index + 1, header, message, remedy));
    }

    private static NumberColumn Numbers<T>(ParquetFileReader reader, int index, BdfHeader.Target target, Func<T, double> widen)
        where T : unmanaged
    {
        var values = new NumberBuilder();
        Scan<T>(reader, index, (value, present) =>
            values.Append(present ? target.Divisor == 1 ? widen(value) : widen(value) / target.Divisor : double.NaN));
        return values.Build(target.Name);
    }

    /// <summary>Whole numbers stay whole unless one is missing or the column is converted; then they are doubles.</summary>
    private static Column Integers<T>(ParquetFileReader reader, int index, BdfHeader.Target target, Func<T, long> widen)
        where T : unmanaged
    {
        var values = new List<long>();
        var missing = new List<int>();
        Scan<T>(reader, index, (value, present) =>
        {
            if (!present) missing.Add(values.Count);
            values.Add(present ? widen(value) : 0);
        });
        if (missing.Count == 0 && target.Divisor == 1) return new IntegerColumn(target.Name, values.ToArray());
        var numbers = values.Select(v => v / target.Divisor).ToArray();
        foreach (var row in missing) numbers[row] = double.NaN;
        return new NumberColumn(target.Name, numbers);
    }

    private static TextColumn Texts(ParquetFileReader reader, int index, BdfHeader.Target target)
    {
        var texts = new TextBuilder();
        var scratch = new byte[256];
        Scan<ByteArray>(reader, index, (value, present) =>
        {
            var length = present ? value.Length : 0;
            if (length > scratch.Length) scratch = new byte[length * 2];
            if (length > 0) Marshal.Copy(value.Pointer, scratch, 0, length);
            texts.Append(scratch.AsSpan(0, length));
        });
        return texts.Build(target.Name);
    }

    /// <summary>Calls <paramref name="take"/> for each row in order; Parquet stores only the values that are there, the levels say which.</summary>
    private static void Scan<T>(ParquetFileReader reader, int index, Action<T, bool> take)
        where T : unmanaged
    {
        var optional = reader.FileMetaData.Schema.Column(index).MaxDefinitionLevel > 0;
        var values = new T[RecordTable.MaxBatch];
        var levels = new short[RecordTable.MaxBatch];
        for (var g = 0; g < reader.FileMetaData.NumRowGroups; g++)
        {
            using var group = reader.RowGroup(g);
            using var column = (ColumnReader<T>)group.Column(index);
            while (column.HasNext)
            {
                var rows = column.ReadBatch(values.Length, optional ? levels : default, default, values, out var found);
                if (!optional) rows = found;
                for (int row = 0, at = 0; row < rows; row++)
                {
                    var present = !optional || levels[row] > 0;
                    take(present ? values[at++] : default, present);
                }
            }
        }
    }
}
