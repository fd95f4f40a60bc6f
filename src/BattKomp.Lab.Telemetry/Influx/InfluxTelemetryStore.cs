using System.Runtime.CompilerServices;
using Apache.Arrow;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>
/// Records and ledger in InfluxDB. Rows are written first, the ledger after the server has made them durable (HTTP 204), the answer last; a crash in
/// between leaves rows that the agent's repeat overwrites with themselves. docs/formats/influx.md describes what is where.
/// </summary>
public sealed class InfluxTelemetryStore : ITelemetryStore
{
    private readonly InfluxOptions _options;
    private readonly InfluxClient _client;
    private readonly WritePipeline _pipeline;
    private readonly TimeProvider _time;

    /// <summary>Does not touch the network: the database is made ready and the ledger read with the first call that needs them.</summary>
    /// <param name="options">Valid settings (see <see cref="InfluxOptions.Mistakes"/>).</param>
    /// <param name="time">Machine time.</param>
    /// <param name="network">Stands between store and server in tests; null = sockets.</param>
    public InfluxTelemetryStore(InfluxOptions options, TimeProvider time, HttpMessageHandler? network = null)
    {
        if (options.Mistakes().FirstOrDefault() is { } mistake) throw new ArgumentException(mistake, nameof(options));
        (_options, _time) = (options, time);
        _client = new InfluxClient(options, network);
        _pipeline = new WritePipeline(options, _client, time);
    }

    /// <inheritdoc/>
    public bool Available => _pipeline.Available;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<AppendOutcome>> AppendAsync(IReadOnlyList<StreamEntry> entries, CancellationToken cancellation)
    {
        if (entries.Count == 0) return [];
        var work = new Work { Entries = entries, Outcomes = new AppendOutcome[entries.Count] };
        await _pipeline.RunAsync(work, cancellation);
        return work.Outcomes;
    }

    /// <inheritdoc/>
    public async Task<bool> NoteBootAsync(string agent, string boot, CancellationToken cancellation)
    {
        var newest = false;
        await AloneAsync(async catalogue =>
        {
            var boots = catalogue.Boots.GetValueOrDefault(agent, []);
            var known = boots.FindIndex(b => b.Boot == boot);
            newest = known < 0 || known == boots.Count - 1;
            if (known >= 0) return;
            // Stamps only order the boots; two agents must not share one.
            var stamp = Math.Max((_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100, catalogue.Boots.Values.SelectMany(b => b).Select(b => b.Stamp).DefaultIfEmpty(0).Max() + 1);
            using var line = new LineBuffer();
            OwnRows.Boot(line, agent, boot, stamp);
            await _client.WriteOwnAsync(_options.Ledger, line.Written, CancellationToken.None);
            catalogue.Boots[agent] = [.. boots, (boot, stamp)];
        }, cancellation);
        return newest;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<RecordBatch> ReadAsync(RecordQuery query, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var catalogue = await _pipeline.CatalogueAsync(cancellation);
        await foreach (var batch in new RecordPages(_client, _options, catalogue, query).BatchesAsync(cancellation)) yield return batch;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<LatestRecord>> GetLatestAsync(string run, CancellationToken cancellation) => await (await AskAsync(cancellation)).LatestAsync(run);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StreamState>> GetStreamsAsync(string run, CancellationToken cancellation)
    {
        var catalogue = await _pipeline.CatalogueAsync(cancellation);
        return catalogue.States(s => s.QuarantineReason is null && s.Run == run);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StreamState>> GetUnfinishedStreamsAsync(string agent, CancellationToken cancellation)
    {
        var catalogue = await _pipeline.CatalogueAsync(cancellation);
        return catalogue.States(s => s.Key.Agent == agent && s.QuarantineReason is null
            && (s.ClosedLastSeq is not { } last || s.Stored.Ranges.Sum(r => r.Count) != last + 1));
    }

    /// <inheritdoc/>
    public async Task<StreamState?> FindStreamAsync(StreamKey key, CancellationToken cancellation)
    {
        var catalogue = await _pipeline.CatalogueAsync(cancellation);
        if (catalogue.Find(key) is not { } stream) return null;
        lock (catalogue.Lock) return stream.ToState();
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredEvent>> GetEventsAsync(string run, CancellationToken cancellation) => await (await AskAsync(cancellation)).EventsAsync(run);

    /// <inheritdoc/>
    public async Task<RunCounts> CountAsync(string run, CancellationToken cancellation) => await (await AskAsync(cancellation)).CountAsync(run);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<QuarantinedEntry>> GetQuarantineAsync(string run, int limit, CancellationToken cancellation) =>
        await (await AskAsync(cancellation)).QuarantineAsync(run, limit);

    /// <inheritdoc/>
    public async Task<ExportedSegment?> ExportSegmentAsync(string run, IReadOnlyList<StreamRange> ranges, string path, CancellationToken cancellation)
    {
        var catalogue = await _pipeline.CatalogueAsync(cancellation);
        return await new InfluxSegmentExport(_client, _options, catalogue).WriteAsync(run, ranges, path, cancellation);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<StreamKey, string>> GetLedgerHashesAsync(string run, CancellationToken cancellation)
    {
        var catalogue = await _pipeline.CatalogueAsync(cancellation);
        var hashes = new Dictionary<StreamKey, string>();
        foreach (var stream in catalogue.OfRun(run))
            if (await LedgerMerge.HashAsync(_client, _options, stream, cancellation) is { } hash) hashes[stream.Key] = hash;
        return hashes;
    }

    /// <inheritdoc/>
    public Task MergeLedgerAsync(string run, CancellationToken cancellation) => AloneAsync(async catalogue =>
    {
        foreach (var stream in catalogue.OfRun(run)) await new LedgerMerge(_client, _options, catalogue).MergeAsync(stream, cancellation);
    }, cancellation);

    /// <inheritdoc/>
    public Task DeleteRunAsync(string run, CancellationToken cancellation) => AloneAsync(async catalogue =>
    {
        var streams = catalogue.OfRun(run);
        if (streams.Count == 0) return;
        // First the mark: rows without it would make every late repeat look like other content.
        using var lines = new LineBuffer();
        foreach (var stream in streams) OwnRows.Deleted(lines, stream);
        await _client.WriteOwnAsync(_options.Ledger, lines.Written, cancellation);
        lock (catalogue.Lock)
            foreach (var stream in streams) stream.RowsDeleted = true;
        foreach (var stream in streams)
        {
            await _client.QueryAsync(_options.Records, $"DELETE FROM \"{InfluxNames.Records}\" WHERE \"stream\" = '{stream.Id}'", new InfluxTable(), cancellation);
            await _client.QueryAsync(_options.Ledger, $"DELETE FROM \"{InfluxNames.Events}\" WHERE \"stream\" = '{stream.Id}'", new InfluxTable(), cancellation);
        }
    }, cancellation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _pipeline.DisposeAsync();
        _client.Dispose();
    }

    private Task AloneAsync(Func<InfluxCatalogue, Task> work, CancellationToken cancellation) => _pipeline.RunAsync(new Work { Alone = work }, cancellation);

    private async Task<InfluxQueries> AskAsync(CancellationToken cancellation) => new(_client, _options, await _pipeline.CatalogueAsync(cancellation), cancellation);
}
