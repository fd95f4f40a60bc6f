using BattKomp.Lab.BatteryData.Importers;
using BattKomp.Lab.EdgeAgent.Instruments.Folder;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.Tests.EdgeAgent.Journal;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using Entry = BattKomp.Lab.V1.Entry;

namespace BattKomp.Lab.Tests.EdgeAgent.Support;

/// <summary>A folder channel over a journal that outlives it, and a folder for the vendor's program to write into.</summary>
internal sealed class FolderBench : IDisposable
{
    private const int MostLooks = 10_000;
    private readonly TempFolder _folder = new();
    private readonly FaultyDisk _disk = new();
    private int _boot;

    public FolderBench(JournalOptions? options = null)
    {
        Options = options;
        Exports = Directory.CreateDirectory(_folder.File("exports")).FullName;
        Start();
    }

    public JournalOptions? Options { get; }

    public string Exports { get; }

    public string Letters => _folder.File("letters");

    public DriverBench Bench { get; private set; } = null!;

    public FolderChannel Channel { get; private set; } = null!;

    public string File(string name) => Path.Combine(Exports, name);

    public void Write(string name, ReadOnlySpan<byte> bytes) => System.IO.File.WriteAllBytes(File(name), bytes);

    public void Append(string name, ReadOnlySpan<byte> bytes)
    {
        using var stream = new FileStream(File(name), FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        stream.Write(bytes);
    }

    /// <summary>Looks until nothing is left to read.</summary>
    public async Task LookAsync()
    {
        for (var looks = 0; await Channel.LookAsync(); looks++)
            Assert.True(looks < MostLooks, "the channel never comes to the end of its files");
    }

    /// <summary>As after a kill: nothing is closed, another agent opens the journal.</summary>
    public void Restart()
    {
        Bench.Dispose();
        Start();
    }

    /// <summary>Every record journalled, in order: stream identity, run, row number, the other values, step type.</summary>
    public List<Journalled> Records(bool lenient = false)
    {
        var opened = new Dictionary<string, StreamOpened>();
        var records = new List<Journalled>();
        foreach (var entry in Bench.Entries())
        {
            if (entry.Opened is { } open)
                opened[JournalState.Id(entry.Key)] = open;
            if (entry.Batch is not { } batch)
                continue;
            // The beginning of a stream may have been freed with its segment.
            var stream = lenient ? opened.GetValueOrDefault(JournalState.Id(entry.Key), new StreamOpened()) : opened[JournalState.Id(entry.Key)];
            for (var k = 0; k < batch.UtcNs.Count; k++)
                records.Add(new Journalled(stream.InstrumentIdentity, stream.Run, stream.ClockQuality, batch.UtcNs[k], (long)batch.Columns[0].Values[k],
                    [.. batch.Columns.Skip(1).Select(c => c.Values[k])], batch.TextColumns.Count == 0 ? "" : batch.TextColumns[0].Dictionary[(int)batch.TextColumns[0].Values[k]]));
        }
        return records;
    }

    public IEnumerable<string> Notes() => Bench.Entries().Where(e => e.Event is not null).Select(e => e.Event.Cause);

    public IEnumerable<string> Openings() => Bench.Entries().Where(e => e.BodyCase == Entry.BodyOneofCase.Opened).Select(e => e.Opened.InstrumentIdentity);

    /// <summary>The records of one source, or of all, are those of one full import: each once, in order, bit for bit.</summary>
    public void AssertRows(byte[] export, IEnumerable<Journalled>? records = null)
    {
        var expected = ExportFiles.Import(export);
        var found = (records ?? Records()).ToList();
        Assert.Equal(expected.Select(r => r.Row), found.Select(r => r.Row));
        for (var k = 0; k < expected.Count; k++)
        {
            Assert.Equal(expected[k].Values, found[k].Values);
            Assert.Equal(expected[k].Type, found[k].Type);
        }
    }

    public void Dispose()
    {
        Bench.Dispose();
        _folder.Dispose();
    }

    private void Start()
    {
        Bench = new DriverBench(_disk, $"b{_boot++}", Options);
        var settings = new FolderSettings { Path = Exports, Glob = "*", Import = new ImportOptions { TimeZone = "Europe/Oslo", AllowIncomplete = true } };
        Channel = new FolderChannel("rigs/cyc/channels/1", true, settings, new DeadLetters(Letters, TimeProvider.System), Bench.Context);
    }

    internal sealed record Journalled(string Identity, string Run, ClockQuality Clock, long UtcNs, long Row, double[] Values, string Type);
}
