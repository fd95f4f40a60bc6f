using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.Tests.EdgeAgent.Journal;
using BattKomp.Lab.V1;
using CsCheck;
using NodaTime;
using Xunit;
using Entry = BattKomp.Lab.V1.Entry;

namespace BattKomp.Lab.Tests.EdgeAgent.Records;

public class ChannelRecorderTests
{
    private static readonly RecordedChannel Channel = new("rigs/r/channels/c", "test", false, ["voltage_volt"], ["step_type"]);

    [Fact]
    public void Stamps_grow_strictly_equal_ones_by_a_nanosecond_and_a_step_back_turns_the_stream() =>
        Gen.Long[0, 5].Array[1, 200].Sample(utc =>
        {
            var entries = Record(r => r.Open("", "", "", utc[0]), (r, k) => r.Add(Row(utc[k])), utc.Length);
            var streams = entries.GroupBy(e => e.Key.Stream).ToList();
            Assert.Equal(1 + utc.Zip(utc.Skip(1)).Count(p => p.Second < p.First), streams.Count);
            foreach (var stream in streams)
            {
                var stamps = stream.Where(e => e.Batch is not null).SelectMany(e => e.Batch.UtcNs).ToList();
                Assert.Equal(stamps.Order().Distinct(), stamps);
                Assert.Equal(Entry.BodyOneofCase.Closed, stream.Last().BodyCase);
                Assert.Equal(stream.Last().FirstSeq - 1, stream.Last().Closed.LastSeq);
            }
            Assert.Equal(utc.Length, entries.Where(e => e.Batch is not null).Sum(e => e.Batch.UtcNs.Count));
        }, iter: 60);

    [Fact]
    public void Rows_and_events_keep_their_order_and_every_sequence_is_used_once()
    {
        var entries = Record(r => r.Open("leases/l", "runs/r", "id"), (r, k) =>
        {
            _ = r.Add(Row(k, k % 7 == 0 ? Quality.Suspect : Quality.Good));
            if (k % 50 == 0)
                _ = r.Event(StreamEvent.Types.Kind.Note, $"n{k}", "");
        }, 1500);
        long next = 0;
        var rows = 0;
        foreach (var entry in entries)
        {
            Assert.Equal(next, entry.FirstSeq);
            if (entry.Event is { } e)
                Assert.Equal($"n{rows - 1}", e.Cause);
            rows += entry.Batch?.UtcNs.Count ?? 0;
            next += entry.Batch?.UtcNs.Count ?? (entry.Closed is null ? 1 : 0);
            Assert.True(entry.Batch is null || entry.Batch.Quality.Count == 0 || entry.Batch.Quality.Count == entry.Batch.UtcNs.Count);
        }
        Assert.Equal(1500, rows);
        Assert.Contains(entries, e => e.Batch is { UtcNs.Count: > 1 });
    }

    private static RecordRow Row(long stamp, Quality quality = Quality.Good) => new(stamp, [3.7], ["REST"], quality);

    private static List<Entry> Record(Action<ChannelRecorder> open, Action<ChannelRecorder, int> add, int count)
    {
        var disk = new FaultyDisk();
        using (var journal = AgentJournal.Open(disk))
        {
            var clock = new StampClock(TimeProvider.System, new LabClock(NodaConstants.UnixEpoch, NodaConstants.UnixEpoch, 1));
            var recorder = new ChannelRecorder(journal, new StreamNames("agents/a", "b0"), clock, Channel);
            open(recorder);
            for (var k = 0; k < count; k++)
                add(recorder, k);
            recorder.CloseAsync("done").Wait(TestContext.Current.CancellationToken);
        }
        using var read = AgentJournal.Open(disk);
        using var reader = read.Read(new JournalPosition(0, 0));
        var entries = new List<Entry>();
        while (reader.TryRead() is { } frame)
            entries.Add(Entry.Parser.ParseFrom(frame.Payload));
        return entries;
    }
}
