using System.Text.Json;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>What the journal knows of one stream: everything that a later boot needs to close it and go on.</summary>
public sealed record StreamTrack
{
    /// <summary>agents/…</summary>
    public required string Agent { get; init; }

    /// <summary>Boot that opened it.</summary>
    public required string Boot { get; init; }

    /// <summary>Name within the boot.</summary>
    public required string Stream { get; init; }

    /// <summary>Sequence that the next entry gets.</summary>
    public long NextSeq { get; set; }

    /// <summary>rigs/…/channels/…</summary>
    public string Channel { get; set; } = "";

    /// <summary>runs/… or empty.</summary>
    public string Run { get; set; } = "";

    /// <summary>leases/… or empty.</summary>
    public string Lease { get; set; } = "";

    /// <summary>The instrument as the stream names it; of a file, the file.</summary>
    public string Identity { get; set; } = "";

    /// <summary>Last record stamp, or the anchor when there is none yet: ns since 1970, lab time.</summary>
    public long LastUtcNs { get; set; }

    /// <summary>True after StreamClosed.</summary>
    public bool Closed { get; set; }

    /// <summary>The identity as the wire spells it.</summary>
    public StreamKey ToKey() => new() { Agent = Agent, Boot = Boot, Stream = Stream };
}

/// <summary>After execution <paramref name="StepCount"/> the program went on with step <paramref name="Goto"/> (1-based).</summary>
public readonly record struct StepJump(int StepCount, int Goto);

/// <summary>What the journal knows of one run: how far it came, so that a restarted agent continues instead of starting over.</summary>
public sealed record RunTrack
{
    /// <summary>runs/…</summary>
    public required string Run { get; init; }

    /// <summary>rigs/…/channels/…</summary>
    public string Channel { get; set; } = "";

    /// <summary>leases/… of its first stream.</summary>
    public string Lease { get; set; } = "";

    /// <summary>Lab time of the first stream's anchor, ns.</summary>
    public long StartUtcNs { get; set; }

    /// <summary>Last record stamp, ns lab time.</summary>
    public long LastUtcNs { get; set; }

    /// <summary>Last device UTC-stamped or agent-stamped test time, seconds.</summary>
    public double TestTimeSecond { get; set; }

    /// <summary>Highest device counter journalled; null = the mapping names none.</summary>
    public long? DeviceCounter { get; set; }

    /// <summary>Number of step executions begun.</summary>
    public int StepCount { get; set; }

    /// <summary>True while the last begun step has not ended.</summary>
    public bool StepOpen { get; set; }

    /// <summary>Lab time at which the last step began, ns.</summary>
    public long StepUtcNs { get; set; }

    /// <summary>Step executions after which the program jumped, and where to: with the count they are the program's position.</summary>
    public List<StepJump> Jumps { get; init; } = [];

    /// <summary>True after a STOPPED event: the run never starts again.</summary>
    public bool Ended { get; set; }

    /// <summary>Cause of the STOPPED event.</summary>
    public string EndReason { get; set; } = "";
}

/// <summary>Streams and runs as the committed entries tell them. Written at the head of every segment, so that freeing an old one forgets nothing needed.</summary>
public sealed class JournalState
{
    private const int KeptRuns = 256;
    private const int KeptSources = 4096;
    private readonly Dictionary<string, StreamTrack> _streams = [];
    private readonly Dictionary<string, RunTrack> _runs = [];
    private readonly List<string> _runOrder = [];
    private readonly Dictionary<(string Channel, string Identity), SourceTrack> _sources = [];
    private readonly List<(string Channel, string Identity)> _sourceOrder = [];

    /// <summary>Streams not closed yet.</summary>
    public IEnumerable<StreamTrack> OpenStreams => _streams.Values.Where(s => !s.Closed);

    /// <summary>The run, or null when the journal holds nothing of it.</summary>
    public RunTrack? Run(string run) => _runs.GetValueOrDefault(run);

