namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>
/// Judges entries in order and puts what they bring into the current group. Runs on the store's one loop; it looks at the database only for what it
/// cannot remember, after everything in flight has landed.
/// </summary>
internal sealed class EntryJudge(InfluxOptions options, InfluxCatalogue catalogue, StoredRows rows, TimeProvider time, Func<Task> settle)
{
    private const int SeriesOfStream = 4, MostRemembered = 4096;
    private readonly Dictionary<StreamKey, StreamLedger> _opening = [];
    private readonly HashSet<(string Run, SignalSet Signals)> _coming = [];
    private readonly HashSet<StreamLedger> _touched = [];
    private readonly Dictionary<long, string> _aside = [];

    /// <summary>Where accepted content goes.</summary>
    public WriteGroup Group { get; set; } = new();

    /// <summary>Forgets everything that is not committed.</summary>
    public void Reset()
    {
        foreach (var stream in _touched) stream.Reset();
        _touched.Clear();
        _opening.Clear();
        _coming.Clear();
        _aside.Clear();
    }

    /// <summary>Judges one entry of a call.</summary>
    public async Task<AppendOutcome> JudgeAsync(Work work, int index)
    {
        var entry = work.Entries[index];
        if (entry.Body is PoisonBody poison) return await AsideAsync(entry, poison.Reason);
        if (entry.Body is OpenedBody opened) return await OpenedAsync(entry, opened);
        if (Find(entry.Key) is not { } stream)
            return entry.Body is ClosedBody { LastSeq: -1 }
                ? new AppendOutcome(AppendResult.Stored, "", null, "")
                : new AppendOutcome(AppendResult.UnknownStream, "", null, "");
        if (stream.QuarantineReason is { } reason) return await AsideAsync(entry, reason);
        if (entry.Body is ClosedBody closed) return await ClosedAsync(entry, closed, stream);
        if (entry.FirstSeq < 1) return await AsideAsync(entry, $"first_seq is {entry.FirstSeq}; sequence 0 is the stream's opening");
        if (stream.SeenClosed is { } last && entry.LastSeq > last)
            return await AsideAsync(entry, $"sequence {entry.LastSeq} comes after the stream's close at {last}");
        return await ContentAsync(work, index, stream);
    }

    private StreamLedger? Find(StreamKey key) => catalogue.Find(key) ?? _opening.GetValueOrDefault(key);

    private async Task<AppendOutcome> OpenedAsync(StreamEntry entry, OpenedBody opened)
    {
        if (entry.FirstSeq != 0) return await AsideAsync(entry, $"first_seq is {entry.FirstSeq}; an opening is sequence 0");
        var stream = Find(entry.Key);
        if (stream?.QuarantineReason is { } reason) return await AsideAsync(entry, reason);
        if (stream is not null && stream.OpenedHash != entry.Hash) return await AsideAsync(entry, "the stream was opened before with another header");
        if (stream is not null && stream.Seen.Intersect(new SequenceRange(0, 0)).Count > 0) return new AppendOutcome(AppendResult.Duplicate, "", null, stream.Run);
        if (stream is null)
        {
            foreach (var committed in _opening.Keys.Where(k => catalogue.Find(k) is not null).ToList()) _opening.Remove(committed);
            // Not a fault of the entry: it waits in its agent's journal until there is room.
            if ((catalogue.StreamCount + _opening.Count + 1) * SeriesOfStream > options.MaxSeries)
                throw new SeriesLimitException(
                    $"the database holds {catalogue.StreamCount} streams of {SeriesOfStream} series each, and Telemetry:Influx:MaxSeries is {options.MaxSeries}: raise it (and InfluxDB's own max-series-per-database), or start a new database; nothing is lost, new streams wait at their agents");
            stream = Open(entry, opened);
            if (opened.QuarantineReason is { } why) return await AsideAsync(entry, why);
        }

        // A stream row without its ledger row is what a crash between the two leaves.
        Account(stream, new LedgerRow(new SequenceRange(0, 0), InfluxNames.KindOpened, entry.Hash, 0, 0, 0));
        return new AppendOutcome(AppendResult.Stored, "", null, stream.Run);
    }

