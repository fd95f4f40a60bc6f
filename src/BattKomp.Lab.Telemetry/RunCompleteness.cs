namespace BattKomp.Lab.Telemetry;

/// <summary>The server's account of a run: what was expected, what is stored, what is missing. Printed into every dataset.</summary>
/// <param name="Run">runs/…</param>
/// <param name="Streams">Each stream with its ledger.</param>
/// <param name="Counts">Measured over the rows.</param>
/// <param name="Outages">Stretches in which nobody listened.</param>
public sealed record RunCompleteness(string Run, IReadOnlyList<StreamState> Streams, RunCounts Counts, IReadOnlyList<StoredEvent> Outages)
{
    private const int MostQuarantine = 100;
    private const string DeviceCounter = "device_counter";

    /// <summary>Hash over the ledger of each stream that has one.</summary>
    public IReadOnlyDictionary<StreamKey, string> LedgerSha256 { get; init; } = new Dictionary<StreamKey, string>();

    /// <summary>Streams whose records carry the device's own counter.</summary>
    public IReadOnlySet<StreamKey> Counted { get; init; } = new HashSet<StreamKey>();

    /// <summary>The first entries kept aside.</summary>
    public IReadOnlyList<QuarantinedEntry> Quarantine { get; init; } = [];

    /// <summary>Sum over streams; -1 while any stream's end is unknown.</summary>
    public long Expected => Streams.Any(s => s.Expected < 0) ? -1 : Streams.Sum(s => s.Expected);

    /// <summary>Committed entries.</summary>
    public long Stored => Streams.Sum(s => s.StoredCount);

    /// <summary>Known to be missing.</summary>
    public long Missing => Streams.Sum(s => s.Gaps.Sum(g => g.Count));

    /// <summary>Every stream is closed, nothing is missing, and the rows agree with the ledger.</summary>
    public bool Complete => Expected >= 0 && Missing == 0 && Counts.Duplicates == 0;

    /// <summary>One sentence for people, e.g. "expected 9295, stored 9295, gaps: none".</summary>
    public string Sentence
    {
        get
        {
            var open = Streams.Count(s => s.Expected < 0);
            var expected = open == 0 ? $"expected {Expected}" : $"expected unknown ({open} of {Streams.Count} streams not closed)";
            var gaps = Missing > 0 ? $"gaps: {Missing} missing in {Streams.Sum(s => s.Gaps.Count)} ranges" : open == 0 ? "gaps: none" : "gaps: none seen so far";
            var extra = (Counts.Duplicates > 0 ? $", duplicates: {Counts.Duplicates}" : "")
                + (Counts.Quarantined > 0 ? $", quarantined: {Counts.Quarantined}" : "")
                + (Outages.Count > 0 ? $", outages: {Outages.Count}" : "");
            return $"{expected}, stored {Stored}, {gaps}{extra}";
        }
    }

    /// <summary>Asks the store.</summary>
    public static async Task<RunCompleteness> OfAsync(ITelemetryStore store, string run, CancellationToken cancellation)
    {
        var streams = await store.GetStreamsAsync(run, cancellation);
        var counts = await store.CountAsync(run, cancellation);
        var events = await store.GetEventsAsync(run, cancellation);
        var latest = await store.GetLatestAsync(run, cancellation);
        return new RunCompleteness(run, streams, counts, [.. events.Where(e => e.Event.Kind == "OUTAGE")])
        {
            LedgerSha256 = await store.GetLedgerHashesAsync(run, cancellation),
            Counted = latest.Where(r => r.Values.TryGetValue(DeviceCounter, out var counter) && double.IsFinite(counter)).Select(r => r.Key).ToHashSet(),
            Quarantine = counts.Quarantined == 0 ? [] : await store.GetQuarantineAsync(run, MostQuarantine, cancellation),
        };
    }
}