    /// <summary>Runs known, oldest first.</summary>
    public IEnumerable<RunTrack> Runs => _runOrder.Select(r => _runs[r]);

    /// <summary>Sources of a channel whose rows are numbered, oldest first.</summary>
    public IEnumerable<SourceTrack> Sources(string channel) => _sourceOrder.Where(s => s.Channel == channel).Select(s => _sources[s]);

    /// <summary>Next sequence of a stream; 0 when unknown.</summary>
    public long NextSeq(StreamKey key) => _streams.TryGetValue(Id(key), out var s) ? s.NextSeq : 0;

    /// <summary>One string that identifies a stream.</summary>
    public static string Id(StreamKey key) => $"{key.Agent}\n{key.Boot}\n{key.Stream}";

    /// <summary>Takes one committed entry in.</summary>
    public void Apply(Entry entry)
    {
        var track = StreamOf(entry.Key);
        switch (entry.BodyCase)
        {
            case Entry.BodyOneofCase.Opened: Open(track, entry.Opened); break;
            case Entry.BodyOneofCase.Batch: Records(track, entry.Batch); break;
            case Entry.BodyOneofCase.Event: Event(track, entry.Event); break;
            case Entry.BodyOneofCase.Closed: track.Closed = true; break;
        }
        var count = entry.BodyCase switch { Entry.BodyOneofCase.Batch => entry.Batch.UtcNs.Count, Entry.BodyOneofCase.Closed => 0, _ => 1 };
        track.NextSeq = Math.Max(track.NextSeq, entry.FirstSeq + count);
        if (track.Closed)
            _streams.Remove(Id(entry.Key));
    }

    /// <summary>JSON for the head of a segment. <paramref name="previousLength"/> is the durable length of the segment before.</summary>
    public byte[] ToSnapshot(long previousLength) =>
        JsonSerializer.SerializeToUtf8Bytes(new Snapshot(previousLength, [.. _streams.Values], [.. Runs]) { Sources = [.. _sourceOrder.Select(s => _sources[s])] });

