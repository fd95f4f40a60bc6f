using System.Collections.Concurrent;
using System.Text.Json;
using BattKomp.Lab.Contracts;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Telemetry;

namespace BattKomp.Lab.Server.Features.Datasets;

/// <summary>A registered segment.</summary>
/// <param name="Name">segments/{segment}</param>
/// <param name="Run">runs/…</param>
/// <param name="Number">1, 2, … within the run.</param>
/// <param name="File">Full path.</param>
/// <param name="Records">Rows.</param>
/// <param name="Bytes">Length.</param>
/// <param name="Sha256">Lower-case hex.</param>
/// <param name="FirstUtcNs">First record stamp.</param>
/// <param name="LastUtcNs">Last record stamp.</param>
/// <param name="Ranges">Stream sequences in it, events included.</param>
public sealed record SegmentRow(
    string Name, string Run, int Number, string File, long Records, long Bytes, string Sha256, long FirstUtcNs, long LastUtcNs, IReadOnlyList<StreamRange> Ranges);

/// <summary>
/// The archive of record: a run's records as immutable Parquet files in the data folder, registered with their hash in the
/// calendar. Every call is idempotent after a crash at any point: what no registered segment covers is written again under the same name.
/// </summary>
public sealed class Segments(ITelemetryStore store, CalendarDatabase database, LabOptions options, MachineClock clock)
{
    private const long Day = 24L * 3600 * 1_000_000_000, HardLimit = 26L * 3600 * 1_000_000_000;
    private const long SoftBytes = 64L << 20, HardBytes = 80L << 20;

    // What a stored record takes in Parquet until a segment of the same run has shown it.
    private const double FirstGuessBytes = 24;
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _gates = new(StringComparer.Ordinal);

    /// <summary>The run's segments in order.</summary>
    public Task<List<SegmentRow>> OfRunAsync(string run, CancellationToken cancel) => database.ReadAsync(tx => SegmentRows.OfRunAsync(tx, run, cancel), cancel);

    /// <summary>As <see cref="OfRunAsync"/>, as they stand in a Run message.</summary>
    public async Task<List<V1.Segment>> MessagesOfRunAsync(string run, CancellationToken cancel) => [.. (await OfRunAsync(run, cancel)).Select(SegmentRows.Message)];

    /// <summary>
    /// Writes everything of the run that no segment covers yet as one more segment, and merges the run's ledger. Called when a run is
    /// final, and again when late records came. Returns all segments of the run.
    /// </summary>
    /// <exception cref="StoreUnavailableException">Nothing was written; call again.</exception>
    public Task<List<SegmentRow>> SealAsync(string run, CancellationToken cancel) => Locked(run, async () =>
    {
        var segments = await OfRunAsync(run, cancel);
        var open = Uncovered(await store.GetStreamsAsync(run, cancel), segments);
        if (await WriteAsync(run, segments.Count + 1, open, cancel) is { } added) segments.Add(added);
        await store.MergeLedgerAsync(run, cancel);
        return segments;
    }, cancel);

    /// <summary>
    /// Rolls a running run's segment at the first step border after 24 hours of record time or 64 MB; without a border at the latest
    /// after 26 hours. Returns the new segment, or null when none is due.
    /// </summary>
    public Task<SegmentRow?> RollAsync(string run, CancellationToken cancel) => Locked(run, async () =>
    {
        var segments = await OfRunAsync(run, cancel);
        var streams = await store.GetStreamsAsync(run, cancel);
        var open = Uncovered(streams, segments);
        if (open.Count == 0) return null;
        var from = segments.Count > 0 ? segments[^1].LastUtcNs : streams.Min(s => s.Header.AnchorUtcNs);
        var span = streams.Max(s => s.LastUtcNs) - from;
        var perRecord = segments.Count > 0 ? (double)segments.Sum(s => s.Bytes) / segments.Sum(s => s.Records) : FirstGuessBytes;
        var bytes = (long)(open.Sum(r => r.Range.Count) * perRecord);
        if (span < Day && bytes < SoftBytes) return null;
        var border = await BorderAsync(run, open, span >= Day ? from + Day : from + 1, span >= Day, cancel);
        if (border is null && span < HardLimit && bytes < HardBytes) return null;
        return await WriteAsync(run, segments.Count + 1, border is { } at ? UpTo(open, streams, at) : open, cancel);
    }, cancel);

    private async Task<T> Locked<T>(string run, Func<Task<T>> work, CancellationToken cancel)
    {
        var gate = _gates.GetOrAdd(run, _ => new SemaphoreSlim(1, 1));
        await gate.WaitAsync(cancel);
        try
        {
            return await work();
        }
        finally
        {
            gate.Release();
        }
    }

