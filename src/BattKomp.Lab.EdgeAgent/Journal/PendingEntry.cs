using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>An entry on its way to the disk.</summary>
internal sealed class PendingEntry(JournalStream stream, Entry entry)
{
    public JournalStream Stream { get; } = stream;

    public Entry Entry { get; } = entry;

    public int Size { get; } = entry.CalculateSize() + 128;

    /// <summary>What must be told also when the disk is full: events, and the opening without which no event has a stream. Records wait.</summary>
    public bool Urgent => Entry.BodyCase is Entry.BodyOneofCase.Event or Entry.BodyOneofCase.Opened;

    public long First { get; set; }

    public long NextSeq { get; set; }

    public TaskCompletionSource<long> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
