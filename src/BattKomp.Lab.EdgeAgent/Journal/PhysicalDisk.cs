using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>A real folder. Flush is fsync; FlushDirectory is fsync of the folder (Linux and macOS), without which a new file's name may not survive a power cut.</summary>
public sealed partial class PhysicalDisk : IJournalDisk
{
    private readonly string _folder;

    /// <summary>Uses a folder, creating it when it is missing.</summary>
    public PhysicalDisk(string folder)
    {
        _folder = Path.GetFullPath(folder);
        Directory.CreateDirectory(_folder);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List() => [.. Directory.EnumerateFiles(_folder).Select(f => Path.GetFileName(f)!)];

    /// <inheritdoc/>
    public IJournalFile Open(string name) => new PhysicalFile(Path.Combine(_folder, name));

    /// <inheritdoc/>
    public void Rename(string from, string to) => File.Move(Path.Combine(_folder, from), Path.Combine(_folder, to), overwrite: true);

    /// <inheritdoc/>
    public void Delete(string name) => File.Delete(Path.Combine(_folder, name));

    /// <inheritdoc/>
    public void FlushDirectory()
    {
        if (OperatingSystem.IsWindows())
            return;
        var descriptor = OpenDescriptor(_folder, 0);
        if (descriptor < 0)
            throw new IOException($"Cannot open the folder {_folder} to flush it: error {Marshal.GetLastPInvokeError()}.");
        try
        {
            if (FlushDescriptor(descriptor) != 0)
                throw new IOException($"Cannot flush the folder {_folder}: error {Marshal.GetLastPInvokeError()}.");
        }
        finally
        {
            _ = CloseDescriptor(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDescriptor(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FlushDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int CloseDescriptor(int descriptor);

    private sealed class PhysicalFile(string path) : IJournalFile
    {
        private readonly SafeFileHandle _handle =
            File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);

        public long Length => RandomAccess.GetLength(_handle);

        public void Write(long offset, ReadOnlySpan<byte> bytes) => RandomAccess.Write(_handle, bytes, offset);

        public int Read(long offset, Span<byte> into) => RandomAccess.Read(_handle, into, offset);

        public void SetLength(long length) => RandomAccess.SetLength(_handle, length);

        public void Flush() => RandomAccess.FlushToDisk(_handle);

        public void Dispose() => _handle.Dispose();
    }
}