    /// <summary>Reads a segment's head; null when it cannot be read.</summary>
    public static Snapshot? ReadSnapshot(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize<Snapshot>(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Takes a segment's head in; returns the streams that had come further than the entries read so far, that is: losses.</summary>
    public IReadOnlyList<(StreamTrack Stream, long From)> Merge(Snapshot snapshot, bool first)
    {
        var behind = new List<(StreamTrack, long)>();
        foreach (var stream in snapshot.Streams)
        {
            var mine = StreamOf(stream.ToKey());
            if (mine.NextSeq >= stream.NextSeq)
                continue;
            if (!first)
                behind.Add((stream, mine.NextSeq));
            _streams[Id(stream.ToKey())] = stream;
        }
        foreach (var run in snapshot.Runs)
        {
            if (!_runs.ContainsKey(run.Run))
                _runOrder.Add(run.Run);
            _runs[run.Run] = run;
        }
        foreach (var source in snapshot.Sources)
            Keep(source);
        return behind;
    }

    private StreamTrack StreamOf(StreamKey key)
    {
        if (!_streams.TryGetValue(Id(key), out var track))
            _streams[Id(key)] = track = new StreamTrack { Agent = key.Agent, Boot = key.Boot, Stream = key.Stream };
        return track;
    }

    /// <summary>Key under which the device counter of records without a run is kept.</summary>
    public static string WithoutRun(string channel) => $"no-run/{channel}";

    private RunTrack? RunOf(StreamTrack stream, long utcNs, bool counted = false)
    {
        if (stream.Run.Length == 0 && !counted)
            return null;
        var key = stream.Run.Length == 0 ? WithoutRun(stream.Channel) : stream.Run;
        if (_runs.TryGetValue(key, out var run))
            return run;
        _runs[key] = run = new RunTrack { Run = key, Channel = stream.Channel, Lease = stream.Lease, StartUtcNs = utcNs, LastUtcNs = utcNs };
        _runOrder.Add(key);
        if (_runOrder.Count > KeptRuns)
        {
            _runs.Remove(_runOrder[0]);
            _runOrder.RemoveAt(0);
        }
        return run;
    }

    private void Keep(SourceTrack source)
    {
        var key = (source.Channel, source.Identity);
        if (!_sources.ContainsKey(key))
            _sourceOrder.Add(key);
        _sources[key] = source;
        if (_sourceOrder.Count <= KeptSources)
            return;
        _sources.Remove(_sourceOrder[0]);
        _sourceOrder.RemoveAt(0);
    }

    private void Source(StreamTrack track, Batch batch)
    {
        if (batch.Columns.FirstOrDefault(c => c.Signal == JournalSignals.SourceRow) is { } rows)
            Keep(new SourceTrack { Channel = track.Channel, Identity = track.Identity, Row = (long)rows.Values[^1], Check = SourceTrack.CheckOf(batch.Columns.Select(c => c.Values[^1])) });
    }

    private void Open(StreamTrack track, StreamOpened opened)
    {
        track.Identity = opened.InstrumentIdentity;
        (track.Channel, track.Run, track.Lease, track.LastUtcNs) = (opened.Channel, opened.Run, opened.Lease, opened.AnchorUtcNs);
        _ = RunOf(track, opened.AnchorUtcNs);
    }

    private void Records(StreamTrack track, Batch batch)
    {
        track.LastUtcNs = batch.UtcNs[^1];
        Source(track, batch);
        if (RunOf(track, batch.UtcNs[0], batch.Columns.Any(c => c.Signal == JournalSignals.DeviceCounter)) is not { } run)
            return;
        run.LastUtcNs = batch.UtcNs[^1];
        foreach (var column in batch.Columns)
        {
            if (column.Signal == JournalSignals.TestTime)
                run.TestTimeSecond = column.Values[^1];
            else if (column.Signal == JournalSignals.DeviceCounter)
                // A device that begins to count anew does so only outside a run.
                run.DeviceCounter = track.Run.Length == 0 ? (long)column.Values[^1] : Math.Max(run.DeviceCounter ?? long.MinValue, (long)column.Values[^1]);
        }
    }

    private void Event(StreamTrack track, StreamEvent e)
    {
        if (RunOf(track, e.UtcNs) is not { } run)
            return;
        switch (e.Kind)
        {
            case StreamEvent.Types.Kind.StepStarted:
                (run.StepCount, run.StepOpen, run.StepUtcNs) = (e.StepCount, true, e.UtcNs);
                break;
            case StreamEvent.Types.Kind.StepEnded:
                run.StepOpen = false;
                if (e.GotoStep > 0)
                    run.Jumps.Add(new StepJump(e.StepCount, e.GotoStep));
                break;
            case StreamEvent.Types.Kind.Stopped: (run.Ended, run.EndReason) = (true, e.Cause); break;
        }
    }
}

/// <summary>Signals that the journal itself looks at.</summary>
public static class JournalSignals
{
    /// <summary>Seconds since the run began.</summary>
    public const string TestTime = "test_time_second";

    /// <summary>The device's own record counter, kept beside the records it numbers so that both are durable together.</summary>
    public const string DeviceCounter = "device_counter";

    /// <summary>Number of the row in the file that the stream's identity names: where reading goes on after a restart.</summary>
    public const string SourceRow = "source_row";
}

/// <summary>Head of a segment.</summary>
/// <param name="PreviousLength">Durable length of the segment before; 0 for the first.</param>
/// <param name="Streams">Streams open when the segment began.</param>
/// <param name="Runs">Runs known when the segment began, oldest first.</param>
public sealed record Snapshot(long PreviousLength, IReadOnlyList<StreamTrack> Streams, IReadOnlyList<RunTrack> Runs)
{
    /// <summary>Files and the like known when the segment began, oldest first; none in journals of earlier versions.</summary>
    public IReadOnlyList<SourceTrack> Sources { get; init; } = [];
}
