namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>The folder that the journal lives in. A seam, so that tests can cut the power, fill the disk and slow an fsync down.</summary>
public interface IJournalDisk
{
    /// <summary>Names of all files in the folder, in no order.</summary>
    IReadOnlyList<string> List();

    /// <summary>Opens a file for reading and writing, creating it when it is missing.</summary>
    IJournalFile Open(string name);

    /// <summary>Renames a file, replacing any file of the new name.</summary>
    void Rename(string from, string to);

    /// <summary>Removes a file; a missing one is no error.</summary>
    void Delete(string name);

    /// <summary>Makes creations, renames and removals durable.</summary>
    void FlushDirectory();
}

/// <summary>One open file of an <see cref="IJournalDisk"/>. Writes are durable only after <see cref="Flush"/> has returned.</summary>
public interface IJournalFile : IDisposable
{
    /// <summary>Bytes in the file now.</summary>
    long Length { get; }

    /// <summary>Writes at an offset; throws <see cref="IOException"/> when the disk is full.</summary>
    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Reads up to <paramref name="into"/>.Length bytes; 0 at the end.</summary>
    int Read(long offset, Span<byte> into);

    /// <summary>Cuts or extends the file.</summary>
    void SetLength(long length);

    /// <summary>Returns when everything written is on stable storage.</summary>
    void Flush();
}

/// <summary>Small files on an <see cref="IJournalDisk"/>, written to a temporary name and renamed.</summary>
public static class JournalDiskExtensions
{
    /// <summary>Replaces the content of a file in one step: a reader sees the old content or the new, never a part.</summary>
    public static void WriteAtomically(this IJournalDisk disk, string name, ReadOnlySpan<byte> content)
    {
        var temporary = name + ".tmp";
        using (var file = disk.Open(temporary))
        {
            file.SetLength(0);
            file.Write(0, content);
            file.Flush();
        }
        disk.Rename(temporary, name);
        disk.FlushDirectory();
    }

    /// <summary>The whole content of a file.</summary>
    public static byte[] ReadAll(this IJournalFile file)
    {
        var bytes = new byte[file.Length];
        var read = 0;
        while (read < bytes.Length)
        {
            var n = file.Read(read, bytes.AsSpan(read));
            if (n == 0)
                return bytes.AsSpan(0, read).ToArray();
            read += n;
        }
        return bytes;
    }

    /// <summary>The whole content of a named file; null when it does not exist.</summary>
    public static byte[]? ReadAll(this IJournalDisk disk, string name)
    {
        if (!disk.List().Contains(name))
            return null;
        using var file = disk.Open(name);
        return file.ReadAll();
    }
}
