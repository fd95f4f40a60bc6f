using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.EdgeAgent.Instruments.Folder;

/// <summary>A file of the folder as the last look found it.</summary>
internal sealed record FolderFile(string Path, string Name, long Length, DateTime Written, DateTime Created)
{
    /// <summary>The files that a pattern names, oldest first.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public static List<FolderFile> Scan(FolderSettings settings)
    {
        var files = new List<FolderFile>();
        foreach (var file in new DirectoryInfo(settings.Path).EnumerateFiles(settings.Glob))
        {
            // A file that goes away between the two questions is gone at the next look.
            if (file.Exists)
                files.Add(new FolderFile(file.FullName, file.Name, file.Length, file.LastWriteTimeUtc, file.CreationTimeUtc));
        }
        files.Sort((a, b) => (a.Written, a.Name).CompareTo((b.Written, b.Name)));
        return files;
    }

    /// <summary>Opens it so that the vendor's program may write, rename and delete it meanwhile.</summary>
    public FileStream Open() => new(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
}

/// <summary>What the beginning of a file tells: its format, and a mark that another test's file does not have.</summary>
/// <param name="Importer">Null = no known format.</param>
/// <param name="Mark">Of format and first record row; empty while there is none.</param>
/// <param name="Full">True when the whole head was there and still tells nothing.</param>
/// <param name="Failure">Why the header cannot be used.</param>
internal sealed record FolderHead(IRowImporter? Importer, string Mark, bool Full, ImportFailure? Failure)
{
    /// <summary>Looks at the beginning of a file.</summary>
    public static FolderHead Of(Stream stream, FolderSettings settings)
    {
        var head = new byte[RowImporters.HeadLength];
        var length = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        var bytes = head.AsSpan(0, length);
        if (RowImporters.Recognise(bytes, settings.Format) is not { } importer)
            return new FolderHead(null, "", length == head.Length, null);
        var reader = importer.Open("", settings.Import);
        var first = new FirstRow(importer.Format);
        reader.Feed(bytes, first);
        return new FolderHead(importer, first.Mark, length == head.Length, reader.Failure);
    }

    private sealed class FirstRow(string format) : IRowSink
    {
        public string Mark { get; private set; } = "";

        public void Row(in RowView row) => Take(row.Raw);

        public void Refused(long number, ReadOnlySpan<byte> line, ImportFailure why) => Take(line);

        public void Finding(ImportFailure finding)
        {
        }

        private void Take(ReadOnlySpan<byte> line)
        {
            if (Mark.Length == 0)
                Mark = RowHash.Mark(RowHash.Next(RowHash.Of(format), line));
        }
    }
}

/// <summary>FNV-1a over the rows read so far, so that each row's hash stands for all before it.</summary>
internal static class RowHash
{
    private const ulong Offset = 14695981039346656037UL;
    private const ulong Prime = 1099511628211UL;

    public static ulong Of(string format) => format.Aggregate(Offset, (hash, c) => (hash ^ c) * Prime);

    public static string Mark(ulong hash) => hash.ToString("x16", System.Globalization.CultureInfo.InvariantCulture);

    public static ulong Next(ulong hash, ReadOnlySpan<byte> line)
    {
        foreach (var b in line)
            hash = (hash ^ b) * Prime;
        return (hash ^ '\n') * Prime;
    }
}
