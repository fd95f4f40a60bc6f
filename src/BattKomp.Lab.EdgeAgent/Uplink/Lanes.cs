using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Uplink;

/// <summary>When and how fast history is sent behind what is new.</summary>
public sealed record UplinkOptions
{
    /// <summary>Un-acknowledged bytes at connecting from which on new entries go ahead of the old ones.</summary>
    public long HistoryFromBytes { get; init; } = 1 << 20;

    /// <summary>Bytes of history a second beside the live lane.</summary>
    public double HistoryBytesPerSecond { get; init; } = 4 << 20;
}

/// <summary>A stretch of the journal that is being sent: read in order, several entries in flight.</summary>
internal sealed class Lane(JournalReader reader, JournalPosition? until, int inFlight) : IDisposable
{
    private volatile bool _exhausted;

    public InFlight Flight { get; } = new(inFlight);

    public JournalPosition Position => reader.Position;

    /// <summary>True when the lane has an end and every entry before it is in flight or acknowledged. Set only when a read finds nothing: the entry read before is in flight by then.</summary>
    public bool Exhausted => _exhausted;

    /// <summary>The next entry of the lane; null when it has none now.</summary>
    public JournalFrame? TryRead()
    {
        var frame = until is { } end && reader.Position.CompareTo(end) >= 0 ? null : reader.TryRead();
        _exhausted = until is not null && frame is null;
        return frame;
    }

    public void Dispose()
    {
        Flight.Dispose();
        reader.Dispose();
    }
}

/// <summary>
/// The two lanes of one call. After an outage the live lane begins at the journal's end of that moment and the history lane sends what lies before it; the
/// cursor follows the history until that is acknowledged, and the live lane from then on. Without a backlog the live lane is all there is.
/// </summary>
internal sealed class Lanes : IDisposable
{
    private const int MaxInFlight = 256;
    private readonly Lock _gate = new();
    private readonly JournalPosition _split;
    private JournalPosition? _liveAcked;

    public Lanes(AgentJournal journal, UplinkOptions options)
    {
        var (from, end) = (journal.AckCursor, journal.End);
        _split = journal.UnackedBytes > options.HistoryFromBytes ? end : from;
        Live = new Lane(journal.Read(_split), null, MaxInFlight);
        History = _split == from ? null : new Lane(journal.Read(from), _split, MaxInFlight);
    }

    /// <summary>Everything written from now on, or everything when there is no history.</summary>
    public Lane Live { get; }

    /// <summary>What had gathered before; null when there was little.</summary>
    public Lane? History { get; }

    public int InFlight => Live.Flight.Count + (History?.Flight.Count ?? 0);

    /// <summary>True when an entry will be sent by its lane anyway, so that nobody need ask for it.</summary>
    public bool IsStillToCome(JournalPosition at) =>
        at.CompareTo(_split) >= 0 ? at.CompareTo(Live.Position) >= 0 : History is not null && at.CompareTo(History.Position) >= 0;

    /// <summary>Takes an acknowledgement; returns how far the journal's cursor may move, null when not at all.</summary>
    public JournalPosition? Acknowledge(Ack ack)
    {
        lock (_gate)
        {
            _liveAcked = Live.Flight.Acknowledge(ack) ?? _liveAcked;
            var old = History?.Flight.Acknowledge(ack);
            return HistoryIsDone ? _liveAcked : old;
        }
    }

    /// <summary>How far the cursor may move now that the history has nothing more to read; null while some of it is in flight.</summary>
    public JournalPosition? Settle()
    {
        lock (_gate)
            return HistoryIsDone ? _liveAcked : null;
    }

    private bool HistoryIsDone => History is null or { Exhausted: true, Flight.Count: 0 };

    public void Dispose()
    {
        Live.Dispose();
        History?.Dispose();
    }
}

/// <summary>Lets so many bytes a second through, and a quarter of a second's worth at once.</summary>
internal sealed class Pace(double bytesPerSecond, TimeProvider machine)
{
    private double _left = bytesPerSecond / 4;
    private long _at = machine.GetTimestamp();

    /// <summary>True when the next bytes may go now.</summary>
    public bool IsFree
    {
        get
        {
            _left = Math.Min(bytesPerSecond / 4, _left + (machine.GetElapsedTime(_at).TotalSeconds * bytesPerSecond));
            _at = machine.GetTimestamp();
            return _left > 0;
        }
    }

    /// <summary>Counts what went.</summary>
    public void Spend(int bytes) => _left -= bytes;
}