    private StreamLedger Open(StreamEntry entry, OpenedBody opened)
    {
        var aside = opened.QuarantineReason;
        var stream = new StreamLedger(entry.Key, InfluxNames.ShortId(entry.Key), aside is null ? opened.Run : "", opened.Header, entry.Hash, aside, catalogue.NextOrder + _opening.Count);
        lock (catalogue.Lock)
            foreach (var row in catalogue.WithoutOpening.GetValueOrDefault(stream.Id, []))
                stream.Commit(row);
        stream.Reset();
        _opening[entry.Key] = stream;
        OwnRows.Stream(Group.Own, stream);
        Group.Commits.Add(() => catalogue.Add(stream));
        return stream;
    }

    private async Task<AppendOutcome> ClosedAsync(StreamEntry entry, ClosedBody closed, StreamLedger stream)
    {
        if (closed.LastSeq < -1 || entry.FirstSeq != closed.LastSeq + 1)
            return await AsideAsync(entry, $"a close at {closed.LastSeq} has first_seq {closed.LastSeq + 1}, not {entry.FirstSeq}");
        if (closed.LastSeq < stream.Seen.Max)
            return await AsideAsync(entry, $"a close at {closed.LastSeq} denies sequence {stream.Seen.Max}, which is stored");
        if (stream.SeenClosed is { } before && before != closed.LastSeq)
            return await AsideAsync(entry, $"the stream was closed before at {before}, not {closed.LastSeq}");
        SequenceRange? missing = stream.Seen.Max < closed.LastSeq ? new SequenceRange(stream.Seen.Max + 1, closed.LastSeq) : null;
        if (stream.SeenClosed is not null) return new AppendOutcome(AppendResult.Duplicate, "", missing, stream.Run);
        OwnRows.Closed(Group.Own, stream, closed);
        Touch(stream).SeenClosed = closed.LastSeq;
        Group.Commits.Add(() => (stream.ClosedLastSeq, stream.CloseReason) = (closed.LastSeq, closed.Reason));
        return new AppendOutcome(AppendResult.Stored, "", missing, stream.Run);
    }

    private async Task<AppendOutcome> ContentAsync(Work work, int index, StreamLedger stream)
    {
        var entry = work.Entries[index];
        var range = new SequenceRange(entry.FirstSeq, entry.LastSeq);
        var before = stream.Seen.Max;
        var held = before < range.First ? [] : stream.Seen.Intersect(range);
        if (held.Sum(h => h.Count) == range.Count)
            return await IsSameAsync(entry, stream, range, held)
                ? new AppendOutcome(AppendResult.Duplicate, "", null, stream.Run)
                : await OtherContentAsync(entry, held);
        if (entry.Body is EventBody e)
        {
            OwnRows.Event(Group.Own, stream, entry.FirstSeq, e);
            Account(stream, new LedgerRow(range, InfluxNames.KindEvent, entry.Hash, 0, 0, 0));
        }
        else
        {
            var block = ((RecordsBody)entry.Body).Block;
            if (await RefusalAsync(entry, stream, block, held) is { } why) return await AsideAsync(entry, why);
            foreach (var part in held.Count == 0 ? [range] : stream.Seen.Missing(range)) Take(work, index, stream, block, range, part);
            if (range.Last > before) stream.SeenUtcNs = block.UtcNs[^1];
        }

        SequenceRange? missing = range.First > before + 1 ? new SequenceRange(before + 1, range.First - 1) : null;
        return new AppendOutcome(AppendResult.Stored, "", missing, stream.Run);
    }

    /// <summary>Why a block that brings something new may not be stored, or null.</summary>
    private async Task<string?> RefusalAsync(StreamEntry entry, StreamLedger stream, RecordBlock block, List<SequenceRange> held)
    {
        var atEnd = stream.Seen.Max < entry.FirstSeq;
        if (atEnd && block.UtcNs[0] <= stream.SeenUtcNs) return $"utc_ns[0] is not after the stream's last stamp {stream.SeenUtcNs}";
        if (block.UtcNs[0] < InfluxNames.FirstStamp || block.UtcNs[^1] > InfluxNames.LastStamp) return "a stamp is outside what the database can hold (1677 to 2262)";
        if (IsTooOld(block.UtcNs[0]))
            return $"records older than the retention of {options.RetentionHours} h would be dropped by the database; raise Telemetry:Influx:RetentionHours and bring them back from quarantine";
        if (!catalogue.HasSignals(stream.Run, block.Signals))
        {
            if (catalogue.TypeConflict(block.Signals, _coming.Select(c => c.Signals)) is { } conflict) return conflict;
            if (_coming.Add((stream.Run, block.Signals)))
            {
                OwnRows.Signals(Group.Own, stream.Run, block.Signals);
                Group.Commits.Add(() => catalogue.AddSignals(stream.Run, block.Signals));
            }
        }

        // A stamp is the row's key: one that stands under another sequence would be overwritten.
        if (atEnd && await OrphansUntilAsync(stream) < block.UtcNs[0]) return null;
        await settle();
        return await rows.CompareAsync(stream, entry.FirstSeq, block, held);
    }

