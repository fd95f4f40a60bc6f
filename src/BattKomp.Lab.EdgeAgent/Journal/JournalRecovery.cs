using System.Buffers;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>
/// Reads what a journal folder holds after any ending: a torn tail is cut, a damaged segment is set aside as *.bad and rebuilt from its sound frames,
/// what is gone for good is listed. Never refuses to open.
/// </summary>
internal sealed class JournalRecovery(IJournalDisk disk)
{
    public List<Segment> Segments { get; } = [];

    public JournalState State { get; } = new();

    public List<JournalLoss> Losses { get; } = [];

    public void Run()
    {
        foreach (var name in disk.List().Where(n => n.EndsWith(".tmp", StringComparison.Ordinal)))
            disk.Delete(name);
        var numbers = disk.List().Select(n => Segment.TryNumber(n, out var number) ? number : -1).Where(n => n >= 0).Order().ToList();
        var attested = numbers.ToDictionary(n => n, _ => 0L);
        foreach (var number in numbers)
            if (HeadOf(number) is { } head && attested.ContainsKey(number - 1))
                attested[number - 1] = head.PreviousLength;
        foreach (var number in numbers)
            Take(number, attested[number]);
    }

    private Snapshot? HeadOf(long number)
    {
        using var file = disk.Open(Segment.NameOf(number));
        var head = new byte[SegmentFormat.HeaderLength + SegmentFormat.FrameOverhead];
        if (file.Read(0, head) < head.Length || !SegmentFormat.HasHeader(head))
            return null;
        var length = SegmentFormat.ClaimedLength(head.AsSpan(SegmentFormat.HeaderLength));
        var bytes = new byte[length];
        _ = file.Read(SegmentFormat.HeaderLength, bytes);
        return SegmentFormat.TryReadFrame(bytes, 0, out var frame) && frame.Kind == FrameKind.Snapshot
            ? JournalState.ReadSnapshot(bytes.AsSpan(frame.PayloadOffset, frame.PayloadLength))
            : null;
    }

    private void Take(long number, long attestedLength)
    {
        var segment = new Segment(number);
        byte[] bytes;
        using (var file = disk.Open(segment.Name))
            bytes = file.ReadAll();
        var scan = SegmentScan.Of(bytes, attestedLength);
        var headless = scan.Frames.Count == 0 || scan.Frames[0].Kind != FrameKind.Snapshot;
        if (headless && scan.Durable == 0)
        {
            // The power went while the head was being written: no entry can have been committed here.
            if (scan.Found == 0)
                disk.Delete(segment.Name);
            else
                SetAside(segment);
            return;
        }
        ReportMissing(number);
        // An unreadable head of a segment that had been durable is damage like any other.
        if (scan.Damaged || headless)
            Rebuild(segment, bytes, scan);
        else
            Cut(segment, scan.SoundLength);
        Read(segment, bytes, scan);
        Segments.Add(segment);
    }

    private void SetAside(Segment segment)
    {
        disk.Rename(segment.Name, segment.Name + ".bad");
        Losses.Add(new JournalLoss(segment.Name + ".bad", "nothing in it tells what had been durable"));
    }

    private void ReportMissing(long number)
    {
        if (Segments.Count > 0 && Segments[^1].Number != number - 1)
            Losses.Add(new JournalLoss(Segment.NameOf(number - 1), $"segments {Segments[^1].Number + 1} to {number - 1} are missing"));
    }

    private void Cut(Segment segment, int length)
    {
        using var file = disk.Open(segment.Name);
        segment.Length = length;
        if (file.Length == length)
            return;
        file.SetLength(length);
        file.Flush();
    }

    private void Rebuild(Segment segment, byte[] bytes, SegmentScan scan)
    {
        var sound = new ArrayBufferWriter<byte>();
        SegmentFormat.WriteHeader(sound);
        var entries = scan.Frames.Where(f => f.Kind == FrameKind.Entry).ToList();
        var snapshot = scan.Frames.Where(f => f.Kind == FrameKind.Snapshot).Select(f => bytes.AsMemory(f.PayloadOffset, f.PayloadLength)).FirstOrDefault();
        SegmentFormat.WriteFrame(sound, FrameKind.Snapshot, snapshot.IsEmpty ? State.ToSnapshot(0) : snapshot.Span);
        foreach (var frame in entries)
            SegmentFormat.WriteFrame(sound, FrameKind.Entry, bytes.AsSpan(frame.PayloadOffset, frame.PayloadLength));
        disk.Rename(segment.Name, segment.Name + ".bad");
        disk.WriteAtomically(segment.Name, sound.WrittenSpan);
        segment.Length = sound.WrittenCount;
        Losses.Add(new JournalLoss(segment.Name + ".bad", $"damaged; {entries.Count} sound entries were kept"));
    }

    private void Read(Segment segment, byte[] bytes, SegmentScan scan)
    {
        foreach (var frame in scan.Frames)
        {
            var payload = bytes.AsSpan(frame.PayloadOffset, frame.PayloadLength);
            if (frame.Kind == FrameKind.Snapshot && JournalState.ReadSnapshot(payload) is { } head)
                foreach (var (stream, from) in State.Merge(head, first: Segments.Count == 0))
                    Losses.Add(new JournalLoss(segment.Name, $"stream {stream.Agent} {stream.Boot} {stream.Stream}: sequences {from} to {stream.NextSeq - 1} are lost"));
            if (frame.Kind == FrameKind.Entry)
                Take(segment, payload.ToArray());
        }
    }

    private void Take(Segment segment, byte[] payload)
    {
        try
        {
            var entry = Entry.Parser.ParseFrom(payload);
            var expected = State.NextSeq(entry.Key);
            if (entry.FirstSeq > expected && expected > 0)
                Losses.Add(new JournalLoss(segment.Name, $"stream {entry.Key.Agent} {entry.Key.Boot} {entry.Key.Stream}: sequences {expected} to {entry.FirstSeq - 1} are lost"));
            State.Apply(entry);
            segment.Note(EntryPeek.Of(payload));
        }
        catch (InvalidProtocolBufferException e)
        {
            Losses.Add(new JournalLoss(segment.Name, $"an entry with a sound checksum cannot be decoded: {e.Message}"));
        }
    }
}
