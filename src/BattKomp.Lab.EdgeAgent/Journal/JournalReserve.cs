namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>
/// Space that is taken while the disk has some, so that stops, alarms and outages can still be written when it is full. It is given up at the first write that
/// the disk refuses; that it can be taken again tells that there is room for records.
/// </summary>
internal sealed class JournalReserve(IJournalDisk disk, long bytes)
{
    private const string FileName = "reserve.bin";
    private const int ChunkBytes = 64 << 10;

    /// <summary>True while the space is held.</summary>
    public bool Held { get; private set; }

    /// <summary>True when the space was given up for events and is not back yet; a disk that never had so much is used without.</summary>
    public bool Given { get; private set; }

    /// <summary>Takes the space with real bytes, not as a hole in a file; false when the disk has not so much.</summary>
    public bool TryTake()
    {
        if (Held)
            return true;
        try
        {
            using (var file = disk.Open(FileName))
            {
                var zeros = new byte[ChunkBytes];
                for (var at = file.Length == bytes ? bytes : 0; at < bytes; at += ChunkBytes)
                    file.Write(at, zeros.AsSpan(0, (int)Math.Min(ChunkBytes, bytes - at)));
                file.Flush();
            }
            disk.FlushDirectory();
            (Held, Given) = (true, false);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What it did get must not stand in the way of an event.
            Delete();
            return false;
        }
    }

    /// <summary>Gives the space to the file system.</summary>
    public void Release()
    {
        (Held, Given) = (false, true);
        Delete();
    }

    private void Delete()
    {
        try
        {
            disk.Delete(FileName);
            disk.FlushDirectory();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Tried again by the next refused write.
        }
    }
}