    private async Task<long> OrphansUntilAsync(StreamLedger stream)
    {
        if (stream.OrphansUntilUtcNs is { } known) return known;
        await settle();
        stream.OrphansUntilUtcNs = await rows.NewestStampAsync(stream, stream.SeenUtcNs);
        _touched.Add(stream);
        return stream.OrphansUntilUtcNs.Value;
    }

    private void Take(Work work, int index, StreamLedger stream, RecordBlock block, SequenceRange range, SequenceRange part)
    {
        var (start, count) = ((int)(part.First - range.First), (int)part.Count);
        var hash = part == range ? work.Entries[index].Hash : EntryHash.Of(new RecordsBody(block.Slice(start, count)));
        var row = new LedgerRow(part, InfluxNames.KindRecords, hash, count, block.UtcNs[start], block.UtcNs[start + count - 1]);
        Group.Pieces.Add(new RecordPiece(stream, work, index, block, start, count, row));
        Group.Records += count;
        Touch(stream).See(part, hash);
    }

    private async Task<bool> IsSameAsync(StreamEntry entry, StreamLedger stream, SequenceRange range, List<SequenceRange> held)
    {
        if (stream.HashOf(range) is { } hash) return hash == entry.Hash;
        await settle();
        if (await rows.LedgerAsync(stream, range.First) is { } row && row.Range == range && row.Kind != InfluxNames.KindMerged) return row.Hash == entry.Hash;
        // Merged away, or cut otherwise than before: the rows themselves decide. Rows that are gone cannot contradict.
        if (stream.RowsDeleted) return true;
        if (entry.Body is EventBody e) return await rows.HoldsEventAsync(stream, entry.FirstSeq, e);
        var block = ((RecordsBody)entry.Body).Block;
        return IsTooOld(block.UtcNs[^1]) || await rows.CompareAsync(stream, entry.FirstSeq, block, held) is null;
    }

    private Task<AppendOutcome> OtherContentAsync(StreamEntry entry, List<SequenceRange> held) =>
        AsideAsync(entry, $"sequences {held[0].First} to {held[^1].Last} are stored with other content");

    /// <summary>Keeps an entry aside with its bytes; the same entry again is the same row.</summary>
    private async Task<AppendOutcome> AsideAsync(StreamEntry entry, string reason)
    {
        if (_aside.Count > MostRemembered)
        {
            await settle();
            _aside.Clear();
        }

        var stream = Find(entry.Key);
        var kept = new AsideEntry(entry, reason, stream?.Run ?? "");
        var key = kept.Key;
        while ((_aside.GetValueOrDefault(key) ?? await rows.AsideHashAsync(key)) is { } other && other != kept.Hash) key += AsideEntry.KeyStep;
        if (_aside.TryAdd(key, kept.Hash) && await rows.AsideHashAsync(key) is null) OwnRows.Aside(Group.Own, kept, key, Now());
        return new AppendOutcome(AppendResult.Quarantined, reason, null, kept.Run);
    }

    private void Account(StreamLedger stream, LedgerRow row)
    {
        Group.Ledger.Add((stream, row));
        Touch(stream).See(row.Range, row.Hash);
    }

    private StreamLedger Touch(StreamLedger stream)
    {
        _touched.Add(stream);
        return stream;
    }

    private bool IsTooOld(long utcNs) => options.RetentionHours > 0 && utcNs < Now() - (long)(options.RetentionHours * 3.6e12);

    private long Now() => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
}
