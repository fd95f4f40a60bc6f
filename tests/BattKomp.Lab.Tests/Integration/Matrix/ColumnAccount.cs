using System.Text.Json.Nodes;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Integration.Matrix;

/// <summary>One run after its fault: the server's account beside the agent's journal.</summary>
internal sealed class ColumnAccount
{
    private readonly Column _column;
    private readonly JsonNode _completeness;
    private readonly List<Entry> _entries;

    public ColumnAccount(Column column, string run, JsonNode completeness, IReadOnlyList<Entry> journal)
    {
        (_column, _completeness) = (column, completeness);
        var streams = journal.Where(e => e.Opened?.Run == run).Select(e => JournalState.Id(e.Key)).ToHashSet();
        _entries = [.. journal.Where(e => streams.Contains(JournalState.Id(e.Key)))];
        Streams = _entries.Where(e => e.Opened is not null).Select(e => e.Opened).ToList();
        Outages = _entries.Where(e => e.Event?.Kind == StreamEvent.Types.Kind.Outage).Select(e => e.Event).ToList();
        Notes = _entries.Where(e => e.Event?.Kind == StreamEvent.Types.Kind.Note).Select(e => e.Event).ToList();
        Counters = [.. _entries.Where(e => e.Batch is not null).SelectMany(e => e.Batch.Columns.FirstOrDefault(c => c.Signal == JournalSignals.DeviceCounter)?.Values ?? []).Select(v => (long)v)];
    }

    /// <summary>Openings of the run's streams.</summary>
    public IReadOnlyList<StreamOpened> Streams { get; }

    /// <summary>Stretches in which nobody listened.</summary>
    public IReadOnlyList<StreamEvent> Outages { get; }

    /// <summary>Notes, such as device_counter_gap.</summary>
    public IReadOnlyList<StreamEvent> Notes { get; }

    /// <summary>The device's own counters, in journal order; empty when it has none.</summary>
    public IReadOnlyList<long> Counters { get; }

    /// <summary>Records in the journal.</summary>
    public long Journalled => _entries.Sum(e => (long)(e.Batch?.UtcNs.Count ?? 0));

    /// <summary>Quality marks other than GOOD.</summary>
    public long Doubtful => _entries.Sum(e => (long)(e.Batch?.Quality.Count(q => q != Quality.Good) ?? 0));

    public static long Number(JsonNode? node) => node is null ? 0 : long.Parse(node.ToString());

    /// <summary>Server and journal agree record for record; the server measured no duplicate over its rows; no gap is left.</summary>
    /// <param name="keptApart">True when something was sent by one who is not trusted: it lies in quarantine besides.</param>
    public void NothingIsLostOrDoubled(bool keptApart = false)
    {
        var why = $"{_column.Bench.Rig}: journal {Journalled} records in {Streams.Count} streams; {_completeness.ToJsonString()}";
        Assert.True(_completeness["complete"]?.GetValue<bool>() == true, why);
        var apart = Journalled - Number(_completeness["records"]);
        Assert.True(apart == 0 || (keptApart && apart > 0 && Number(_completeness["quarantined"]) > 0), why);
        Assert.True(Number(_completeness["missing"]) == 0 && Number(_completeness["duplicates"]) == 0, why);
        Assert.True(keptApart || Number(_completeness["quarantined"]) == 0, why);
        Assert.True(Counters.Distinct().Count() == Counters.Count, $"{why}: the device's counters repeat");
    }

    /// <summary>Between two records further apart than the instrument ever is lies an outage that covers just that hole, and no outage lies elsewhere.</summary>
    public void OutagesAreExactlyTheHoles()
    {
        var stamps = _entries.Where(e => e.Batch is not null).SelectMany(e => e.Batch.UtcNs).Order().ToList();
        var told = Outages.Where(o => Seconds(o.UtcNs, o.UntilUtcNs) > _column.LongestSilence).ToList();
        for (var k = 1; k < stamps.Count; k++)
        {
            if (Seconds(stamps[k - 1], stamps[k]) <= _column.LongestSilence)
                continue;
            var (from, to) = (stamps[k - 1], stamps[k]);
            var covering = Outages.Where(o => o.UtcNs < to && o.UntilUtcNs > from).ToList();
            var text = $"{_column.Bench.Rig}: nothing for {Seconds(from, to):0.00} s; outages: {string.Join("; ", Outages.Select(o => $"{o.Cause} {Seconds(from, o.UtcNs):0.00}…{Seconds(from, o.UntilUtcNs):0.00}"))}";
            Assert.True(covering.Count > 0, text);
            Assert.True(Math.Abs(Seconds(from, covering.Min(o => o.UtcNs))) <= _column.LongestSilence, text);
            Assert.True(Math.Abs(Seconds(covering.Max(o => o.UntilUtcNs), to)) <= _column.LongestSilence, text);
            told.RemoveAll(covering.Contains);
        }
        // What a counting instrument kept while the broker was away came later with its own stamps: nobody listened, yet nothing is missing.
        told.RemoveAll(o => Counters.Count > 0 && o.Cause == "broker_lost");
        Assert.True(told.Count == 0, $"{_column.Bench.Rig}: outages told where records flowed: {string.Join("; ", told)}");
    }

    /// <summary>Stamps rise strictly within each stream, whatever the wall clock did.</summary>
    public void StampsRiseWithinStreams()
    {
        foreach (var stream in _entries.Where(e => e.Batch is not null).GroupBy(e => JournalState.Id(e.Key)))
        {
            var stamps = stream.SelectMany(e => e.Batch.UtcNs).ToList();
            Assert.True(stamps.Zip(stamps.Skip(1)).All(p => p.First < p.Second), $"{_column.Bench.Rig}: stamps of {stream.Key} do not rise");
        }
    }

    /// <summary>No good record holds a voltage, current or temperature that the simulated cell cannot have: an answer to another question, or a flipped bit.</summary>
    public void ValuesStayPlausible()
    {
        foreach (var batch in _entries.Where(e => e.Batch is not null).Select(e => e.Batch))
            foreach (var column in batch.Columns.Where(c => _column.Plausible.ContainsKey(c.Signal)))
                for (var k = 0; k < column.Values.Count; k++)
                    if (!double.IsNaN(column.Values[k]) && (batch.Quality.Count == 0 || batch.Quality[k] == Quality.Good))
                        Assert.InRange(column.Values[k], _column.Plausible[column.Signal].Low, _column.Plausible[column.Signal].High);
    }

    private static double Seconds(long from, long to) => (to - from) / 1e9;
}