    private async Task<SegmentRow?> WriteAsync(string run, int number, List<StreamRange> ranges, CancellationToken cancel)
    {
        if (ranges.Count == 0) return null;
        var id = $"{ResourceNames.LastId(run)}-{number}";
        var file = Path.Combine(Path.GetFullPath(options.DataDirectory), "segments", id + ".parquet");
        if (await store.ExportSegmentAsync(run, ranges, file, cancel) is not { } written) return null;
        var row = new SegmentRow("segments/" + id, run, number, file, written.Records, written.Bytes, written.Sha256, written.FirstUtcNs, written.LastUtcNs, ranges);
        await database.WriteAsync(tx => SegmentRows.InsertAsync(tx, row, Micros.FromInstant(clock.Now), cancel), cancel);
        return row;
    }

    /// <summary>Stored sequences that no segment covers.</summary>
    internal static List<StreamRange> Uncovered(IReadOnlyList<StreamState> streams, IReadOnlyList<SegmentRow> segments)
    {
        var covered = segments.SelectMany(s => s.Ranges).GroupBy(r => r.Key).ToDictionary(g => g.Key, g => new SequenceSet(g.Select(r => r.Range)));
        return [.. streams.SelectMany(s => s.Stored
            .SelectMany(range => covered.TryGetValue(s.Key, out var set) ? set.Missing(range) : [range])
            .Select(range => new StreamRange(s.Key, range)))];
    }

    private async Task<StoredEvent?> BorderAsync(string run, List<StreamRange> open, long afterUtcNs, bool first, CancellationToken cancel)
    {
        var steps = (await store.GetEventsAsync(run, cancel))
            .Where(e => e.Event.Kind is "STEP_STARTED" or "STEP_ENDED" && e.Event.UtcNs >= afterUtcNs && open.Any(r => r.Key == e.Key && r.Range.First < e.Seq && e.Seq <= r.Range.Last));
        return first ? steps.FirstOrDefault() : steps.LastOrDefault();
    }

    // A run's streams follow each other: everything before the border's stream, and that stream up to the border.
    private static List<StreamRange> UpTo(List<StreamRange> open, IReadOnlyList<StreamState> streams, StoredEvent border)
    {
        var order = streams.Select((s, k) => (s.Key, k)).ToDictionary(p => p.Key, p => p.k);
        return [.. open.Where(r => order[r.Key] < order[border.Key] || (r.Key == border.Key && r.Range.First <= border.Seq))
            .Select(r => r.Key == border.Key ? r with { Range = new SequenceRange(r.Range.First, Math.Min(r.Range.Last, border.Seq)) } : r)];
    }
}

/// <summary>Rows of segments.</summary>
internal static class SegmentRows
{
    private const string Columns = "name, run, number, file, records, bytes, sha256, first_utc_ns, last_utc_ns, ranges";

    internal static Task<List<SegmentRow>> OfRunAsync(CalendarTransaction tx, string run, CancellationToken cancel) =>
        tx.QueryAsync($"SELECT {Columns} FROM segments WHERE run = @r ORDER BY number", r => new SegmentRow(
            r.GetString(0), r.GetString(1), r.GetInt32(2), r.GetString(3), r.GetInt64(4), r.GetInt64(5), r.GetString(6), r.GetInt64(7), r.GetInt64(8), Ranges(r.GetString(9))), cancel, ("r", run));

    internal static Task InsertAsync(CalendarTransaction tx, SegmentRow row, long nowUs, CancellationToken cancel) => tx.ExecuteAsync(
        $"INSERT INTO segments ({Columns}, created_us) VALUES (@n, @r, @k, @f, @c, @b, @s, @a, @z, @g, @t)", cancel,
        ("n", row.Name), ("r", row.Run), ("k", row.Number), ("f", row.File), ("c", row.Records), ("b", row.Bytes), ("s", row.Sha256),
        ("a", row.FirstUtcNs), ("z", row.LastUtcNs), ("g", JsonSerializer.Serialize(row.Ranges.Select(r => new RangeJson(r.Key.Agent, r.Key.Boot, r.Key.Stream, r.Range.First, r.Range.Last)))), ("t", nowUs));

    internal static V1.Segment Message(SegmentRow row) => new()
    {
        Name = row.Name,
        Records = row.Records,
        Bytes = row.Bytes,
        Sha256 = row.Sha256,
        FirstTime = Stamp(row.FirstUtcNs),
        LastTime = Stamp(row.LastUtcNs),
    };

    private static Google.Protobuf.WellKnownTypes.Timestamp Stamp(long ns) => new() { Seconds = ns / 1_000_000_000, Nanos = (int)(ns % 1_000_000_000) };

    private static List<StreamRange> Ranges(string json) =>
        [.. JsonSerializer.Deserialize<List<RangeJson>>(json)!.Select(r => new StreamRange(new StreamKey(r.Agent, r.Boot, r.Stream), new SequenceRange(r.First, r.Last)))];

    private sealed record RangeJson(string Agent, string Boot, string Stream, long First, long Last);
}
