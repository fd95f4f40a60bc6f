using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>What one stream's retained entries hold, counted from the files. Records and events are distinct sequences.</summary>
public sealed record StreamReport(string Agent, string Boot, string Stream, string Channel, string Run, string Lease,
    long FirstSeq, long LastSeq, long Records, long Events, long DistinctSequences, long Entries, bool Closed);

/// <summary>Answer of `battlab-agent journal`.</summary>
public sealed record JournalReport(IReadOnlyList<StreamReport> Streams, long Records, long Events, long DistinctSequences, long Bytes, IReadOnlyList<JournalLoss> Losses)
{
    /// <summary>Counts a journal's folder without changing it: torn tails and damage are left for the agent to treat.</summary>
    public static JournalReport Of(IJournalDisk disk)
    {
        var streams = new Dictionary<string, Tally>();
        var losses = new List<JournalLoss>();
        long bytes = 0;
        foreach (var name in disk.List().Where(n => Segment.TryNumber(n, out _)).Order(StringComparer.Ordinal))
        {
            using var file = disk.Open(name);
            var content = file.ReadAll();
            bytes += content.Length;
            var scan = SegmentScan.Of(content, 0);
            if (scan.Damaged)
                losses.Add(new JournalLoss(name, "damaged"));
            foreach (var frame in scan.Frames.Where(f => f.Kind == FrameKind.Entry))
                Count(streams, Entry.Parser.ParseFrom(content, frame.PayloadOffset, frame.PayloadLength));
        }
        var rows = streams.Values.Select(t => t.ToReport()).ToList();
        return new JournalReport(rows, rows.Sum(r => r.Records), rows.Sum(r => r.Events), rows.Sum(r => r.DistinctSequences), bytes, losses);
    }

    private static void Count(Dictionary<string, Tally> streams, Entry entry)
    {
        var id = JournalState.Id(entry.Key);
        if (!streams.TryGetValue(id, out var tally))
            streams[id] = tally = new Tally(entry.Key);
        tally.Add(entry);
    }

    private sealed class Tally(StreamKey key)
    {
        private readonly HashSet<long> _records = [];
        private readonly HashSet<long> _events = [];
        private StreamOpened _opened = new();
        private long _entries;
        private bool _closed;

        public void Add(Entry entry)
        {
            _entries++;
            switch (entry.BodyCase)
            {
                case Entry.BodyOneofCase.Batch:
                    for (var k = 0; k < entry.Batch.UtcNs.Count; k++)
                        _records.Add(entry.FirstSeq + k);
                    break;
                case Entry.BodyOneofCase.Closed: _closed = true; break;
                case Entry.BodyOneofCase.Opened:
                    _opened = entry.Opened;
                    _events.Add(entry.FirstSeq);
                    break;
                default: _events.Add(entry.FirstSeq); break;
            }
        }

        public StreamReport ToReport()
        {
            var all = _records.Concat(_events).ToHashSet();
            return new StreamReport(key.Agent, key.Boot, key.Stream, _opened.Channel, _opened.Run, _opened.Lease,
                all.Count == 0 ? -1 : all.Min(), all.Count == 0 ? -1 : all.Max(), _records.Count, _events.Count, all.Count, _entries, _closed);
        }
    }
}
