using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Uplink;

/// <summary>Entries sent on one call and not acknowledged yet, in journal order. The journal's cursor may move to the first of them.</summary>
internal sealed class InFlight(int bound) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Sent> _sent = [];
    private readonly SemaphoreSlim _room = new(bound);

    public int Count
    {
        get
        {
            lock (_gate)
                return _sent.Count;
        }
    }

    public Task WaitForRoomAsync(CancellationToken cancel) => _room.WaitAsync(cancel);

    /// <summary>Takes room when there is some; for a lane that must not hold another up.</summary>
    public bool TryTakeRoom() => _room.Wait(0);

    /// <summary>The room was not needed after all.</summary>
    public void GiveRoomBack() => _room.Release();

    public void Add(JournalFrame frame)
    {
        var peek = EntryPeek.Of(frame.Payload);
        lock (_gate)
            _sent.AddLast(new Sent(JournalState.Id(peek.Key), peek.FirstSeq, peek.LastSeq, peek.Body == Entry.BodyOneofCase.Closed, frame.Next));
    }

    /// <summary>Takes an acknowledgement; returns how far the cursor may move, null when not at all.</summary>
    public JournalPosition? Acknowledge(Ack ack)
    {
        var id = JournalState.Id(ack.Key);
        JournalPosition? moved = null;
        lock (_gate)
        {
            foreach (var sent in _sent)
                if (sent.Id == id && !sent.Done && Covers(sent, ack))
                {
                    sent.Done = true;
                    _room.Release();
                }
            while (_sent.First is { Value.Done: true } first)
            {
                moved = first.Value.Next;
                _sent.RemoveFirst();
            }
        }
        return moved;
    }

    public void Dispose() => _room.Dispose();

    // A server may acknowledge an entry's records in parts; the sides that are covered are cut off until nothing is left.
    private static bool Covers(Sent sent, Ack ack)
    {
        if (sent.Close)
            return ack.Closed && ack.LastSeq == sent.First;
        if (ack.FirstSeq <= sent.First && ack.LastSeq >= sent.First)
            sent.First = Math.Max(sent.First, ack.LastSeq + 1);
        else if (ack.LastSeq >= sent.Last && ack.FirstSeq <= sent.Last)
            sent.Last = Math.Min(sent.Last, ack.FirstSeq - 1);
        return sent.First > sent.Last;
    }

    private sealed class Sent(string id, long first, long last, bool close, JournalPosition next)
    {
        public string Id { get; } = id;

        public long First { get; set; } = first;

        public long Last { get; set; } = last;

        public bool Close { get; } = close;

        public JournalPosition Next { get; } = next;

        public bool Done { get; set; }
    }
}
