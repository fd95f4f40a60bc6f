using BattKomp.Lab.EdgeAgent.Journal;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Journal;

/// <summary>Whatever happens to the bytes of a journal's folder, the agent starts.</summary>
public class JournalDamageTests
{
    private static readonly JournalOptions Small = new() { SegmentBytes = 2000, MaxBytes = 1 << 20, ReserveBytes = 1000 };

    private static readonly Lazy<Dictionary<string, byte[]>> Sound = new(Build);

    [Fact]
    public void Any_damage_to_any_file_opens_invents_nothing_and_takes_new_entries_that_stay()
    {
        var blow = from file in Gen.Int[0, 99] from at in Gen.Int[0, 1 << 20] from kind in Gen.Int[0, 5] from value in Gen.Byte select (file, at, kind, value);
        blow.Array[1, 6].Sample(blows =>
        {
            var files = Sound.Value.ToDictionary(f => f.Key, f => (byte[])f.Value.Clone());
            foreach (var (file, at, kind, value) in blows)
                Strike(files, files.Keys.Order(StringComparer.Ordinal).ElementAtOrDefault(file % Math.Max(1, files.Count)) ?? "x", at, kind, value);
            var disk = DiskOf(files);
            var original = Entries(DiskOf(Sound.Value));
            _ = JournalReport.Of(disk);
            Assert.True(AgentBoot.Next(disk, TimeProvider.System).Order > 0);
            using (var journal = AgentJournal.Open(disk, Small))
            {
                Assert.Subset(original, Read(journal));
                Append(journal);
            }
            using var again = AgentJournal.Open(disk, Small);
            Assert.Contains("new", Read(again).Select(e => e.Stream));
        }, iter: 400);
    }

    [Fact]
    public void A_bit_turned_in_any_byte_of_a_committed_segment_is_told_and_costs_one_entry_at_most()
    {
        var name = Sound.Value.Keys.Where(n => n.EndsWith(".seg", StringComparison.Ordinal)).Order(StringComparer.Ordinal).First();
        var original = Entries(DiskOf(Sound.Value));
        for (var at = 0; at < Sound.Value[name].Length; at++)
        {
            var files = Sound.Value.ToDictionary(f => f.Key, f => (byte[])f.Value.Clone());
            files[name][at] ^= 0x10;
            using var journal = AgentJournal.Open(DiskOf(files), Small);
            var kept = Read(journal);
            Assert.Subset(original, kept);
            Assert.InRange(original.Count - kept.Count, 0, 1);
            Assert.Contains(journal.Losses, l => l.Segment == name + ".bad");
        }
    }

    private static void Strike(Dictionary<string, byte[]> files, string name, int at, int kind, byte value)
    {
        if (!files.TryGetValue(name, out var bytes))
            return;
        if (kind == 0)
            files.Remove(name);
        else if (kind == 1)
            files[name] = bytes[..(at % (bytes.Length + 1))];
        else if (kind == 2)
            files[name] = [.. bytes, .. Enumerable.Repeat(value, at % 50)];
        else if (kind == 3)
            files[files.Keys.Order(StringComparer.Ordinal).ElementAt(at % files.Count)] = bytes;
        else if (bytes.Length > 0)
            bytes[at % bytes.Length] = value;
    }

    private static Dictionary<string, byte[]> Build()
    {
        var disk = new FaultyDisk();
        _ = AgentBoot.Next(disk, TimeProvider.System);
        using (var journal = AgentJournal.Open(disk, Small))
        {
            var stream = AgentJournal.NewStream(JournalTests.Key("b0", "s"));
            for (var k = 0; k < 60; k++)
                journal.Append(stream, k == 0 ? JournalTests.Opened() : JournalTests.Records(3, k)).GetAwaiter().GetResult();
            using var reader = journal.Read(journal.AckCursor);
            for (var k = 0; k < 20; k++)
                journal.Acknowledge(reader.TryRead()!.Next);
        }
        return disk.List().ToDictionary(n => n, n => disk.ReadAll(n)!);
    }

    private static FaultyDisk DiskOf(Dictionary<string, byte[]> files)
    {
        var disk = new FaultyDisk();
        foreach (var (name, bytes) in files)
            using (var file = disk.Open(name))
                file.Write(0, bytes);
        return disk;
    }

    private static void Append(AgentJournal journal) =>
        Assert.True(journal.Append(AgentJournal.NewStream(JournalTests.Key("b1", "new")), JournalTests.Opened()).Wait(TimeSpan.FromSeconds(20)));

    private static HashSet<(string Stream, long Seq, string Bytes)> Entries(FaultyDisk disk)
    {
        using var journal = AgentJournal.Open(disk, Small);
        return Read(journal);
    }

    private static HashSet<(string Stream, long Seq, string Bytes)> Read(AgentJournal journal)
    {
        using var reader = journal.Read(new JournalPosition(0, 0));
        var all = new HashSet<(string, long, string)>();
        while (reader.TryRead() is { } frame)
            all.Add((EntryPeek.Of(frame.Payload).Key.Stream, EntryPeek.Of(frame.Payload).FirstSeq, Convert.ToHexString(frame.Payload)));
        return all;
    }
}
