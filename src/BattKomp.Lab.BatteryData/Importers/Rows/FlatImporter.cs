namespace BattKomp.Lab.BatteryData.Importers.Rows;

/// <summary>An importer whose format is one flat table.</summary>
public abstract class FlatImporter : IRowImporter
{
    private protected FlatImporter()
    {
    }

    /// <inheritdoc/>
    public string Format => Begin(new ImportOptions()).Name;

    /// <inheritdoc/>
    public bool Recognises(ReadOnlySpan<byte> head)
    {
        var format = Begin(new ImportOptions());
        if (head.StartsWith("\uFEFF"u8)) head = head[3..];
        var fields = new FieldSplitter();
        for (var line = 0; line <= format.PreambleLines; line++)
        {
            var end = head.IndexOf((byte)'\n');
            if (end < 0) return false;
            if (IsHeader(format, head[..end].TrimEnd((byte)'\r'), fields)) return true;
            head = head[(end + 1)..];
        }

        return false;
    }

    /// <inheritdoc/>
    public RowReader Open(string fileName, ImportOptions options) => new FlatReader(Begin(options), fileName, options);

    /// <inheritdoc/>
    public RecordTable Read(Stream stream, string fileName, ImportOptions options) => TableRowSink.Read(Open(fileName, options), stream);

    private protected abstract FlatFormat Begin(ImportOptions options);

    private static bool IsHeader(FlatFormat format, ReadOnlySpan<byte> line, FieldSplitter fields)
    {
        line = format.Bare(line);
        foreach (var separator in format.Separators)
        {
            if (!line.Contains(separator)) continue;
            fields.Split(line, separator);
            var headers = new List<FlatHeader>(fields.Count);
            for (var i = 0; i < fields.Count; i++) headers.Add(format.Header(System.Text.Encoding.UTF8.GetString(fields[i, line])));
            if (format.IsHeader(headers)) return true;
        }

        return false;
    }
}
