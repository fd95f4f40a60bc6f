using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Journal;

/// <summary>A disk that forgets what was not flushed, in any order, under a journal so small that it frees what the server has acknowledged.</summary>
public class JournalPowerCutTests
{
    private static readonly JournalOptions Tight = new() { SegmentBytes = 1500, MaxBytes = 9000, ReserveBytes = 500 };

    [Fact]
    public void What_was_durable_and_not_acknowledged_is_read_from_the_cursor_on_after_any_cut()
    {
        var round =
            from appends in Gen.Int[1, 12].Array[1, 8]
            from acknowledged in Gen.Int[0, 100]
            from cut in Gen.Int[1, 80]
            from seed in Gen.Int
            select (appends, acknowledged, cut, seed);
        round.Array[1, 5].Sample(rounds =>
        {
            var disk = new FaultyDisk();
            var model = new Model();
            for (var boot = 0; boot < rounds.Length; boot++)
            {
                var (appends, acknowledged, cut, seed) = rounds[boot];
                Live(disk, model, boot, appends, acknowledged, cut);
                disk.PowerUp(new Random(seed));
                Check(disk, model);
            }
        }, iter: 200);
    }

    private static void Live(FaultyDisk disk, Model model, int boot, int[] appends, int acknowledged, int cut)
    {
        using var journal = AgentJournal.Open(disk, Tight);
        disk.CutAfter(cut);
        var stream = AgentJournal.NewStream(JournalTests.Key($"b{boot}", "s"));
        foreach (var records in appends)
        {
            var tasks = Enumerable.Range(0, records).Select(k => journal.Append(stream, JournalTests.Records(2, k))).ToList();
            Assert.True(SpinWait.SpinUntil(() => journal.Stall is not null || tasks.All(t => t.IsCompleted), TimeSpan.FromSeconds(20)));
            foreach (var done in tasks.Where(t => t.IsCompletedSuccessfully))
                model.Durable.Add((stream.Key.Boot, done.Result));
            ServerTakes(journal, model, acknowledged);
        }
    }

    // The server commits, then acknowledges, the part of what is there that the round says.
    private static void ServerTakes(AgentJournal journal, Model model, int percent)
    {
        using var reader = journal.Read(journal.AckCursor);
        var frames = new List<JournalFrame>();
        while (reader.TryRead() is { } frame)
            frames.Add(frame);
        foreach (var frame in frames.Take(frames.Count * percent / 100))
        {
            var peek = EntryPeek.Of(frame.Payload);
            model.AtServer.Add((peek.Key.Boot, peek.FirstSeq));
            journal.Acknowledge(frame.Next);
        }
        journal.PersistCursor();
    }

    private static void Check(FaultyDisk disk, Model model)
    {
        using var journal = AgentJournal.Open(disk, Tight);
        Assert.Empty(journal.Losses);
        using var reader = journal.Read(journal.AckCursor);
        var toSend = new HashSet<(string, long)>();
        while (reader.TryRead() is { } frame)
            toSend.Add((EntryPeek.Of(frame.Payload).Key.Boot, EntryPeek.Of(frame.Payload).FirstSeq));
        Assert.Empty(model.Durable.Except(model.AtServer).Except(toSend));
        // What survived though nobody was told counts as journalled from now on.
        model.Durable.UnionWith(toSend);
    }

    private sealed class Model
    {
        public HashSet<(string Boot, long Seq)> Durable { get; } = [];

        public HashSet<(string Boot, long Seq)> AtServer { get; } = [];
    }
}
