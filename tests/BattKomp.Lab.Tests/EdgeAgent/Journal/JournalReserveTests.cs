using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using Entry = BattKomp.Lab.V1.Entry;

namespace BattKomp.Lab.Tests.EdgeAgent.Journal;

/// <summary>Stops and alarms are written when records no longer can be.</summary>
public class JournalReserveTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task On_a_full_disk_a_stop_becomes_durable_at_once_and_the_records_before_it_when_there_is_room()
    {
        var disk = new FaultyDisk { Capacity = 30_000 };
        var options = new JournalOptions { SegmentBytes = 8000, ReserveBytes = 10_000 };
        using (var journal = AgentJournal.Open(disk, options))
        {
            var stream = AgentJournal.NewStream(JournalTests.Key("b0", "s"));
            await journal.Append(stream, JournalTests.Opened());
            var records = await UntilFullAsync(journal, stream);
            var first = await journal.Append(stream, Stopped("journal_full")).WaitAsync(Bound, TestContext.Current.CancellationToken);
            var second = await journal.Append(stream, Stopped("and_again")).WaitAsync(Bound, TestContext.Current.CancellationToken);
            Assert.Equal(first + 1, second);
            Assert.NotNull(journal.Stall);
            Assert.Contains(records, r => !r.IsCompleted);
            disk.Capacity = long.MaxValue;
            await Task.WhenAll(records).WaitAsync(Bound, TestContext.Current.CancellationToken);
            Assert.Null(journal.Stall);
            Assert.Contains("reserve.bin", disk.List());
        }
        using var again = AgentJournal.Open(disk, options);
        Assert.Empty(again.Losses);
        Assert.True(again.Query(s => s.Run("runs/1")!.Ended));
    }

    [Fact]
    public async Task At_the_bound_a_stop_goes_beyond_it()
    {
        using var journal = AgentJournal.Open(new FaultyDisk(), new JournalOptions { SegmentBytes = 1000, MaxBytes = 4000, ReserveBytes = 1000 });
        var stream = AgentJournal.NewStream(JournalTests.Key("b0", "s"));
        await journal.Append(stream, JournalTests.Opened());
        var records = await UntilFullAsync(journal, stream);
        await journal.Append(stream, Stopped("journal_full")).WaitAsync(Bound, TestContext.Current.CancellationToken);
        Assert.Contains(records, r => !r.IsCompleted);
        await Eventually.Async(() =>
        {
            journal.Acknowledge(journal.End);
            return records.All(r => r.IsCompletedSuccessfully);
        }, Bound, "the records follow");
    }

    private static async Task<List<Task<long>>> UntilFullAsync(AgentJournal journal, JournalStream stream)
    {
        var records = new List<Task<long>>();
        await Eventually.Async(() =>
        {
            records.Add(journal.Append(stream, JournalTests.Records(20, records.Count)));
            return journal.Stall is not null;
        }, Bound, "no more fits");
        return records;
    }

    private static Entry Stopped(string cause) => new() { Event = new StreamEvent { Kind = StreamEvent.Types.Kind.Stopped, Cause = cause } };
}
